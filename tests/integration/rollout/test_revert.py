"""A revert gives the schema back as it was, and keeps every row that the new version wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from gonogo.errors import MigrationError
from gonogo.ledger import history
from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection
from gonogo.postgres.transaction import Patience
from gonogo.rollout.migrations.apply import MigrationEvent, apply_pending
from gonogo.rollout.migrations.revert import drop_aside, revert, rows_aside
from migrated_world import ASIDE, ROWS, World, quietly

QUICK = Patience(lock_timeout_ms=50, first_wait_s=0.01, longest_wait_s=0.02, budget_s=5)
Connect = Callable[[], Connection]
Deploy = Callable[[], int]
Written = Callable[..., tuple[Migration, ...]]


@pytest.mark.parametrize("place", range(9), ids=sorted(ROWS))
def test_each_migration_goes_forward_back_and_forward_again(world: World, place: int) -> None:
    """Apply, fill, revert, and the schema is what it was; apply again, and it is new again."""
    one = world.migrations[place : place + 1]
    world.forward(world.migrations[:place])
    world.fill(world.migrations[3:4] if one[0].version == "045" else ())
    before = world.fingerprint()
    deployment = world.forward(one)
    after = world.fingerprint()
    world.fill(one)

    summary = revert(world.connection, world.migrations, deployment, on_event=quietly)

    assert world.fingerprint() == before != after
    assert summary.versions == (one[0].version,)
    assert summary.rows_aside == ASIDE[one[0].version]
    world.forward(one)
    assert world.fingerprint() == after


def test_all_nine_go_forward_back_and_forward_again(world: World) -> None:
    """Nothing that was written is lost, and the old rows are untouched."""
    before = world.fingerprint()
    deployment = world.forward(world.migrations)
    world.fill(world.migrations)

    summary = revert(world.connection, world.migrations, deployment, on_event=quietly)

    assert world.fingerprint() == before
    assert summary.versions == tuple(sorted(ROWS, reverse=True))
    assert summary.rows_aside == {name: n for one in ASIDE.values() for name, n in one.items()}
    assert world.connection.execute("select count(*) from users").fetchone() == (20,)
    again = world.forward(world.migrations)
    world.fill(world.migrations)
    second = revert(world.connection, world.migrations, again, on_event=quietly)
    assert second.rows_aside == summary.rows_aside
    assert world.fingerprint() == before


def test_erasing_a_user_still_erases_what_lies_aside(world: World) -> None:
    """Tables that were moved keep ON DELETE CASCADE, the copied columns too."""
    deployment = world.forward(world.migrations)
    world.fill(world.migrations)
    summary = revert(world.connection, world.migrations, deployment, on_event=quietly)
    world.connection.execute("delete from users")
    assert set(rows_aside(world.connection, summary.aside).values()) == {0}


def test_the_tables_owner_can_erase_what_another_role_moved(world: World) -> None:
    """Cascades run as the owner, who is let into the schema that a superuser made."""
    role = f"owner_{world.connection.info.dbname}"
    deployment = world.forward(world.migrations)
    world.fill(world.migrations)
    world.connection.execute(f"create role {role}".encode())
    try:
        world.connection.execute(f"alter table token_health owner to {role}".encode())
        world.connection.execute(f"grant usage on schema public to {role}".encode())
        summary = revert(world.connection, world.migrations, deployment, on_event=quietly)
        world.connection.execute("delete from users")
        assert rows_aside(world.connection, summary.aside)["token_health"] == 0
    finally:
        world.connection.execute(f"drop owned by {role} cascade".encode())
        world.connection.execute(f"drop role {role}".encode())


def test_adopted_objects_stay_where_they_are(world: World) -> None:
    """What the application's own runner made is not ours to move."""
    for one in world.migrations[:4]:
        for statement in (*one.file.inside, *one.file.outside):
            world.connection.execute(statement.text.encode())
    deployment = world.forward(world.migrations)
    summary = revert(world.connection, world.migrations, deployment, on_event=quietly)
    assert summary.versions == ("046", "045", "044", "043", "042")
    found = world.connection.execute("select to_regclass('public.sync_schedule')::text")
    assert found.fetchone() == ("sync_schedule",)


def test_an_earlier_deployments_migrations_stay(world: World) -> None:
    """A revert takes back its own deployment's, no other's."""
    world.forward(world.migrations[:8])
    deployment = world.forward(world.migrations)
    summary = revert(world.connection, world.migrations, deployment, on_event=quietly)
    assert summary.versions == ("046",)
    reverted = [row.version for row in history.every(world.connection) if row.reverted_at]
    assert reverted == ["046"]


def test_a_second_revert_finds_nothing_to_do(world: World) -> None:
    """It says what lies aside, and changes nothing."""
    deployment = world.forward(world.migrations)
    world.fill(world.migrations)
    first = revert(world.connection, world.migrations, deployment, on_event=quietly)
    second = revert(world.connection, world.migrations, deployment, on_event=quietly)
    assert second.versions == ()
    assert second.rows_aside == first.rows_aside


def test_a_failing_revert_changes_nothing(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """One transaction for all: a failure in the first migration's revert keeps the second's too."""
    files = written(
        _100_a="create table a ();",
        _100_a__revert="select nothing;",
        _101_b="create table b ();",
        _101_b__revert="alter table b set schema :aside;",
    )
    deployment = deploy()
    apply_pending(connection, files, deployment, on_event=quietly)
    with pytest.raises(MigrationError) as caught:
        revert(connection, files, deployment, on_event=quietly)
    assert (caught.value.file, caught.value.line) == ("100_a.revert.sql", 1)
    there = "select to_regclass('public.b') is not null, to_regnamespace('gonogo_aside_1') is null"
    assert connection.execute(there).fetchone() == (True, True)


def test_a_revert_waits_for_locks_in_short_tries(world: World, connect: Connect) -> None:
    """A reader in the way is waited for, and does not make it fail."""
    deployment = world.forward(world.migrations)
    blocker = connect()
    blocker.execute("begin; lock table sync_metrics in access share mode")
    told: list[str] = []

    def watch(event: MigrationEvent) -> None:
        told.append(event.kind)
        if event.kind == "waiting":
            blocker.execute("rollback")

    revert(world.connection, world.migrations, deployment, on_event=watch, patience=QUICK)
    assert told.count("waiting") == 1
    assert told.count("reverted") == 9


@pytest.mark.parametrize("fault", ["changed", "missing", "without a revert"])
def test_a_revert_that_cannot_be_trusted_is_refused(world: World, fault: str) -> None:
    """The files must be those that were applied."""
    deployment = world.forward(world.migrations)
    first = world.migrations[0]
    files = {
        "changed": (replace(first, sha256="other"), *world.migrations[1:]),
        "missing": world.migrations[1:],
        "without a revert": (replace(first, revert=None), *world.migrations[1:]),
    }[fault]
    with pytest.raises(MigrationError, match="038_add_admin_role_support"):
        revert(world.connection, files, deployment, on_event=quietly)
    assert rows_aside(world.connection, f"gonogo_aside_{deployment}") == {}


def test_what_lies_aside_can_be_dropped_for_good(world: World) -> None:
    """The schema goes, and what went with it is counted."""
    deployment = world.forward(world.migrations)
    world.fill(world.migrations)
    summary = revert(world.connection, world.migrations, deployment, on_event=quietly)
    assert drop_aside(world.connection, deployment) == summary.rows_aside
    assert drop_aside(world.connection, deployment) == {}
    with pytest.raises(psycopg.errors.UndefinedTable):
        world.connection.execute(f"table {summary.aside}.sync_metrics".encode())
