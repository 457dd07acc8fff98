"""Golden figures of incidents, critical errors and the rollout itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from golden_world import World
from gonogo.measure.ledger_facts import LedgerFacts, read_ledger
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Count
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.postgres.snapshot import in_snapshot

DEPLOYMENT = """
insert into gonogo.deployment (environment, revision, previous_revision, migrations_sha256,
    criteria_sha256, deployed_by, outcome)
values ('{}', 'a', 'b', '', '', 'tests', '{}')"""
MIGRATION = """
insert into gonogo.migration (deployment_id, version, name, sha256, duration_ms, completed_at,
    reverted_at)
select max(id), '{}', '{}', '{}', 1, {}, {} from gonogo.deployment"""
ATTEMPT = """
insert into gonogo.migration_attempt (deployment_id, version, outcome)
select max(id), '{}', '{}' from gonogo.deployment"""


def facts(world: World) -> LedgerFacts:
    """What the gate reads of a world's ledger before it measures."""
    world.connection.commit()
    settings = DatabaseSettings(world.conninfo, "the test")
    return in_snapshot(settings, Manners(), lambda own: read_ledger(own, Environment.STAGING))


def test_incidents_count_when_open_or_opened_in_the_window(world: World) -> None:
    """One closed as void never does; the window's start belongs to it, its end does not."""
    world.incident("critical", opened="-30d")  # still open
    world.incident("critical", opened="-48h", closed="-47h")  # opened in the window
    world.incident("critical", opened="-48h-1us", closed="-1h")
    world.incident("critical", opened="0", closed="+1h")
    world.incident("critical", opened="-1h", closed="-30m", void=True)
    world.incident("complaint", opened="-1h")
    assert world.measured("incident.critical").value == 2
    assert world.measured("incident.open_critical").value == 1


def test_only_open_complaints_count(world: World) -> None:
    """However long ago they were made."""
    world.incident("complaint", opened="-30d")  # open
    world.incident("complaint", opened="-1h")  # open
    world.incident("complaint", opened="-1h", closed="-5m")
    world.incident("complaint", opened="-1h", closed="-5m", void=True)
    world.incident("critical", opened="-1h")
    assert world.measured("incident.complaints").value == 2


@pytest.mark.parametrize(
    "message",
    [
        "deadlock detected",
        'insert violates foreign key constraint "x"',
        "FATAL: Out Of Memory",
        "connect ECONNREFUSED 127.0.0.1:5432",
        "could not connect to server",
        "permission denied for table users",
        "invalid_client",
        "cannot decrypt the token",
    ],
)
def test_each_critical_pattern_is_found_in_both_tables(world: World, message: str) -> None:
    """In any case of letters, whatever the result, within the window; NULL matches nothing."""
    world.sync("failure", at="-48h", error_message=message)  # found
    world.sync("success", at="-1us", error_message=message.upper())  # found
    world.sync("failure", at="-48h-1us", error_message=message)
    world.sync("failure", at="0", error_message=message)
    world.sync("failure", error_message=None)
    world.sync("failure", error_message="rate limit exceeded")
    world.notification("failure", at="-1h", error_message=message)  # found
    assert world.measured("errors.critical").value == 3


@pytest.mark.parametrize(
    ("outcome", "succeeded"),
    [("succeeded", 1), ("failed", 0), ("running", 0)],
)
def test_the_latest_deployment_of_the_environment_counts(
    world: World, outcome: str, succeeded: int
) -> None:
    """Those before it, and those of the other environment, do not."""
    world.run(DEPLOYMENT.format("staging", outcome))
    world.run(DEPLOYMENT.format("production", "failed" if succeeded else "succeeded"))
    assert world.measured("rollout.deployed").value == succeeded


def test_what_was_rolled_back_over_another_does_not_count(world: World) -> None:
    """The one before it stands, as long as it was not rolled back itself."""
    world.run(DEPLOYMENT.format("staging", "rolled_back"))
    assert world.measured("rollout.deployed").value == 1
    world.run("update gonogo.deployment set outcome = 'rolled_back' where id = 1")
    assert world.measured("rollout.deployed").value == 0
    world.run("update gonogo.deployment set outcome = 'succeeded' where id = 1")


def test_the_soak_begins_when_what_stands_came_to_run_again(own_world: World) -> None:
    """That is the end of the rollback of what was deployed over it; the deployment is the same."""
    before = facts(own_world)
    own_world.run(DEPLOYMENT.format("staging", "rolled_back"))
    own_world.run("update gonogo.deployment set rolled_back_at = '2099-01-01Z' where id = 2")
    assert facts(own_world) == replace(before, deployed_at=datetime(2099, 1, 1, tzinfo=UTC))
    own_world.run("update gonogo.deployment set outcome = 'rolled_back'")
    after = facts(own_world)
    assert (after.deployment, after.problem) == ("2", "the latest deployment is rolled back")


def test_only_migrations_that_are_in_place_are_what_was_judged(own_world: World) -> None:
    """Not one that was reverted or is unfinished, nor a row that is no file's name and hash."""
    own_world.run("update gonogo.migration set reverted_at = now()")
    for version, name, digest, completed, reverted in (
        ("038", "in_place", "6c" * 32, "now()", "null"),
        ("039", "reverted", "6c" * 32, "now()", "now()"),
        ("040", "unfinished", "6c" * 32, "null", "null"),
        ("041", "without_a_hash", "secret", "now()", "null"),
        ("042", "<b>no file</b>", "6c" * 32, "now()", "null"),
    ):
        own_world.run(MIGRATION.format(version, name, digest, completed, reverted))
    assert facts(own_world).migrations == {"038_in_place.sql": "6c" * 32}


def test_no_deployment_is_no_data(world: World) -> None:
    """A ledger that knows only the other environment tells nothing of this one."""
    assert world.measured("rollout.deployed", environment=Environment.PRODUCTION).missing


@pytest.mark.parametrize(
    ("attempts", "failed"),
    [
        ([], 0),
        ([("047", "succeeded")], 0),
        ([("047", "failed")], 1),
        ([("047", "failed"), ("047", "succeeded")], 0),
        ([("047", "succeeded"), ("047", "failed")], 1),
        ([("047", "failed"), ("047", "failed"), ("048", "failed")], 2),
        ([("047", "failed"), ("048", "succeeded")], 1),
        ([("047", "failed"), ("047", "running")], 0),
    ],
)
def test_the_latest_attempt_of_each_migration_counts(
    world: World, attempts: list[tuple[str, str]], failed: int
) -> None:
    """A failure that a later attempt mended is none."""
    for attempt in attempts:
        world.run(ATTEMPT.format(*attempt))
    assert world.measured("rollout.migration_failed").value == failed


def test_what_was_rolled_back_has_no_failed_migrations(world: World) -> None:
    """The rollback took them back."""
    world.run(DEPLOYMENT.format("staging", "rolled_back"))
    world.run(ATTEMPT.format("047", "failed"))
    assert world.measured("rollout.migration_failed").value == 0


@pytest.mark.parametrize(
    ("at", "rollbacks"), [("-48h-1us", 0), ("-48h", 1), ("-1us", 1), ("0", 0), (None, 0)]
)
def test_rollbacks_count_within_the_window(world: World, at: str | None, rollbacks: int) -> None:
    """Its start belongs to it, its end does not."""
    moment = world.moment(at)
    rolled_back = f"'{moment.isoformat()}'" if moment else "null"
    world.run(f"update gonogo.deployment set rolled_back_at = {rolled_back}")
    assert world.measured("rollout.rollbacks").value == rollbacks
    elsewhere = world.measured("rollout.rollbacks", environment=Environment.PRODUCTION)
    assert elsewhere.value == 0


@pytest.mark.parametrize(("served", "rollbacks"), [("null", 1), ("true", 1), ("false", 0)])
def test_an_attempt_that_never_served_is_no_rollback(
    world: World, served: str, rollbacks: int
) -> None:
    """Where the ledger does not know, it counts."""
    moment = world.moment("-1h")
    world.run(f"update gonogo.deployment set rolled_back_at = '{moment}', served = {served}")
    assert world.measured("rollout.rollbacks").value == rollbacks


def test_a_ledger_of_an_older_version_counts_every_rollback(own_world: World) -> None:
    """It does not know who served."""
    moment = own_world.moment("-1h")
    own_world.run("alter table gonogo.deployment drop column served")
    own_world.run(f"update gonogo.deployment set rolled_back_at = '{moment}'")
    assert own_world.measured("rollout.rollbacks").value == 1


def test_the_ledger_records_each_migration(own_world: World) -> None:
    """038 to 046 are nine; a reverted one is none, one of another project does not help."""
    assert own_world.measured("schema.recorded").count == Count(9, 9)
    own_world.run("update gonogo.migration set reverted_at = now() where version in ('045', '046')")
    own_world.run("update gonogo.migration set version = '047' where version = '044'")
    assert own_world.measured("schema.recorded").count == Count(6, 9)
