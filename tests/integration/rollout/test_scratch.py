"""A database in the likeness of another has all that a dump does not carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from psycopg.rows import TupleRow

from gonogo.errors import DatabaseError
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection
from gonogo.postgres.tools import find_tools
from gonogo.rollout.backup.scratch import (
    copy_grants,
    copy_settings,
    create_like,
    drop_left,
    likeness,
)
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

LOOKS = (
    "select to_jsonb(d) - 'oid' - 'datname' - 'datfrozenxid' - 'datminmxid' from pg_database as d"
    " where datname = %s"
)
SETTINGS = (
    "select s.setrole, s.setconfig from pg_db_role_setting as s"
    " join pg_database as d on d.oid = s.setdatabase where datname = %s order by 1"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two databases, one made in the likeness of the other; a role that may own them.

    Args:
        connection: To a third database of the server.
    """

    connection: Connection
    this: str
    that: str
    role: str

    def rows(self, query: str) -> list[list[TupleRow]]:
        """What a query finds of either."""
        return [
            self.connection.execute(query.encode(), (name,)).fetchall()
            for name in (self.this, self.that)
        ]

    def run(self, line: str) -> None:
        """Run a statement that names THIS and ROLE."""
        self.connection.execute(line.replace("THIS", self.this).replace("ROLE", self.role).encode())


@pytest.fixture
def pair(databases: Databases) -> Iterator[Pair]:
    """What the tests make goes with them."""
    names = [f"{what}_{uuid4().hex}" for what in ("this", "that", "role")]
    with session.connect(databases.server.conninfo()) as connection:
        pair = Pair(connection, *names)
        pair.run("create role ROLE")
        yield pair
        pair.run("drop owned by ROLE")
        databases.drop(pair.this)
        databases.drop(pair.that)
        pair.run("drop role ROLE")


@pytest.mark.parametrize(
    "options",
    [
        "encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C.UTF-8'",
        "encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'",
        "encoding 'LATIN1' locale_provider libc lc_collate 'C' lc_ctype 'C'",
    ],
)
def test_encoding_locale_and_owner_are_the_same(pair: Pair, options: str) -> None:
    """Whatever the server's own are; the catalogue's rows are equal but for name and age."""
    pair.run(f"create database THIS template template0 {options} owner ROLE connection limit 7")
    create_like(pair.connection, pair.this, pair.that, owner=True)
    this, that = pair.rows(LOOKS)
    assert this
    assert this == that


def test_settings_and_grants_are_the_same(pair: Pair) -> None:
    """Lists stay lists, a role's own are kept, and PUBLIC gets back nothing that it had lost."""
    for line in (
        "create database THIS",
        """alter database THIS set search_path to "$user", public, "Odd, name" """,
        "alter database THIS set app.motto to 'it''s = fine'",
        "alter database THIS set default_transaction_read_only to on",
        "alter database THIS set session_preload_libraries to ''",
        "alter role ROLE in database THIS set work_mem to '7MB'",
        "revoke all on database THIS from public",
        "grant connect on database THIS to ROLE with grant option",
    ):
        pair.run(line)
    create_like(pair.connection, pair.this, pair.that)
    assert copy_settings(pair.connection, pair.this, pair.that) == 5
    assert copy_grants(pair.connection, pair.this, pair.that) == 4
    for query in (SETTINGS, "select datacl from pg_database where datname = %s"):
        this, that = pair.rows(query)
        assert this
        assert this == that


def test_a_database_that_is_not_there_has_no_likeness(pair: Pair) -> None:
    """One line names it."""
    with pytest.raises(DatabaseError, match=f"there is no database {pair.this}"):
        create_like(pair.connection, pair.this, pair.that)


def test_a_likeness_fills_what_is_filled_there(empty_database: str, server: EmbeddedServer) -> None:
    """A migration may read a materialized view there that it may read in the database."""
    with session.connect(empty_database) as connection:
        connection.execute("create table t (a int); create materialized view m as select * from t")
        connection.execute("create materialized view of_m as select * from m")
        connection.execute("create materialized view bare as select * from t with no data")
    database = DatabaseSettings(empty_database, "test")
    with likeness(database, find_tools(18, {}, server.bin_dir)) as copy:
        query = "select relname, relispopulated from pg_class where relkind = 'm'"
        assert dict(copy.execute(query).fetchall()) == {"m": True, "of_m": True, "bare": False}


def test_what_a_killed_run_left_is_dropped_unless_somebody_uses_it(empty_database: str) -> None:
    """The scratch databases of this database alone."""
    with session.connect(empty_database) as connection:
        (oid,) = connection.execute(
            "select oid from pg_database where datname = current_database()"
        )
        names = [f"gonogo_{purpose}_{oid[0]}" for purpose in ("scratch", "plan")]
        for name in names:
            connection.execute(f"create database {name}".encode())
        settings = DatabaseSettings(empty_database, "test")
        with session.connect(settings.with_database(names[1]).conninfo):
            assert drop_left(connection) == names[:1]
        assert drop_left(connection) == names[1:]
        assert drop_left(connection) == []


# What a coordinator has of a cluster; each call notes itself in the database that it is made in.
COORDINATOR = """
create table citus_tables (table_name regclass, citus_table_type text, distribution_column text,
    colocation_id int);
create table pg_dist_node (nodename text, nodeport int, groupid int);
create table calls (id serial, call text);
create function citus_set_coordinator_host(name text, port int) returns void
    language sql as $$ insert into calls (call) values (format('%s:%s', name, port)) $$;
create function citus_set_node_property(name text, port int, what text, how boolean) returns void
    language sql as $$ insert into calls (call) values (format('%s %s', what, how)) $$;
create function create_reference_table(name regclass) returns void
    language sql as $$ insert into calls (call) values (name::text) $$;
create function create_distributed_table(name regclass, by text, colocate_with text) returns void
    language sql as $$ insert into calls (call) values (name || ' ' || by || ' ' || $3) $$;
create table users (id int); create table a (id int); create table b (id int);
insert into citus_tables values ('b', 'distributed', 'id', 2), ('a', 'distributed', 'id', 2),
    ('users', 'reference', '<none>', 1);
insert into pg_dist_node values ('here', 5432, 0), ('worker', 5432, 1)"""


def test_a_likeness_is_distributed_as_the_original_is(
    empty_database: str, server: EmbeddedServer
) -> None:
    """On a cluster, whose functions stand in here: by one shard each, reference tables first."""
    with session.connect(empty_database) as connection:
        connection.execute(COORDINATOR)
    database = DatabaseSettings(empty_database, "the test")
    with likeness(database, find_tools(18, {}, server.bin_dir)) as copy:
        calls = [call for (call,) in copy.execute("select call from calls order by id").fetchall()]
        assert calls == ["here:5432", "shouldhaveshards t", "users", "a id none", "b id a"]
        with session.connect(session.conninfo_of(copy)) as fresh:
            assert fresh.execute("show citus.shard_count").fetchone() == ("1",)
