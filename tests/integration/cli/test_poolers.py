"""Through a connection pooler: what needs a session refuses, and nothing is ever left on it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from desk import Desk, make_desk
from gonogo.errors import DatabaseError, LockHeldError, UsageError
from gonogo.ledger.deployer import deployer_lock
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.rollout.runner.site import require_same
from gonogo.sandbox import surroundings
from gonogo.sandbox.surroundings import database_url
from pooler import pooled

pytestmark = pytest.mark.pgbouncer

SHARED = 6
# PgBouncer itself sets these for each of its clients; those of a transaction end with it.
LEFT_BEHIND = """
select name || ' = ' || setting from pg_settings
where source = 'session' and name not like 'transaction\\_%' and name not in
    ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')
union all select 'an advisory lock' from pg_locks
where locktype = 'advisory' and pid = pg_backend_pid()
union all select 'a temporary table' from pg_class where relnamespace = pg_my_temp_schema()
union all select 'prepared ' || name from pg_prepared_statements
union all select 'listening' from pg_listening_channels()
union all select 'role' where current_user <> session_user
order by 1"""
REFUSED = (
    "a connection pooler stands before the database and keeps no session (transaction or statement"
    " mode), which this needs; nothing was done; name the server's own host and port: in the"
    " variable DIRECT_URL, or as direct_url in rollout.toml"
)


@pytest.fixture
def through(migrated_desk: Desk) -> Iterator[Desk]:
    """A desk whose variables lead through a pooler in transaction mode."""
    with pooled(migrated_desk.conninfo, size=SHARED) as conninfo:
        migrated_desk.environ["DATABASE_URL"] = database_url(conninfo)
        yield migrated_desk


def left_behind(desk: Desk) -> list[str]:
    """What the pool's next clients find set, over every connection that it shares."""
    found: list[str] = []
    with ExitStack() as stack:
        for _ in range(SHARED):
            client = stack.enter_context(psycopg.connect(desk.environ["DATABASE_URL"]))
            found += [str(what) for (what,) in client.execute(LEFT_BEHIND)]
            assert client.execute("show row_security").fetchone() == ("on",)
            assert client.execute("show transaction_read_only").fetchone() == ("off",)
    return found


def said(told: subprocess.CompletedProcess[str]) -> str:
    """All that was said."""
    return told.stdout + told.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("status", 0),
        ("incident list", 0),
        ("incident open fire", 0),
        ("promote_admin list", 0),
        ("checklist", 0),
        ("preflight", 1),
        ("deploy staging --plan", 1),
        ("deploy staging", 1),
        ("rollback --plan", 1),
        ("rollback --yes-roll-back {database}", 1),
        ("gate --environment staging --without endpoints", None),
    ],
)
def test_no_command_leaves_anything_on_a_shared_connection(
    through: Desk, words: str, code: int | None
) -> None:
    """The next client of the pool finds what a server has by default."""
    told = through.run(*words.format(database=through.database).split())
    assert code is None or told.returncode == code, said(told)
    assert "Traceback" not in said(told)
    assert left_behind(through) == []


@pytest.mark.parametrize(
    "words",
    [
        "deploy staging --plan",
        "deploy staging",
        "rollback --plan",
        "rollback --yes-roll-back {database}",
    ],
)
def test_what_needs_a_session_refuses_in_one_line(through: Desk, words: str) -> None:
    """It says what to set instead."""
    told = through.run(*words.format(database=through.database).split())
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"gonogo: {REFUSED}")


def test_a_preflight_names_the_pooler_among_its_problems(through: Desk) -> None:
    """The items that need no database are looked at all the same."""
    told = through.run("preflight")
    assert f"  ✗ {REFUSED}" in told.stdout
    assert "The team's commands" in told.stdout


def test_two_deployers_through_a_pooler_are_both_refused(through: Desk) -> None:
    """Neither takes the lock, and the ledger has nothing of either."""
    before = through.ask("select count(*) from gonogo.step")
    both = [through.start(*through.deployment) for _ in range(2)]
    for one in both:
        out, error = one.communicate()
        assert one.returncode == 1, out + error
        assert REFUSED in error
    assert through.ask("select count(*) from gonogo.step") == before


@pytest.mark.parametrize("size", [1, SHARED])
@pytest.mark.parametrize("order", ["", "server_round_robin = 1"])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_is_recognised_by_what_it_does(
    migrated_database: str, mode: str, order: str, size: int
) -> None:
    """However many connections it shares, and in whichever order."""
    with (
        pooled(migrated_database, mode, size, order) as conninfo,
        pytest.raises(DatabaseError, match="keeps no session"),
    ):
        session.connect(conninfo)


def test_a_pooler_that_keeps_sessions_will_do(migrated_database: str) -> None:
    """In session mode a client has one connection of the server to itself."""
    with pooled(migrated_database, "session") as conninfo, session.connect(conninfo) as connection:
        assert connection.execute("show row_security").fetchone() == ("off",)


@pytest.mark.slow
def test_a_deployment_and_its_rollback_work_where_sessions_are_kept(
    base_database: str, tmp_path: Path
) -> None:
    """Backup, scratch database, locks and fresh connections all go through it."""
    desk = make_desk(tmp_path, base_database)
    try:
        with pooled(base_database, "session") as conninfo:
            desk.environ["DATABASE_URL"] = database_url(conninfo)
            told = desk.deploy()
            assert told.returncode == 0, said(told)
            told = desk.run("rollback", "--yes-roll-back", desk.database)
            assert told.returncode == 0, said(told)
    finally:
        surroundings.stop_everything(tmp_path)


@pytest.mark.parametrize(
    "words",
    ["status", "incident list", "promote_admin list", "checklist", "gate --without endpoints"],
)
def test_where_not_even_a_transaction_is_kept_it_is_said_in_a_line(
    migrated_desk: Desk, words: str
) -> None:
    """Statement mode lets nobody read several things of one moment."""
    with pooled(migrated_desk.conninfo, "statement") as conninfo:
        migrated_desk.environ["DATABASE_URL"] = database_url(conninfo)
        told = migrated_desk.run(*words.split())
    assert "Traceback" not in said(told)
    assert "transaction blocks not allowed in statement pooling mode" in said(told)


def test_the_lock_holds_even_where_the_pooler_was_not_recognised(
    migrated_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction keeps the shared connection, and gives it back without the lock."""
    monkeypatch.setattr(session, "_require_session", lambda *_: None)
    with pooled(migrated_database) as conninfo:
        first, second = session.connect(conninfo), session.connect(conninfo)
        with first, second:
            with (
                deployer_lock(first),
                pytest.raises(LockHeldError, match="another deployer is at work"),
                deployer_lock(second),
            ):
                pass
            with deployer_lock(second) as lock:
                assert lock.is_held


@pytest.mark.parametrize("named_in", ["environment", "rollout.toml"])
def test_a_direct_url_leads_around_the_pooler(
    base_database: str, tmp_path: Path, named_in: str
) -> None:
    """The deployment goes to the server itself; the application's variables stay the pooler's."""
    desk = make_desk(tmp_path, base_database)
    given = conninfo_to_dict(base_database)
    direct = f"host={given['host']} port={given['port']}"
    if named_in == "environment":
        desk.environ["DIRECT_URL"] = database_url(base_database)
    else:
        file = tmp_path / "rollout.toml"
        text = file.read_text("utf-8")
        head = "[environments.staging]\n"
        file.write_text(text.replace(head, f'{head}direct_url = "{direct}"\n'), "utf-8")
    with pooled(base_database, size=SHARED) as conninfo:
        desk.environ["DATABASE_URL"] = database_url(conninfo)
        told = desk.run(*desk.deployment, "--plan")
        assert told.returncode == 0, said(told)
        assert str(given["host"]) in "".join(told.stdout.split())
        assert left_behind(desk) == []


def test_a_direct_url_to_another_database_is_refused(
    migrated_database: str, base_database: str
) -> None:
    """What is deployed to must be what the application reaches."""
    with (
        pooled(migrated_database) as conninfo,
        session.connect(base_database) as connection,
    ):
        usual = DatabaseSettings(conninfo, "DATABASE_URL")
        direct = replace(DatabaseSettings(base_database, "DATABASE_URL"), pooled=usual)
        with pytest.raises(UsageError, match="lead to two databases"):
            require_same(connection, direct)
    with (
        pooled(migrated_database) as conninfo,
        session.connect(migrated_database) as connection,
    ):
        usual = DatabaseSettings(conninfo, "DATABASE_URL")
        direct = replace(DatabaseSettings(migrated_database, "DATABASE_URL"), pooled=usual)
        assert require_same(connection, direct) == ""
    assert "was not compared" in require_same(connection, direct)
