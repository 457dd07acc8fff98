"""A fleet: each database is deployed by itself, and one application serves them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gonogo.config.environments import DatabaseConfig
from gonogo.errors import UsageError
from gonogo.ledger.deployer import deployer_lock
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import member_settings
from gonogo.postgres.session import connect
from gonogo.record.canonical import read_record
from gonogo.rollout.deploy import FLEET_NEXT, deploy
from gonogo.rollout.preflight.plan import plan
from gonogo.rollout.recording import recorded
from gonogo.rollout.recovery import restart
from gonogo.rollout.rollback import rollback
from gonogo.rollout.runner.context import RolloutContext

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

NOBODY = "postgresql://nobody@127.0.0.1:9/none"
NEW_TABLE = "select to_regclass('sync_metrics') is not null"
OLD_AGAIN = ["revert_code", "stop_jobs", "stop_app", "start_app", "start_jobs"]
Of = Callable[[str], "Team"]


def fleet_of(team: Team, urls: dict[str, str], *names: str) -> RolloutContext:
    """The context of a fleet, of which the first name is worked on."""
    members = tuple(DatabaseConfig(name=name, url_env=f"{name.upper()}_URL") for name in names)
    config = team.context.config
    section = config.environment(Environment.STAGING).model_copy(update={"databases": members})
    config = config.model_copy(update={"environments": {Environment.STAGING: section}})
    environ = {**team.context.environ, **{f"{one.upper()}_URL": url for one, url in urls.items()}}
    return replace(
        team.context,
        config=config,
        environ=environ,
        database=member_settings(members[0], environ),
        member=names[0],
        backup_check="read",
    )


@pytest.fixture
def of(team: Team, new_database: Callable[..., str], base_template: str) -> Of:
    """The team as it works on the database of a name: eu and us are there, ap never answers."""
    urls = {"eu": team.context.database.conninfo, "us": new_database(base_template), "ap": NOBODY}

    def work_on(names: str) -> Team:
        return replace(team, context=fleet_of(team, urls, *names.split()))

    return work_on


@pytest.mark.slow
def test_the_last_database_brings_the_code_and_the_first_rollback_takes_it_back(of: Of) -> None:
    """New code runs only while every database has its migrations; one stop each way."""
    eu, us = of("eu us"), of("us eu")
    first = deploy(eu.context, eu.tell)
    assert (first.outcome, first.error, eu.trace()) == ("succeeded", None, [])
    assert (eu.ask(NEW_TABLE), us.ask(NEW_TABLE)) == (True, False)
    assert first.next_steps == (FLEET_NEXT,)
    skipped = {one.name: one.proved for one in first.steps if one.outcome == "skipped"}
    assert skipped["start_app"] == ("the code waits for the fleet: us has no deployment of staging")
    second = deploy(us.context, us.tell)
    assert (second.outcome, second.error) == ("succeeded", None)
    assert us.trace()[-4:] == ["stop_jobs", "stop_app", "start_app", "start_jobs"]
    assert deploy(eu.context, eu.tell).outcome == "unchanged"
    assert sorted(one.name for one in eu.context.section.backup_dir.parent.iterdir()) == [
        "eu",
        "us",
    ]

    assert rollback(eu.context, eu.tell).error is None
    assert (eu.trace(), eu.ask(NEW_TABLE), us.ask(NEW_TABLE)) == (OLD_AGAIN, False, True)
    assert rollback(us.context, us.tell).error is None
    assert us.ask(NEW_TABLE) is False


def test_a_rollback_before_the_code_came_leaves_the_application_alone(of: Of) -> None:
    """What waited for the fleet was never built nor started: only the migrations are reverted."""
    eu = of("eu us")
    assert deploy(eu.context, eu.tell).error is None
    # While a database lacks its migrations, what serves the whole fleet is the version before.
    assert restart(eu.context, eu.tell).error is None
    said = [one.title for one in eu.events if "fits the schema" in one.title]
    assert said == ["what fits the schema is revision old"]
    assert eu.trace() == OLD_AGAIN[1:]
    back = rollback(eu.context, eu.tell)
    assert (back.outcome, back.error, eu.trace()) == ("succeeded", None, [])
    assert eu.ask(NEW_TABLE) is False


def test_a_dead_database_is_waited_for_until_rollout_toml_names_it_no_more(of: Of) -> None:
    """It holds up the code, not the others' migrations; the next run brings the code."""
    eu = of("eu ap")
    assert any(
        "the code would wait for the fleet: ap cannot" in one for one in plan(eu.context).notes
    )
    first = deploy(eu.context, eu.tell)
    waits = next(one.proved for one in first.steps if one.name == "checkout")
    assert waits.startswith("the code waits for the fleet: ap cannot be asked (the database does")
    eu.context = of("eu").context
    again = deploy(eu.context, eu.tell)
    assert (again.outcome, again.error, again.deployment_id) == (
        "succeeded",
        None,
        first.deployment_id,
    )
    assert eu.trace()[-2:] == ["start_app", "start_jobs"]
    assert deploy(eu.context, eu.tell).outcome == "unchanged"


def test_one_database_of_a_fleet_is_worked_on_at_a_time(of: Of) -> None:
    """Two deployers would build and switch the same application."""
    eu, us = of("eu us"), of("us eu")
    with connect(us.context.database.conninfo) as other, deployer_lock(other, wait=False):
        for procedure in (deploy, rollback):
            with pytest.raises(UsageError, match="is at work on the database us of the same fleet"):
                procedure(eu.context, eu.tell)
    assert eu.trace() == []


def test_a_migration_that_needs_a_stop_is_refused(of: Of) -> None:
    """Its stop would last until the last database is migrated; the record names the database."""
    eu = of("eu us")
    eu.add_migration("-- gonogo: stop_before_migrate\ncreate table extra (id bigint primary key);")
    carry_out = partial(deploy, eu.context)
    result, page = recorded("deployment", eu.context, eu.tell, carry_out)
    record, error = read_record(page.parent), result.error
    assert record.title == "Staging deployment of the database eu"
    assert record.rollout
    assert record.rollout.database == "eu"
    assert "047_extra.sql asks for a stop before it, and the application serves" in str(error)
