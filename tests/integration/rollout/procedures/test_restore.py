"""Restoring: the backup in a database's place, nothing lost unseen, and a stop is no dead end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gonogo.rollout.deploy import deploy
from gonogo.rollout.rollback import Request, rollback

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

NEW_TABLE = "select to_regclass('sync_metrics') is not null"
JOB_RUN = "insert into gonogo.job_run (job_name, started_at, succeeded) values ('x', now(), true)"
RESTORE = Request("restore", "damaged rows")


@pytest.fixture
def deployed(team: Team) -> Iterator[Team]:
    """A team whose deployment succeeded; what a restore kept or left goes with the test."""
    assert deploy(team.context, team.tell).outcome == "succeeded"
    team.trace()
    yield team
    for name in team.relatives():
        team.drop(name)


def test_a_restore_puts_the_backup_in_the_databases_place(deployed: Team) -> None:
    """Schema equal, old code, ledger carried over, the old database kept under another name."""
    deployed.ask("insert into users (email) values ('new@example.com')")
    deployed.ask(
        "insert into gonogo.job_run (job_name, started_at, succeeded) values ('x', now(), true)"
    )
    result = rollback(deployed.context, deployed.tell, RESTORE)
    assert (result.outcome, result.error) == ("succeeded", None)
    assert deployed.trace() == ["stop_jobs", "stop_app", "revert_code", "start_app", "start_jobs"]
    assert "schema equal to that before the deployment" in result.steps[-1].proved
