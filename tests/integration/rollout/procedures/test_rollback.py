"""Rolling back: the database is what it was, nothing is lost, and a stop is no dead end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gonogo.config.environments import CommandConfig
from gonogo.errors import UsageError
from gonogo.postgres.session import connect
from gonogo.rollout.deploy import deploy
from gonogo.rollout.rollback import Request, rollback
from gonogo.rollout.standing import ROLL_BACK_AGAIN, read_standing

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

NEW_TABLE = "select to_regclass('sync_metrics') is not null"


@pytest.fixture
def deployed(deployed_apart: Team) -> Team:
    """A team whose deployment succeeded."""
    return deployed_apart


def test_a_rollback_proves_that_the_database_is_what_it_was(deployed: Team) -> None:
    """Jobs and application stop first; the schema's fingerprint is equal; the ledger knows why."""
    result = rollback(deployed.context, deployed.tell, Request(reason="a drill"))
    assert (result.outcome, result.error) == ("succeeded", None)
    assert deployed.trace() == ["revert_code", "stop_jobs", "stop_app", "start_app", "start_jobs"]
    evidence = result.steps[-1].evidence
    assert evidence["schema_before"] == evidence["schema_now"]
    assert "all 60 rows of users intact" in result.steps[-1].proved
    assert deployed.ask(NEW_TABLE) is False
    assert deployed.ask("select rollback_mode from gonogo.deployment") == "revert"
    assert deployed.ask("select rollback_reason from gonogo.deployment") == "a drill"


def test_what_stands_below_a_failed_attempt_can_be_rolled_back(deployed: Team) -> None:
    """By its number alone: a rollback that is run again never goes further back by itself."""
    deployed.break_command("build")
    attempt = deploy(replace(deployed.context, revision="next"), deployed.tell)
    assert attempt.outcome == "failed"
    assert rollback(deployed.context, deployed.tell).deployment_id == attempt.deployment_id
    again = rollback(deployed.context, deployed.tell)
    assert (again.outcome, deployed.ask(NEW_TABLE)) == ("unchanged", True)
    first = Request(deployment=attempt.deployment_id - 1)
    deployed.break_command("start_app")
    assert rollback(deployed.context, deployed.tell, first).outcome == "failed"
    deployed.mend_command("start_app")
    with connect(deployed.context.database.conninfo) as connection:
        assert read_standing(connection).advice == ROLL_BACK_AGAIN
    gone_on = rollback(deployed.context, deployed.tell)
    assert (gone_on.error, gone_on.deployment_id) == (None, first.deployment)
    assert deployed.ask(NEW_TABLE) is False
    assert rollback(deployed.context, deployed.tell, first).outcome == "unchanged"


def test_what_the_new_version_wrote_is_kept_aside(deployed: Team) -> None:
    """Moved, not dropped."""
    deployed.ask(
        "insert into token_health (user_id, integration_type, status)"
        " select id, 'google_calendar', 'valid' from users returning 1"
    )
    result = rollback(deployed.context, deployed.tell)
    kept = next(step for step in result.steps if step.name == "revert").evidence["rows_aside"]
    assert isinstance(kept, dict)
    assert kept["token_health"] == 60


def test_what_users_changed_since_is_counted(deployed: Team) -> None:
    """Their work is no failure of the rollback, and is not lost by it."""
    deployed.ask("update users set name = 'x' where id = (select id from users limit 1)")
    deployed.ask("insert into users (email) values ('new@example.com')")
    result = rollback(deployed.context, deployed.tell)
    assert result.outcome == "succeeded"
    rows = result.steps[-1].evidence["rows"]
    assert rows == {"users": {"unchanged": 59, "changed": 1, "deleted": 0, "added": 1}}


def test_a_schema_that_differs_is_not_proved(deployed: Team) -> None:
    """Somebody's own change since the deployment is found; the ledger does not say rolled back."""
    deployed.ask("alter table users add column stray integer")
    result = rollback(deployed.context, deployed.tell)
    assert (result.outcome, deployed.outcome()) == ("failed", "failed")
    assert "not what it was" in str(result.error)
    deployed.ask("alter table users drop column stray")
    assert rollback(deployed.context, deployed.tell).outcome == "succeeded"


@pytest.mark.parametrize(
    ("name", "reverted"), [("stop_app", False), ("revert_code", False), ("start_app", True)]
)
def test_a_failing_step_stops_there_and_the_next_run_goes_on(
    deployed: Team, name: str, *, reverted: bool
) -> None:
    """What was done and what was not is reported; nothing is done to the database twice."""
    deployed.break_command(name)
    stopped = rollback(deployed.context, deployed.tell, Request(reason="a drill"))
    assert stopped.outcome == "failed"
    assert next(step.name for step in stopped.steps if step.outcome == "failed") == name
    assert stopped.not_done[-1] == "Prove that the database is what it was"
    assert deployed.ask(NEW_TABLE) is not reverted
    deployed.mend_command(name)
    again = rollback(deployed.context, deployed.tell)
    assert (again.outcome, deployed.outcome()) == ("succeeded", "rolled_back")
    assert again.reason == "a drill"
    assert deployed.ask("select count(*) from gonogo.migration where reverted_at is null") == 0


def test_an_application_that_does_not_get_healthy_is_started_anew(deployed: Team) -> None:
    """By the next run, and stopped before; what is done to the database and the code stands."""
    section = deployed.context.section.model_copy(update={"health_timeout_s": 0.1})
    config = deployed.context.config.model_copy(
        update={"without": (), "environments": {deployed.context.environment: section}}
    )
    asks = replace(deployed.context, config=config)
    stopped = rollback(asks, deployed.tell)
    assert (stopped.outcome, stopped.steps[-1].name) == ("failed", "wait_healthy")
    deployed.trace()
    assert rollback(asks, deployed.tell).steps[-1].name == "wait_healthy"
    assert deployed.trace() == ["stop_jobs", "stop_app", "start_app", "start_jobs"]
    assert rollback(deployed.context, deployed.tell).outcome == "succeeded"


def test_a_rollback_that_stopped_is_no_deployment_any_more(deployed: Team) -> None:
    """The gate must not judge a soak whose application is half rolled back."""
    deployed.break_command("start_app")
    rollback(deployed.context, deployed.tell)
    assert deployed.outcome() == "failed"


def test_there_is_nothing_to_roll_back_twice(deployed: Team) -> None:
    """A second rollback changes nothing and says so."""
    rollback(deployed.context, deployed.tell)
    deployed.trace()
    assert rollback(deployed.context, deployed.tell).outcome == "unchanged"
    assert deployed.trace() == []


def test_nothing_was_ever_deployed(team: Team) -> None:
    """An empty ledger has nothing to roll back."""
    assert rollback(team.context, team.tell).outcome == "unchanged"


def test_deploying_again_after_a_rollback_is_a_new_deployment(deployed: Team) -> None:
    """start, rollback, start again, rollback again: each leaves its own schema aside."""
    rollback(deployed.context, deployed.tell)
    assert deploy(deployed.context, deployed.tell).outcome == "succeeded"
    assert rollback(deployed.context, deployed.tell).outcome == "succeeded"
    aside = "select count(*) from pg_namespace where nspname like 'gonogo\\_aside\\_%'"
    assert deployed.ask(aside) == 2


def test_deploying_after_a_rollback_that_stopped_is_a_new_deployment(deployed: Team) -> None:
    """What lies aside already stays there."""
    deployed.break_command("start_app")
    rollback(deployed.context, deployed.tell)
    deployed.mend_command("start_app")
    result = deploy(deployed.context, deployed.tell)
    assert (result.outcome, result.deployment_id) == ("succeeded", 2)


def test_production_asks_for_the_databases_name(team: Team) -> None:
    """As a deployment does."""
    with pytest.raises(UsageError, match="nothing was done"):
        rollback(team.production(), team.tell)


def test_what_is_to_run_in_the_end_has_one_name_in_both_directions(team: Team) -> None:
    """{target_revision} is the new revision in a deployment, and the one before in a rollback."""
    section = team.context.section
    run = ("sh", "-c", "echo {target_revision} >> started")
    start = CommandConfig(run=run, timeout_s=60)
    commands = section.commands.model_copy(update={"start_app": start})
    section = section.model_copy(update={"commands": commands})
    config = team.context.config.model_copy(
        update={"environments": {team.context.environment: section}}
    )
    context = replace(team.context, config=config)
    assert deploy(context, team.tell).error is None
    assert rollback(context, team.tell).error is None
    assert (team.app / "started").read_text().split() == ["new", "old"]
