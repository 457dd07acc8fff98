"""New databases made like another one, and scratch databases, which are dropped again.

A dump carries no encoding, locale, owner, tablespace or connection limit: they are set when the
database is created. Settings and grants of the database itself are copied on demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql

from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_bool, asking, connect
from gonogo.postgres.tools import Tools
from gonogo.rollout.backup.fingerprint import IS_CLUSTER
from gonogo.rollout.backup.privileged import privileged, restore

DEFAULT_TABLESPACE = "pg_default"
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
# Of any server version: a column that this one does not have is just not there.
DESCRIPTION = """
select to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(d.encoding),
    'owner', pg_get_userbyid(d.datdba), 'tablespace', t.spcname)
from pg_database as d
join pg_tablespace as t on t.oid = d.dattablespace
where d.datname = %s"""
SETTINGS = """
select r.rolname, c.setting
from pg_db_role_setting as s
join pg_database as d on d.oid = s.setdatabase
left join pg_roles as r on r.oid = s.setrole
cross join unnest(s.setconfig) with ordinality as c (setting, place)
where d.datname = %s and (s.setrole = 0 or r.oid is not null)
order by r.rolname nulls first, c.place"""
GRANTS = """
select case when a.grantee = 0 then null else pg_get_userbyid(a.grantee) end,
    a.privilege_type, a.is_grantable
from pg_database as d
cross join aclexplode(d.datacl) as a
where d.datname = %s and (a.grantee = 0 or exists (select from pg_roles where oid = a.grantee))
order by 1 nulls first, 2"""
OURS = ("--exclude-schema=gonogo", "--exclude-schema=gonogo_aside_*")
LOCK_WAIT = "--lock-wait-timeout=30s"
# A plan or preflight only reads, so it gives up early.
SHORT_LOCK_WAIT = "--lock-wait-timeout=5s"
# In the order in which they were made: one that reads another comes after it.
MATERIALIZED = """
select n.nspname, c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'm' and (c.relispopulated or not %s)
order by c.oid"""
LONGEST_REFRESH = "5s"
# A dump does not say how a cluster's tables are distributed.
COORDINATOR = "select nodename, nodeport from pg_dist_node where groupid = 0"
# Reference tables first, to which the others refer; the first of those that lie together begins.
DISTRIBUTED = """
select table_name::text, case citus_table_type when 'distributed' then distribution_column end,
    coalesce(lag(table_name::text) over together, 'none')
from citus_tables
where citus_table_type in ('distributed', 'reference')
window together as (partition by citus_table_type, colocation_id order by table_name::text)
order by citus_table_type desc, table_name::text"""
NAME = "gonogo_{purpose}_{oid}"
OWN = "select oid, datname from pg_database where datname = current_database()"


def create_like(connection: Connection, source: str, name: str, *, owner: bool = False) -> None:
    """Make an empty database of the encoding and locale of another.

    Args:
        connection: In autocommit, to any database of the server.
        source: The other database.
        name: The new one's name; nothing of that name is there.
        owner: Give it the owner, tablespace and connection limit of the other one as well.

    Raises:
        psycopg.Error: The role may not create databases, or the disk is full.
        DatabaseError: There is no such database.
    """
    database = _described(connection, source)
    words = [*_locale(database), *(_ownership(database) if owner else ())]
    connection.execute(
        sql.SQL(" ").join(
            [
                sql.SQL("create database {} template template0").format(sql.Identifier(name)),
                *words,
            ]
        )
    )


@asking("the settings of the database cannot be copied")
def copy_settings(connection: Connection, source: str, target: str) -> int:
    """Give a database the settings (``alter database … set``) of another; how many there were.

    Args:
        connection: In autocommit, to a third database.
        source: The other one.
        target: Whose settings to make.
    """
    rows = connection.execute(SETTINGS, (source,)).fetchall()
    for role, setting in rows:
        name, _, value = str(setting).partition("=")
        _set(connection, target, role, name, value)
    return len(rows)


@asking("the grants on the database cannot be copied")
def copy_grants(connection: Connection, source: str, target: str) -> int:
    """Give a database the grants of another; how many there were, 0 for the default ones.

    Args:
        connection: In autocommit.
        source: The other one.
        target: Whose grants to make.
    """
    rows = connection.execute(GRANTS, (source,)).fetchall()
    if not rows:
        return 0
    database = sql.Identifier(target)
    connection.execute(sql.SQL("revoke all on database {} from public").format(database))
    for grantee, privilege, grantable in rows:
        connection.execute(
            sql.SQL("grant {} on database {} to {}{}").format(
                sql.SQL(privilege),
                database,
                sql.SQL("public") if grantee is None else sql.Identifier(grantee),
                sql.SQL(" with grant option" if grantable and grantee else ""),
            )
        )
    return len(rows)


def _described(connection: Connection, source: str) -> Mapping[str, Any]:
    row = connection.execute(DESCRIPTION, (source,)).fetchone()
    if row is None:
        raise DatabaseError(f"there is no database {source}")
    described: Mapping[str, Any] = row[0]
    return described


def _locale(database: Mapping[str, Any]) -> Iterator[sql.Composable]:
    def option(name: str, value: object) -> sql.Composable:
        return sql.SQL("{} {}").format(sql.SQL(name), sql.Literal(value))

    yield option("encoding", database["encoding"])
    yield option("lc_collate", database["datcollate"])
    yield option("lc_ctype", database["datctype"])
    provider = PROVIDERS.get(str(database.get("datlocprovider")))
    if provider is None:
        return
    yield sql.SQL("locale_provider {}").format(sql.SQL(provider))
    # Called daticulocale up to version 16.
    locale = database.get("datlocale") or database.get("daticulocale")
    if locale and provider != "libc":
        yield option(f"{provider}_locale", locale)
    if rules := database.get("daticurules"):
        yield option("icu_rules", rules)


def _ownership(database: Mapping[str, Any]) -> Iterator[sql.Composable]:
    yield sql.SQL("owner {}").format(sql.Identifier(database["owner"]))
    # To name the one that it would lie in anyway needs a right of its own.
    if database["tablespace"] != DEFAULT_TABLESPACE:
        yield sql.SQL("tablespace {}").format(sql.Identifier(database["tablespace"]))
    yield sql.SQL("connection limit {}").format(sql.Literal(database["datconnlimit"]))


def _set(connection: Connection, target: str, role: str | None, name: str, value: str) -> None:
    whose = sql.SQL("database {}").format(sql.Identifier(target))
    if role is not None:
        whose = sql.SQL("role {} in {}").format(sql.Identifier(role), whose)
    parameter = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
    # A list (search_path) is kept as text that no literal can express: it is set as it is.
    with connection.transaction():
        connection.execute("select set_config(%s, %s, true)", (name, value))
        connection.execute(sql.SQL("alter {} set {} from current").format(whose, parameter))


@contextmanager
def scratch_database(
    database: DatabaseSettings, purpose: str = "scratch"
) -> Iterator[DatabaseSettings]:
    """An empty database of the same encoding and locale, which a dump does not carry.

    Args:
        database: The source; the new one lies beside it, and is dropped again.
        purpose: Part of its name; two of the same purpose are never there at once.
    """
    with connect(database.conninfo, "gonogo backup") as connection:
        oid, own = connection.execute(OWN).fetchone() or (0, "")
        # Named by the source, so that what a killed run left behind is replaced by the next.
        name = NAME.format(purpose=purpose, oid=oid)
        drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        connection.execute(drop)
        create_like(connection, own, name)
        try:
            yield database.with_database(name)
        finally:
            connection.execute(drop)


def drop_left(connection: Connection) -> list[str]:
    """Drop the scratch databases that a killed run left; one that is in use stays.

    Args:
        connection: To the database that they were made like.

    Returns:
        Their names.
    """
    dropped = []
    oid, _ = connection.execute(OWN).fetchone() or (0, "")
    for purpose in ("scratch", "plan"):
        name = NAME.format(purpose=purpose, oid=oid)
        if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            with suppress(psycopg.Error):
                connection.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))
                dropped.append(name)
    return dropped


@contextmanager
def likeness(database: DatabaseSettings, tools: Tools) -> Iterator[Connection]:
    """A scratch database with the schema of another, and none of its rows.

    Args:
        database: The other one; nothing of it is changed, and no lock of it is kept.
        tools: The client tools of its version.

    Raises:
        BackupError: The schema could not be dumped or restored.
        psycopg.Error: The role may not create databases.
    """
    with (
        TemporaryDirectory(prefix="gonogo-plan-") as directory,
        scratch_database(database, "plan") as scratch,
    ):
        dump = Path(directory) / "schema.dump"
        words = ["--format=custom", "--schema-only", SHORT_LOCK_WAIT, *OURS, f"--file={dump}"]
        tools.run("pg_dump", words, database)
        with connect(database.conninfo, "gonogo plan") as source:
            without = privileged(source)
        restore(tools, dump, scratch, without, ["--no-owner", "--no-privileges"])
        with connect(scratch.conninfo, "gonogo plan") as connection:
            _distribute(connection, database)
            _populate(connection, database)
            yield connection


def _distribute(copy: Connection, database: DatabaseSettings) -> None:
    """On a cluster (Citus): distribute the tables as there, over one shard each, on this node."""
    with connect(database.conninfo, "gonogo plan") as source:
        if not ask_bool(source, IS_CLUSTER):
            return
        name = sql.Identifier(copy.info.dbname)
        copy.execute(sql.SQL("alter database {} set citus.shard_count = 1").format(name))
        for own in source.execute(COORDINATOR).fetchall():
            copy.execute("select citus_set_coordinator_host(%s, %s)", own)
            copy.execute("select citus_set_node_property(%s, %s, 'shouldhaveshards', true)", own)
        copy.execute("set citus.shard_count = 1")
        for table, column, beside in source.execute(DISTRIBUTED).fetchall():
            if column is None:
                copy.execute("select create_reference_table(%s::regclass)", (table,))
            else:
                made = "select create_distributed_table(%s::regclass, %s, colocate_with => %s)"
                copy.execute(made, (table, column, beside))


def _populate(copy: Connection, database: DatabaseSettings) -> None:
    """Let what reads a materialized view, or refreshes it concurrently, find it as it is there."""
    with connect(database.conninfo, "gonogo plan") as source:
        populated = set(source.execute(MATERIALIZED, (True,)))
    for view in copy.execute(MATERIALIZED, (False,)).fetchall():
        if view in populated:
            # One that cannot be computed without rows stays as the dump leaves it.
            with suppress(psycopg.Error), copy.transaction():
                copy.execute("select set_config('statement_timeout', %s, true)", (LONGEST_REFRESH,))
                refresh = sql.SQL("refresh materialized view {}")
                copy.execute(refresh.format(sql.Identifier(*view)))
