"""What the shipped roles may not do, asked of a real server, statement by statement."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session, connect
from gonogo.postgres.snapshot import in_snapshot, read_identity
from gonogo.rollout.grants import readable
from gonogo.sandbox.databases import Databases

ROLES = Path(__file__).parents[2] / "roles"
MEASURED = tuple(readable(ROLES.parent / "checks" / "sql"))
# Of the server and of its machine: neither role has anything to do with these.
NOBODYS = (
    "create role another",
    "alter role postgres password 'x'",
    "set role postgres",
    "alter system set work_mem = '1MB'",
    "select pg_reload_conf()",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select lo_import('/etc/passwd')",
    "copy (select 1) to '/tmp/canary'",
    "copy (select 1) to program 'touch /tmp/canary'",
    "create extension pageinspect",
    "drop table others.things",
    "delete from others.things",
    "insert into others.things values ('x')",
)
GATE_MAY_NOT = (
    *NOBODYS,
    *(f"delete from {table}" for table in MEASURED),
    *(f"truncate {table}" for table in MEASURED),
    "update sync_metrics set result = 'success'",
    "begin; lock table sync_metrics in exclusive mode",
    "drop table sync_metrics",
    "alter table sync_metrics add column x int",
    "create index on sync_metrics (result)",
    "create table public.mine (x int)",
    "create function public.mine() returns int language sql return 1",
    "create schema mine",
    "create database mine",
    "select password_hash from users",
    "select email from users",
    "select from oauth_tokens",
    "select from contacts",
    "select from audit_logs",
    "select token from calendar_webhook_subscriptions",
    "select * from calendar_webhook_subscriptions",
    "select re_auth_link from token_health_notifications",
    "select message from token_health_notifications",
    "select path from gonogo.backup",
    "select evidence from gonogo.step",
    "update gonogo.deployment set outcome = 'succeeded'",
    "insert into gonogo.incident (title, kind) values ('x', 'critical')",
    "update gonogo.incident set closed_at = now()",
    "update gonogo.environment set simulated = true",
    "select from others.things",
)
# What everybody may do by PostgreSQL's own defaults, the gate's transactions refuse.
READ_ONLY = (
    "create temporary table mine (x int)",
    "select lo_create(0)",
    "select others.write_for_anybody()",
)
DEFINER = """
create function others.write_for_anybody() returns void language sql security definer
begin atomic insert into others.things values ('written'); end"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A deployed database with everything that a role could be tempted by.

    Args:
        conninfo: For the superuser.
        owner: Who owns the application's tables.
        gate: The gate's role.
        deployer: The deployer's role.
    """

    conninfo: str
    owner: str
    gate: str
    deployer: str

    def to(self, role: str) -> str:
        """The connection string for a role."""
        return make_conninfo(self.conninfo, user=role)


@pytest.fixture(scope="module")
def shop(databases: Databases, migrated_template: str) -> Iterator[Shop]:
    """Both roles made by their scripts, able to log in; somebody else's things beside them."""
    mark = uuid4().hex[:8]
    name = f"test_roles_{mark}"
    made = Shop(
        databases.create(name, migrated_template), f"app_{mark}", f"gate_{mark}", f"deployer_{mark}"
    )
    _furnish(made)
    _run_script(databases, made, "gate_role.sql", f"role={made.gate}")
    _run_script(
        databases, made, "deployer_role.sql", f"role={made.deployer}", f"owner={made.owner}"
    )
    with psycopg.connect(made.conninfo, autocommit=True) as connection:
        for role in (made.gate, made.deployer):
            connection.execute(sql.SQL("alter role {} login").format(sql.Identifier(role)))
    yield made
    databases.drop(name)
    with psycopg.connect(databases.server.conninfo(), autocommit=True) as connection:
        for role in (made.gate, made.deployer, made.owner):
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.fixture
def refused(shop: Shop) -> Callable[[str, str], None]:
    """``refused(role, statement)``: the server says that the role may not."""

    def ask(role: str, statement: str) -> None:
        with (
            psycopg.connect(shop.to(role), autocommit=True) as connection,
            pytest.raises(errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())

    return ask


@pytest.mark.parametrize("statement", GATE_MAY_NOT)
def test_the_gate_may_not(shop: Shop, refused: Callable[[str, str], None], statement: str) -> None:
    """It reads what it measures: no write, no secret, nothing of the server or its machine."""
    refused(shop.gate, statement)


@pytest.mark.parametrize("statement", READ_ONLY)
def test_the_gates_transactions_write_nothing_either(shop: Shop, statement: str) -> None:
    """Temporary tables, large objects, functions that write for whoever calls: all refused."""
    with connect(DatabaseSettings(shop.to(shop.gate), "the test")) as connection:
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute(statement.encode())
        connection.rollback()


@pytest.mark.parametrize("statement", [*NOBODYS, "drop database postgres"])
def test_the_deployer_may_not(
    shop: Shop, refused: Callable[[str, str], None], statement: str
) -> None:
    """It changes the application's tables; other owners' and the server are not its to change."""
    refused(shop.deployer, statement)


def test_neither_role_is_more_than_a_role(shop: Shop) -> None:
    """No superuser, no making of roles, no replication, no way around row-level security."""
    asked = """
        select rolname, rolsuper, rolcreaterole, rolreplication, rolbypassrls, rolcreatedb
        from pg_roles where rolname = any(%s) order by rolname"""
    with psycopg.connect(shop.conninfo) as connection:
        rows = connection.execute(asked, ([shop.gate, shop.deployer],)).fetchall()
    deployer, gate = rows
    assert gate[1:] == (False, False, False, False, False)
    # The scratch database in which a backup is proved.
    assert deployer[1:] == (False, False, False, False, True)


def test_the_record_says_what_the_gate_was_trusted_with(shop: Shop) -> None:
    """A role that may write works as well, and is distinguished from one that only reads."""
    rights = {role: _rights(shop.to(role)) for role in (shop.gate, shop.owner, "postgres")}
    assert list(rights.values()) == ["read", "write", "superuser"]


def _rights(conninfo: str) -> str:
    def read(session: Session) -> str:
        identity, _ = read_identity(session)
        return identity.rights

    return in_snapshot(DatabaseSettings(conninfo, "the test"), Manners(), read)


def _furnish(shop: Shop) -> None:
    """Give the application's tables their owner, and put somebody else's beside them."""
    owner = sql.Identifier(shop.owner)
    mine = """
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r'"""
    with psycopg.connect(shop.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(owner))
        connection.execute(sql.SQL("grant usage on schema public to {}").format(owner))
        for (table,) in connection.execute(mine).fetchall():
            change = sql.SQL("alter table {} owner to {}")
            connection.execute(change.format(sql.Identifier(table), owner))
        connection.execute("create schema others")
        connection.execute("grant usage on schema others to public")
        connection.execute("create table others.things (thing text)")
        connection.execute(DEFINER)


def _run_script(databases: Databases, shop: Shop, name: str, *variables: str) -> None:
    psql = str(databases.server.bin_dir / "psql")
    options = [f"--set={variable}" for variable in variables]
    words = [psql, "--no-psqlrc", *options, f"--file={ROLES / name}", shop.conninfo]
    subprocess.run(words, check=True, capture_output=True)
