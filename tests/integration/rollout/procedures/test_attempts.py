"""A rollback goes back to the last state that served, over every attempt since."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gonogo.config.project import Project
from gonogo.errors import UsageError
from gonogo.model.step import StepKind
from gonogo.postgres.session import connect
from gonogo.rollout.deploy import deploy
from gonogo.rollout.preflight.readiness import inspect
from gonogo.rollout.recovery import restart
from gonogo.rollout.rollback import Request, rollback
from gonogo.rollout.rollback_plan import plan_rollback
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.site import Consent

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

pytestmark = pytest.mark.slow

OUTCOMES = "select string_agg(outcome, ' ' order by id) from gonogo.deployment"
SERVED = "select array_agg(served order by id) from gonogo.deployment"
TABLES = "select array[to_regclass('first_try') is not null, to_regclass('second_try') is not null]"


def write(team: Team, version: str, table: str, sql: str = "") -> None:
    """Add a migration that makes a table, and the revert that moves it aside."""
    file = team.root / "migrations" / f"{version}_{table}"
    made = sql or f"create table {table} (id bigint primary key);\n"
    file.with_suffix(".sql").write_text(made, encoding="utf-8")
    moved = f"alter table {table} set schema :aside;\n"
    file.with_suffix(".revert.sql").write_text(moved, encoding="utf-8")


def of(team: Team, revision: str) -> RolloutContext:
    """The context of a deployment of a revision; what runs now is the ledger's to know."""
    return replace(team.context, revision=revision, previous_revision="")


@pytest.fixture
def tried(team: Team) -> Team:
    """One deployment that serves, one that migrated and did not start, one that mended it."""
    assert deploy(of(team, "served"), team.tell).outcome == "succeeded"
    write(team, "047", "first_try")
    team.break_command("start_app")
    assert deploy(of(team, "tried"), team.tell).outcome == "failed"
    team.mend_command("start_app")
    write(team, "048", "second_try")
    assert deploy(of(team, "mended"), team.tell).outcome == "succeeded"
    team.trace()
    return team


def test_code_and_schema_go_back_to_the_last_state_that_served(tried: Team) -> None:
    """What the attempt before applied is rolled back too, and the ledger says so of both."""
    tried.ask("insert into first_try values (1)")
    result = rollback(tried.context, tried.tell)
    assert (result.outcome, result.error) == ("succeeded", None)
    assert result.deployment is not None
    assert result.deployment.previous_revision == "served"
    assert "schema equal to that before the deployment" in result.steps[-1].proved
    assert tried.ask(TABLES) == [False, False]
    assert tried.ask("select count(*) from gonogo_aside_3.first_try") == 1
    assert tried.ask(OUTCOMES) == "succeeded rolled_back rolled_back"
    assert tried.ask(SERVED) == [None, False, True]
    assert result.reverted == ("047_first_try.sql", "048_second_try.sql")
    assert result.stays == ()
    assert rollback(tried.context, tried.tell).outcome == "unchanged"


def test_a_restore_takes_the_backup_of_the_first_attempt(tried: Team) -> None:
    """The newest one holds what the attempt before applied."""
    result = rollback(tried.context, tried.tell, Request(mode="restore"))
    assert (result.outcome, result.error) == ("succeeded", None)
    assert (result.reverted, result.stays) == (("047_first_try.sql", "048_second_try.sql"), ())
    assert tried.ask(TABLES) == [False, False]
    assert tried.ask(OUTCOMES) == "succeeded rolled_back rolled_back"
    assert tried.ask("select count(*) from gonogo.migration where reverted_at is null") == 9
    for name in tried.relatives():
        tried.drop(name)


def test_a_rollback_that_stopped_goes_on_to_the_same_state(tried: Team) -> None:
    """The attempts are rolled back in the ledger at the very end."""
    tried.break_command("start_app")
    assert rollback(tried.context, tried.tell).outcome == "failed"
    assert tried.ask(OUTCOMES) == "succeeded failed failed"
    tried.mend_command("start_app")
    assert rollback(tried.context, tried.tell).error is None
    assert tried.ask(OUTCOMES) == "succeeded rolled_back rolled_back"


def test_the_plan_says_what_is_taken_back_and_what_stays(tried: Team) -> None:
    """The attempt by its number, each migration of both, those of the deployment that served."""
    lines = plan_rollback(tried.context, tried.tell, Request())
    assert any(line.startswith("deployment 2 (failed, revision tried) is taken") for line in lines)
    reverted = [line for line in lines if line.endswith("is reverted")]
    assert reverted == ["048_second_try.sql is reverted", "047_first_try.sql is reverted"]
    staying = next(line for line in lines if line.startswith("stay, because a deployment that"))
    assert "046" in staying
    assert "047" not in staying


def test_preflight_names_what_an_attempt_left_without_a_revert(
    deployed_copy: Team, tmp_path: Path
) -> None:
    """A rollback of what comes would take it back too; what served has applied stays."""
    root = Path(shutil.copytree(deployed_copy.root, tmp_path / "project"))
    (file,) = (root / "migrations").glob("046_*.revert.sql")
    file.unlink()
    context = replace(deployed_copy.context, project=Project(root), revision="mended")

    def notes() -> list[str]:
        deployed_copy.events.clear()
        inspect(context, deployed_copy.tell, ())
        told = (event.title for event in deployed_copy.events if event.kind is StepKind.NOTE)
        return [line for line in told if line.startswith("cannot be reverted: ")]

    assert notes() == []
    deployed_copy.ask("update gonogo.deployment set outcome = 'failed'")
    (note,) = notes()
    assert note.startswith("cannot be reverted: 046_")


def test_nothing_is_restarted_on_what_an_attempt_before_applied(
    deployed_copy: Team, tmp_path: Path
) -> None:
    """The revision before all of them knows nothing of that schema, whoever failed last."""
    root = Path(shutil.copytree(deployed_copy.root, tmp_path / "project"))
    (root / "migrations" / "047_next.sql").write_text("create table next (id integer);\n")
    deployed_copy.ask("update gonogo.deployment set outcome = 'failed'")
    deployed_copy.ask(
        "insert into gonogo.deployment (environment, revision, previous_revision, outcome,"
        " migrations_sha256, criteria_sha256, deployed_by)"
        " values ('staging', 'mended', 'old', 'failed', 'm', 'c', 'ada')"
    )
    with pytest.raises(UsageError, match="no code that fits the schema"):
        restart(replace(deployed_copy.context, project=Project(root)), deployed_copy.tell)
    assert deployed_copy.trace() == []


def test_a_failed_migration_takes_the_attempts_before_it_back(team: Team) -> None:
    """Automatically in production: the old code finds the schema that it knows."""
    environ = {**team.context.environ, "NODE_ENV": "production"}
    production = replace(team.production(), environ=environ, previous_revision="")
    with connect(team.context.database.conninfo) as connection:
        name = connection.info.dbname

    def go(revision: str) -> str:
        context = replace(production, revision=revision)
        told = deploy(context, team.tell, Consent(name), override_reason="a test")
        return told.outcome

    assert go("served") == "succeeded"
    write(team, "047", "first_try")
    team.break_command("start_app")
    assert go("tried") == "failed"
    team.mend_command("start_app")
    failing = "-- gonogo: needs-rows\ndo $$ begin raise exception 'no'; end $$;\n"
    write(team, "048", "second_try", failing)
    team.trace()
    assert go("mended") == "failed"
    # What the attempt before had stopped is started.
    assert {"revert_code", "start_app", "start_jobs"} <= set(team.trace())
    assert team.ask(TABLES) == [False, False]
    assert team.ask(OUTCOMES) == "succeeded rolled_back rolled_back"
