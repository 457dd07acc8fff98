"""Nothing that a file leaves in its session reaches the next file, or the deployer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from gonogo.errors import LockHeldError, MigrationError
from gonogo.ledger import deployer, history
from gonogo.ledger.deployer import DeployerLock, deployer_lock, holder, migrating
from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection
from gonogo.rollout.migrations.apply import Applied, apply_pending
from gonogo.rollout.migrations.revert import revert
from migrated_world import quietly

Connect = Callable[[], Connection]
Written = Callable[..., tuple[Migration, ...]]
Deploy = Callable[[], int]
Left = Sequence[object]

# What a file may leave behind, and what shows in a session that has it.
LEFT = {
    "search_path": (
        "select pg_catalog.set_config('search_path', '', false);",
        "select setting <> '' from pg_settings where name = 'search_path'",
    ),
    "replica": (
        "set session_replication_role = replica;",
        "select current_setting('session_replication_role') = 'origin'",
    ),
    "zone": ("set timezone = 'Asia/Tokyo';", "select current_setting('timezone') = 'UTC'"),
    "row_security": ("set row_security = on;", "select current_setting('row_security') = 'off'"),
    "role": ("set role pg_monitor;", "select current_user = session_user"),
    "authorization": (
        "set session authorization pg_monitor;",
        "select session_user <> 'pg_monitor'",
    ),
    "read_only": (
        "set default_transaction_read_only = on;",
        "select current_setting('default_transaction_read_only') = 'off'",
    ),
    "temporary": (
        "create temporary table users (id integer);",
        "select to_regclass('pg_temp.users') is null",
    ),
    "prepared": (
        "prepare left_over as select 1;",
        "select not exists (select from pg_prepared_statements)",
    ),
    "listening": ("listen left_over;", "select not exists (select pg_listening_channels())"),
    "advisory": (
        "select pg_advisory_lock(4711);",
        "select not exists (select from pg_locks where objid = 4711 and pid = pg_backend_pid())",
    ),
}


def apply(
    connection: Connection,
    migrations: Sequence[Migration],
    deployment: int,
    lock: DeployerLock | None = None,
) -> tuple[Applied, ...]:
    """Apply what is pending, unwatched."""
    return apply_pending(
        connection, migrations, deployment, on_event=quietly, anchor="users", lock=lock
    )


def requiring(condition: str) -> str:
    """A statement that fails where the condition does not hold."""
    return f"select 1 / ({condition})::integer;"


@pytest.mark.parametrize("what", LEFT)
def test_what_a_file_leaves_does_not_reach_the_next(
    connection: Connection, written: Written, deploy: Deploy, what: str
) -> None:
    """The second file finds a session as the first one did."""
    leaving, absent = LEFT[what]
    condition = f"({absent.removesuffix(';')})"
    files = written(
        _100_first=f"{requiring(condition)}\n{leaving}", _101_second=requiring(condition)
    )
    assert {one.outcome for one in apply(connection, files, deploy())} == {"applied"}
    assert connection.execute(absent.encode()).fetchone() == (True,)


@pytest.mark.parametrize("what", LEFT)
def test_what_a_revert_leaves_does_not_reach_the_next(
    connection: Connection, written: Written, deploy: Deploy, what: str
) -> None:
    """Though all reverts of a deployment are one transaction, each begins as the first does."""
    leaving, absent = LEFT[what]
    condition = requiring(f"({absent})")
    files = written(
        _100_first="create table first ();",
        _101_second="create table second ();",
        _100_first__revert=condition,
        _101_second__revert=f"{condition}\n{leaving}",
    )
    deployment = deploy()
    apply(connection, files, deployment)
    summary = revert(connection, files, deployment, on_event=quietly, anchor="users")
    assert summary.versions == ("101", "100")
    assert history.in_place(connection) == {}


def test_a_dump_that_empties_the_search_path_is_followed_by_names_without_a_schema(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """The next file's tables are made where the application's are, and the deployer finds them."""
    files = written(
        _047_dump=(
            "SELECT pg_catalog.set_config('search_path', '', false);\n"
            "CREATE TABLE public.districts (id integer primary key);"
        ),
        _048_plain="create table towns (district integer references districts (id));",
    )
    apply(connection, files, deploy())
    found = connection.execute("select to_regclass('towns')::text, to_regclass('users')::text")
    assert found.fetchone() == ("towns", "users")


def test_a_file_without_constraints_does_not_switch_them_off_for_the_next(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """A row that refers to nothing fails, as it would on a connection of its own."""
    files = written(
        _047_load=(
            "set session_replication_role = replica;\nset timezone = 'Asia/Tokyo';\n"
            "create table provinces (id integer primary key);\n"
            "insert into provinces values (1);"
        ),
        _048_fill=(
            "create table villages (id int primary key,\n"
            " province int not null references provinces (id), at timestamp default now());\n"
            "insert into villages (id, province) values (1, 99);"
        ),
    )
    with pytest.raises(MigrationError, match="violates foreign key constraint") as caught:
        apply(connection, files, deploy())
    assert (caught.value.file, caught.value.line) == ("048_fill.sql", 3)
    assert list(history.in_place(connection)) == ["047"]


def test_a_file_that_gives_back_every_advisory_lock_keeps_the_deployers(
    connection: Connection, connect: Connect, written: Written, deploy: Deploy
) -> None:
    """Neither the lock nor the key of the migration is its to give back."""
    seen = (
        "select pg_advisory_unlock_all();\n"
        "create table seen as select (classid::bigint << 32) | objid::bigint as key"
        " from pg_locks where locktype = 'advisory' and granted;"
    )
    with deployer_lock(connect()) as lock:
        apply(connection, written(_100_a=seen), deploy(), lock)
        assert lock.is_held
    keys = {key for (key,) in connection.execute("select key from seen")}
    assert keys >= {deployer.KEY, deployer.MIGRATING}


def test_a_lock_whose_connection_is_ended_ends_the_migrations(
    connection: Connection, connect: Connect, written: Written, deploy: Deploy
) -> None:
    """The file under way is committed whole, and the next one is not begun."""
    files = written(
        _100_first="create table first (); select pg_terminate_backend(pid) from pg_locks"
        " where locktype = 'advisory' and pid <> pg_backend_pid() and database = (select oid"
        " from pg_database where datname = current_database());",
        _101_second="create table second ();",
    )
    with (
        deployer_lock(connect()) as lock,
        pytest.raises(LockHeldError, match="the deployer's lock was lost"),
    ):
        apply(connection, files, deploy(), lock)
    assert list(history.in_place(connection)) == ["100"]
    assert connection.execute("select to_regclass('second')").fetchone() == (None,)


def test_a_deployer_who_lost_the_lock_and_one_who_got_it_never_both_migrate(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who got the lock waits for what the first one migrates still, and then the first refuses."""
    monkeypatch.setattr(deployer, "GRACE_S", 0.05)
    with deployer_lock(connect()) as lost:
        lost.connection.close()
        with (
            migrating(connection, None),
            pytest.raises(LockHeldError, match="another deployer"),
            deployer_lock(connect()),
        ):
            pass
        with (
            deployer_lock(connect()),
            pytest.raises(LockHeldError, match="was lost"),
            migrating(connection, lost),
        ):
            pass


def test_who_migrates_without_the_lock_is_named(connection: Connection, connect: Connect) -> None:
    """The second lock alone shows that a deployer is at work."""
    with migrating(connection, None):
        found = holder(connect())
    assert found is not None
    assert found.pid == connection.info.backend_pid
    assert holder(connect()) is None
