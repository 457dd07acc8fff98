"""Every kind of object counts in a schema's fingerprint, and none moves by dump and restore."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from gonogo.rollout.backup.fingerprint import schema_statements
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

ROLE = "kinds_reader"
TABLE = tomllib.loads((Path(__file__).parents[2] / "shared" / "kinds.toml").read_text("utf-8"))
SHARED: dict[str, str] = TABLE.pop("shared")
KINDS = {kind for kind, one in TABLE.items() if "since" not in one}
CITUS = """
create table citus_tables (table_name regclass, citus_table_type text, distribution_column text,
    colocation_id int, shard_count int);
create table spread (id int);
insert into citus_tables values ('spread', 'distributed', 'id', 1, 32)"""


@dataclass(frozen=True, slots=True)
class States:
    """One database before and after every kind was changed, each also dumped and restored.

    Args:
        before: What makes the schema before.
        before_restored: The same of what was restored.
        after: What makes it after the changes.
        after_restored: The same of what was restored.
    """

    before: list[str]
    before_restored: list[str]
    after: list[str]
    after_restored: list[str]


def run(conninfo: str, statements: str) -> None:
    """Run SQL, each statement by itself."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statements.encode())


def sql(kind: str, what: str) -> str:
    """What is there of a kind, or the change of it."""
    text = str(TABLE[kind][what])
    # What is shared may begin with something shared.
    return text.format(**SHARED, k="{k}").format(**SHARED, k="{k}").format(k=f"k_{kind}_k")


def states(databases: Databases, kinds: Iterable[str]) -> States:
    """Make all kinds in one database, change all, and describe each state and its restored copy."""
    run(
        databases.server.conninfo(),
        f"do $$ begin create role {ROLE}; exception when others then null; end $$",
    )
    # Test processes share a server.
    names = tuple(f"kinds_{os.getpid()}_{number}" for number in range(3))
    conninfo = databases.create(names[0])
    try:
        for kind in kinds:
            run(conninfo, f"create schema k_{kind}_k; {sql(kind, 'there')}")
        before = schema_statements(databases.server.bin_dir, conninfo)
        before_restored = restored(databases, *names[:2])
        for kind in kinds:
            run(conninfo, sql(kind, "change"))
        after = schema_statements(databases.server.bin_dir, conninfo)
        return States(before, before_restored, after, restored(databases, names[0], names[2]))
    finally:
        for name in names:
            databases.drop(name)


def restored(databases: Databases, source: str, name: str) -> list[str]:
    """What makes the schema once it was dumped and restored."""
    tools, target = databases.server.bin_dir, databases.create(name)
    dump = subprocess.run(
        [str(tools / "pg_dump"), "-Fc", "-d", databases.server.conninfo(source)],
        check=True,
        capture_output=True,
    )
    restore = [str(tools / "pg_restore"), "--exit-on-error", "-d", target]
    subprocess.run(restore, input=dump.stdout, check=True)
    return schema_statements(tools, target)


@pytest.fixture(scope="module")
def states18(databases: Databases) -> States:
    """The states on the embedded PostgreSQL 18."""
    return states(databases, TABLE)


@pytest.fixture(scope="module")
def states15(postgres15: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[States]:
    """The states on PostgreSQL 15."""
    directory = tmp_path_factory.mktemp("kinds")
    with EmbeddedServer.start(directory, bin_dir=postgres15) as server:
        yield states(Databases(server), sorted(KINDS))


def of(kind: str, statements: list[str]) -> list[str]:
    """The statements that are about one kind."""
    return [one for one in statements if re.search(rf"\bk_{kind}_k\b", one)]


def hold(states: States, kind: str) -> None:
    """The change shows, and neither state moves by a dump and restore."""
    before, after = of(kind, states.before), of(kind, states.after)
    assert before != after
    assert of(kind, states.before_restored) == before
    assert of(kind, states.after_restored) == after


@pytest.mark.parametrize("kind", TABLE)
def test_a_kind_counts(states18: States, kind: str) -> None:
    """A change shows in what is hashed, and a dump and restore does not."""
    hold(states18, kind)


@pytest.mark.postgres15
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_counts_on_postgresql_15(states15: States, kind: str) -> None:
    """A change shows in what is hashed, and a dump and restore does not."""
    hold(states15, kind)


def test_nothing_else_moves(states18: States) -> None:
    """What is of no kind here (schema public, its grants) is the same in all four states."""
    assert states18.before == states18.before_restored
    assert states18.after == states18.after_restored


def test_how_a_table_is_distributed_counts(
    new_database: Callable[..., str], server: EmbeddedServer
) -> None:
    """On a cluster, whose catalog a table stands in for here."""
    conninfo = new_database()
    run(conninfo, CITUS)
    before = schema_statements(server.bin_dir, conninfo)
    run(conninfo, "update citus_tables set shard_count = 64")
    changed = set(schema_statements(server.bin_dir, conninfo)) ^ set(before)
    assert sorted(changed) == [
        f'["spread", "distributed", "id", "{count}", "spread"]' for count in (32, 64)
    ]


def test_how_tables_aside_are_distributed_does_not_count(
    new_database: Callable[..., str], server: EmbeddedServer
) -> None:
    """A revert leaves them on a cluster, and the schema is what it was."""
    conninfo = new_database()
    run(conninfo, CITUS)
    before = schema_statements(server.bin_dir, conninfo)
    run(
        conninfo,
        "create schema gonogo_aside_1; create table gonogo_aside_1.kept (id int);"
        "insert into citus_tables values ('gonogo_aside_1.kept', 'distributed', 'id', 1, 32)",
    )
    assert schema_statements(server.bin_dir, conninfo) == before
