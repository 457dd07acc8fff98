"""A deployment on PostgreSQL 15: planned, prepared and carried out as on 18."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gonogo.rollout.deploy import deploy
from gonogo.rollout.preflight.plan import plan
from gonogo.rollout.preflight.readiness import inspect

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

pytestmark = [pytest.mark.postgres15, pytest.mark.slow]


def test_it_is_looked_at_planned_and_deployed(team15: Team) -> None:
    """Tools, locks and limits are those of that version; what newer ones know is not needed."""
    ready = inspect(team15.context, team15.tell, ())
    assert ready.problems == ()
    planned = plan(team15.context)
    assert planned.problems == ()
    assert not [note for note in planned.notes if "not known" in note]
    locks = [
        (lock.table, lock.mode)
        for migration in planned.migrations
        for effect in migration.effects or ()
        for lock in effect.locks
    ]
    assert locks.count(("users", "SHARE ROW EXCLUSIVE")) == 7
    result = deploy(team15.context, team15.tell)
    assert result.error is None
    assert team15.ask("select count(*) from gonogo.migration where completed_at is not null") == 9
