"""A server that is lost during a migration: COMMIT's outcome is asked for, nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from desk import Desk
from gonogo.errors import MigrationError, SandboxError
from gonogo.ledger import history, installation, migration
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import NewDeployment
from gonogo.postgres import session
from gonogo.rollout.migrations.apply import apply_pending
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.surroundings import database_url
from migrated_world import quietly
from proxy import Proxy, proxied
from waiting import until

BUSY = """
select pid from pg_stat_activity
where datname = current_database() and application_name = 'gonogo migrate' and {}"""
STILL_THERE = """
select pid from pg_stat_activity
where datname = current_database() and application_name like 'gonogo%'"""
AT_COMMIT = "wait_event = 'SyncRep'"
ASLEEP = "wait_event = 'PgSleep'"
# Two rows, if it is ever applied twice.
COUNTED = "insert into applied values (1);"
# COMMIT waits for a standby.
WAITING = f"set local synchronous_commit = on;\n{COUNTED}"
# COMMIT sleeps in it, and has not happened yet.
DEFERRED = """
create function doze() returns trigger language plpgsql as $$
begin perform pg_sleep(600); return null; end $$;
create constraint trigger doze after insert on applied deferrable initially deferred
    for each row execute function doze();
"""


@pytest.fixture
def conninfo(empty_database: str) -> str:
    """A database with a ledger."""
    begin(empty_database)
    return empty_database


def begin(conninfo: str) -> None:
    """Set up a ledger, and a table that counts how often the migration was applied."""
    with session.connect(conninfo) as connection:
        installation.install(connection)
        connection.execute("create table users (); create table applied (n integer)")


def written(directory: Path, text: str) -> tuple[Migration, ...]:
    """The one migration."""
    directory.mkdir(exist_ok=True)
    (directory / "100_counted.sql").write_text(text, "utf-8")
    return migration.load(directory)


def migrate(conninfo: str, migrations: tuple[Migration, ...]) -> str:
    """Apply what is pending in a deployment of its own; how that came out."""
    with session.connect(conninfo) as connection, session.connect(conninfo) as other:
        told = NewDeployment("staging", "after", "before", "0" * 64, "0" * 64, "tests")
        deployment = Ledger(other).open_deployment(told)
        (done,) = apply_pending(connection, migrations, deployment, on_event=quietly)
        return done.outcome


def ask(conninfo: str, query: str) -> object:
    """The first column of the first row of a query, or None."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def times_applied(conninfo: str) -> tuple[object, object]:
    """How often the migration was applied, by its own account and by the ledger's."""
    rows = ask(conninfo, "select count(*) from applied")
    with session.connect(conninfo) as connection:
        return rows, len(history.in_place(connection))


@contextmanager
def disturbed(conninfo: str, when: str, act: Callable[[int], object]) -> Iterator[None]:
    """While the body migrates, something is done to its backend as soon as it is busy so."""

    def disturb() -> None:
        until(lambda: ask(conninfo, BUSY.format(when)))
        act(int(str(ask(conninfo, BUSY.format(when)))))

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(disturb)
        yield
        acting.result()


def terminating(conninfo: str) -> Callable[[int], object]:
    """Ends a backend as an administrator would."""
    return lambda pid: ask(conninfo, f"select pg_terminate_backend({pid})")


def test_a_commit_whose_answer_the_network_lost_counts_once(conninfo: str, tmp_path: Path) -> None:
    """The server has it: the run goes on, the ledger has it, and the next run skips it."""
    migrations = written(tmp_path / "files", COUNTED)
    with proxied(conninfo) as proxy:
        proxy.cut_after = b"commit\0"
        assert migrate(proxy.conninfo, migrations) == "applied"
        assert not proxy.cut_after
        assert times_applied(conninfo) == (1, 1)
        assert migrate(proxy.conninfo, migrations) == "skipped"
    assert times_applied(conninfo) == (1, 1)


def test_a_backend_ended_within_commit_that_has_not_happened(conninfo: str, tmp_path: Path) -> None:
    """A deferred trigger holds COMMIT up: nothing is in place, and the next run applies it."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(DEFERRED)
    migrations = written(tmp_path / "files", COUNTED)
    with (
        disturbed(conninfo, ASLEEP, terminating(conninfo)),
        pytest.raises(MigrationError, match="terminating connection"),
    ):
        migrate(conninfo, migrations)
    assert times_applied(conninfo) == (0, 0)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("drop trigger doze on applied")
    assert migrate(conninfo, migrations) == "applied"
    assert times_applied(conninfo) == (1, 1)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that waits for a standby, where a session asks for it; there is none."""
    settings = {
        "wal_level": "replica",
        "max_wal_senders": "2",
        "synchronous_standby_names": "nobody",
        "synchronous_commit": "local",
    }
    with EmbeddedServer.start(tmp_path / "own", settings=settings) as server:
        yield server


@pytest.fixture
def own_conninfo(own_server: EmbeddedServer) -> str:
    """The one database of one's own server, with a ledger."""
    conninfo = Databases(own_server).create("own")
    begin(conninfo)
    return conninfo


def test_a_backend_ended_within_commit_that_has_happened(own_conninfo: str, tmp_path: Path) -> None:
    """COMMIT is written and waits for a standby: it counts, and the next run skips it."""
    migrations = written(tmp_path / "files", WAITING)
    with disturbed(own_conninfo, AT_COMMIT, terminating(own_conninfo)):
        assert migrate(own_conninfo, migrations) == "applied"
    assert times_applied(own_conninfo) == (1, 1)
    assert migrate(own_conninfo, migrations) == "skipped"
    assert times_applied(own_conninfo) == (1, 1)


def started_again(server: EmbeddedServer) -> EmbeddedServer:
    """The server of the same directory, as soon as what was killed of it is gone."""
    server.stop()
    again = Retrying(
        retry=retry_if_exception_type(SandboxError), wait=wait_fixed(0.2), stop=stop_after_delay(60)
    )
    return again(EmbeddedServer.start, server.directory)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_server_killed_within_a_migration(
    own_server: EmbeddedServer, own_conninfo: str, tmp_path: Path, number: signal.Signals
) -> None:
    """Nothing of the file is in place when the server is up again, and the next run applies it."""
    with (
        disturbed(own_conninfo, ASLEEP, lambda _pid: os.kill(own_server.pid, number)),
        pytest.raises(MigrationError, match=r"100_counted\.sql:2"),
    ):
        migrate(own_conninfo, written(tmp_path / "files", f"{COUNTED}\nselect pg_sleep(600);"))
    with started_again(own_server):
        assert times_applied(own_conninfo) == (0, 0)
        assert migrate(own_conninfo, written(tmp_path / "files", COUNTED)) == "applied"
        assert times_applied(own_conninfo) == (1, 1)


# Only where there are rows, and so not on the copy that the preflight tries them on.
SLEEPING = "select pg_sleep(600) from users limit 1;\n"
ENDING_ITSELF = "select pg_terminate_backend(pg_backend_pid()) from users limit 1;\n"


def add_migration(desk: Desk, text: str) -> None:
    """Add a migration 047 to the desk's own."""
    migrations = desk.root / "migrations"
    (migrations / "047_extra.sql").write_text(text, "utf-8")
    (migrations / "047_extra.revert.sql").write_text("select 1;\n", "utf-8")


@pytest.mark.slow
def test_a_deployer_whose_server_is_killed(
    own_server: EmbeddedServer, build_base: Callable[[str], None], lay_out: Callable[..., Desk]
) -> None:
    """One line, exit code 1; when the server is up again status is true and a rollback works."""
    conninfo = Databases(own_server).create("own")
    build_base(conninfo)
    desk = lay_out(conninfo)
    add_migration(desk, SLEEPING)
    with disturbed(conninfo, ASLEEP, lambda _pid: os.kill(own_server.pid, signal.SIGKILL)):
        told = desk.deploy("--backup-check", "read")
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith("gonogo: migrate: 047_extra.sql:1: "), line
    with started_again(own_server):
        assert "  1  interrupted " in desk.run("status").stdout
        undone = desk.run("rollback", "--yes-roll-back", desk.database)
        assert undone.returncode == 0, undone.stdout + undone.stderr
        assert "schema equal to that before the deployment" in undone.stdout


RESTORING = (
    "new_database",
    "restore_backup",
    "verify_restored",
    "stop_app",
    "close",
    "carry_rows",
    "swap",
    "start_app",
)


@pytest.mark.slow
def test_a_restore_whose_server_is_killed_goes_on_and_shows_no_traceback(
    own_server: EmbeddedServer, build_base: Callable[[str], None], lay_out: Callable[..., Desk]
) -> None:
    """Killed as eight of its steps begin: a line says what failed, and another what is down."""
    conninfo = Databases(own_server).create("own")
    build_base(conninfo)
    desk = lay_out(conninfo)
    told = desk.deploy("--backup-check", "read")
    assert told.returncode == 0, told.stdout + told.stderr
    words = ("rollback", "--mode", "restore", "--yes-roll-back", desk.database, "--reason", "drill")
    server = own_server
    for step in RESTORING:
        deployer = desk.start(*words)
        until(partial(began, desk, step))
        os.kill(server.pid, signal.SIGKILL)
        said, errors = deployer.communicate(timeout=BOUND_S * 4)
        assert deployer.returncode == 1, f"{step}: {said}{errors}"
        stopped = RESTORING.index(step) > RESTORING.index("stop_app")
        assert not stopped or "THE APPLICATION IS DOWN since " in errors.splitlines()[-1], errors
        assert "Traceback" not in said + errors, f"{step}: {errors}"
        assert errors.startswith("gonogo: "), f"{step}: {errors}"
        for log in desk.root.glob("logs/*/*_rollback.jsonl"):
            log.unlink()
        server = started_again(server)
    try:
        last = desk.run(*words)
        assert last.returncode == 0, last.stdout + last.stderr
        assert desk.ask("select outcome from gonogo.deployment") == "rolled_back"
    finally:
        server.stop()


def began(desk: Desk, step: str) -> bool:
    """Whether the log of the rollback that runs says that a step began."""
    wanted = ('"event": "started"', f'"step": "{step}"')
    return any(
        all(part in line for part in wanted)
        for log in desk.root.glob("logs/*/*_rollback.jsonl")
        for line in log.read_text("utf-8").splitlines()
    )


# Nobody waits longer for a server that says nothing.
BOUND_S = 30
DUMPING = """
select pid from pg_stat_activity
where datname = current_database() and application_name = 'gonogo' and wait_event_type = 'Lock'
    -- Not the preflight's, which copies the schema alone.
    and not exists (select from pg_database where datname like 'gonogo\\_plan\\_%')"""


@contextmanager
def silenced(proxy: Proxy, conninfo: str, busy: str) -> Iterator[None]:
    """The network falls silent while the body waits for an answer; it ends in bounded time."""

    def fall_silent() -> float:
        until(lambda: ask(conninfo, busy))
        proxy.swallowing.set()
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        falling = pool.submit(fall_silent)
        yield
        assert time.monotonic() - falling.result() < BOUND_S


def failed(told: subprocess.CompletedProcess[str], desk: Desk) -> str:
    """The one line of a deployment that failed; its record says the same."""
    assert told.returncode == 1, told.stdout + told.stderr
    (line,) = told.stderr.splitlines()
    assert desk.labels() == ["DEPLOY-FAILED"]
    return line


@pytest.mark.slow
def test_a_deployer_whose_network_falls_silent(
    base_database: str, lay_out: Callable[..., Desk]
) -> None:
    """It waits for somebody, not for ever: one line, a record, and a rollback when it is back."""
    with proxied(base_database) as proxy:
        desk = lay_out(proxy.conninfo)
        add_migration(desk, SLEEPING)
        with silenced(proxy, base_database, BUSY.format(ASLEEP)):
            told = desk.deploy("--backup-check", "read")
    assert failed(told, desk).startswith("gonogo: migrate: 047_extra.sql:1: ")
    desk = replace(desk, conninfo=base_database)
    desk.environ["DATABASE_URL"] = database_url(base_database)
    until(lambda: ask(base_database, STILL_THERE) is None)
    undone = desk.run("rollback", "--yes-roll-back", desk.database)
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert "schema equal to that before the deployment" in undone.stdout


@pytest.mark.slow
def test_a_backup_whose_network_falls_silent(desk: Desk) -> None:
    """pg_dump would wait for ever: it is ended, in one line, and nothing was changed."""
    with proxied(desk.conninfo) as proxy, psycopg.connect(desk.conninfo) as holder:
        desk.environ["DATABASE_URL"] = database_url(proxy.conninfo)
        holder.execute("lock table held_up in access exclusive mode")
        with silenced(proxy, desk.conninfo, DUMPING):
            told = desk.deploy("--backup-check", "read")
    line = failed(told, desk)
    assert "pg_dump was ended: the database stopped answering; nothing was changed" in line
    assert desk.ask("select to_regclass('sync_metrics')") is None


@pytest.mark.slow
def test_a_lost_connection_in_production_is_rolled_back_all_the_same(
    base_database: str, lay_out: Callable[..., Desk]
) -> None:
    """The lock lies on another connection: it is held still, and the database is what it was."""
    desk = lay_out(base_database)
    add_migration(desk, ENDING_ITSELF)
    words = ("deploy", "production", "--override", "a drill", "--yes-deploy-to", desk.database)
    told = desk.run(
        *words, "--revision", desk.repository.after, "--backup-check=read", NODE_ENV="production"
    )
    assert told.returncode == 1
    assert "terminating connection due to administrator command" in told.stderr
    assert desk.labels() == ["DEPLOY-FAILED", "ROLLED-BACK"]
    assert desk.ask("select outcome from gonogo.deployment") == "rolled_back"
