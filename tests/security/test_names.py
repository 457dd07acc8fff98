"""Names that would be SQL, options, connection strings or shell, were they ever read as such."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from desk import Desk, make_desk
from gate_process import run_gate
from gonogo.model.kinds import Environment
from gonogo.postgres import session
from gonogo.postgres.dsn import database_settings
from gonogo.postgres.tools import find_tools
from gonogo.rollout.backup.backup import make_backup
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.backup.order import BackupOrder
from gonogo.rollout.grants import grant_gate, readable
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

SCHEMA = "sch\"ema'; drop table users; -- %s"
# Each is made unlike any other run's by what is put in the place of the star.
NAMES = {
    "quotes": "we\"ird*'db; drop",
    "another server": "host=evil.example*dbname=x",
    "a url": "postgresql://evil.example/*",
    "an option": "--help*",
    "a template": "%s %(name)s {0} *",
    "a shell": "$(touch canary)`touch canary`*",
    "lines": "one\ntwo\t*\x1b[31m",
    "other letters": "数据 ünï*",
}


@pytest.fixture(params=NAMES)
def named(request: pytest.FixtureRequest) -> str:
    """A hostile name of one's own."""
    return NAMES[request.param].replace("*", uuid4().hex[:8])


@pytest.fixture
def strange_database(databases: Databases, base_template: str, named: str) -> Iterator[str]:
    """The connection string of a database of that name, as it was before 038."""
    yield databases.create(named, base_template)
    databases.drop(named)


@pytest.fixture
def strange_desk(databases: Databases, base_template: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk where nothing has an ordinary name: database, schema, user, directories."""
    name = NAMES["quotes"].replace("*", uuid4().hex[:8])
    conninfo = databases.create(name, base_template)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        own = sql.Identifier(SCHEMA)
        connection.execute(sql.SQL("alter schema public rename to {}").format(own))
        connection.execute("create schema public")
        moved = sql.SQL("alter database {} set search_path = {}")
        connection.execute(moved.format(sql.Identifier(name), own))
    desk = make_desk(tmp_path, conninfo)
    file = tmp_path / "rollout.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('"backups"', "'b$(touch canary) \"%s; ü'")
    file.write_text(text.replace('"archive"', "'-a$(touch canary) \"%s; ü'"), encoding="utf-8")
    desk.environ["LOGNAME"] = "o'brien\x1b[31m; touch canary"
    yield desk
    surroundings.stop_everything(tmp_path)
    with psycopg.connect(databases.server.conninfo()) as connection:
        kept = connection.execute(
            "select datname from pg_database where starts_with(datname, %s)", [name]
        ).fetchall()
    for (one,) in kept:
        databases.drop(one)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["revert", "restore"])
def test_a_whole_rollout_where_nothing_has_an_ordinary_name(strange_desk: Desk, mode: str) -> None:
    """Looked at, deployed, judged, reported, rolled back; no name was run or obeyed."""
    desk, users = strange_desk, "select count(*) from users"
    before = desk.ask(users)
    deployment = desk.deployment
    said = [desk.run("preflight"), desk.run(*deployment)]
    said.append(desk.run("verify"))
    said.append(desk.run("status"))
    gate = run_gate(desk.root, desk.conninfo, "--environment=staging", "--without=endpoints")
    said.append(desk.run("rollback", f"--mode={mode}", "--yes-roll-back", desk.database))
    for told in said:
        assert told.returncode == 0, told.stdout + told.stderr
        assert "\x1b" not in told.stdout + told.stderr
    assert gate.code == 10, gate.output
    assert desk.ask(users) == before
    assert desk.ask("select deployed_by from gonogo.deployment") == desk.environ["LOGNAME"]
    assert not list(desk.root.rglob("canary"))


@pytest.mark.slow
def test_a_database_of_any_name_is_backed_up_and_proved(
    strange_database: str, named: str, server: EmbeddedServer, tmp_path: Path
) -> None:
    """The client tools reach the database that is meant, and no other."""
    settings = database_settings({"DATABASE_URL": strange_database})
    tools = find_tools(18, {}, server.bin_dir)
    made = make_backup(BackupOrder(settings, tools, tmp_path / named, Environment.STAGING))
    assert made.rows["public.users"] == 60
    assert len(schema_fingerprint(server.bin_dir, settings.conninfo)) == 64
    with session.connect(settings.with_database(named).conninfo) as connection:
        assert connection.info.dbname == named


def test_a_role_of_any_name_is_granted_what_it_needs(
    migrated_database: str, named: str, server: EmbeddedServer, pytestconfig: pytest.Config
) -> None:
    """By the deployment and by the script; its name is never read as SQL."""
    role = sql.Identifier(named)
    script = pytestconfig.rootpath / "roles" / "gate_role.sql"
    words = [str(server.bin_dir / "psql"), "--no-psqlrc", f"--set=role={named}"]
    with session.connect(migrated_database) as connection:
        try:
            subprocess.run(
                [*words, "--file", str(script), migrated_database], check=True, capture_output=True
            )
            assert "sync_metrics" in grant_gate(
                connection, named, "public", readable(pytestconfig.rootpath / "checks" / "sql")
            )
            connection.execute(sql.SQL("set role {}").format(role))
            connection.execute("select id from sync_metrics")
        finally:
            connection.execute("reset role")
            connection.execute(sql.SQL("drop owned by {}").format(role))
            connection.execute(sql.SQL("drop role {}").format(role))


@pytest.mark.slow
def test_a_restore_where_nothing_has_an_ordinary_name(strange_desk: Desk) -> None:
    """Schema, tables, columns and the kept database alike: planned, damage named, carried over."""
    own = sql.Identifier(SCHEMA)
    table = sql.Identifier(SCHEMA, 't"; %s {0}')
    with psycopg.connect(strange_desk.conninfo, autocommit=True) as connection:
        for words in (
            'create table {table} ("k""%s{{x}}" text primary key, "v%%" text)',
            "insert into {table} values ('{{}}%s''', 'a'), ('b', 'b')",
        ):
            connection.execute(sql.SQL(words).format(table=table, own=own))
        assert strange_desk.deploy().returncode == 0
        connection.execute(sql.SQL("update {} set \"v%%\" = 'damage'").format(table))
        connection.execute(sql.SQL("insert into {} values ('new', '%s')").format(table))
    options = ("--mode", "restore", "--damaged", f'{SCHEMA}.t"; %s {{0}}')
    planned = strange_desk.run("rollback", "--plan", *options)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "2 changed" in planned.stdout
    told = strange_desk.type(strange_desk.database, "rollback", *options)
    assert told.returncode == 0, told.stdout + told.stderr
    with psycopg.connect(strange_desk.conninfo) as connection:
        rows = connection.execute(sql.SQL("select * from {} order by 1").format(table)).fetchall()
    assert sorted(rows) == [("b", "b"), ("new", "%s"), ("{}%s'", "a")]
