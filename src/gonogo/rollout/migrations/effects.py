"""Which locks a migration takes, and which tables it rewrites: measured, not guessed from its text.

The statements are run on a scratch database that holds the schema and no row; PostgreSQL itself
then says which locks of the tables that are there already each one took. A statement
outside a transaction releases its locks before they can be read, so its effect is marked as not
measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from gonogo.ledger.migration import Migration
from gonogo.postgres.parser.meaning import built_index
from gonogo.postgres.session import Connection
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import search_path, send, set_for_session

# From the weakest to the strongest; the first blocks no client.
MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
TABLES_THERE = """
select c.oid::bigint, c.relname, pg_relation_filenode(c.oid)::bigint,
    (select count(*) from pg_index as i where i.indrelid = c.oid)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"""
HELD = """
select l.relation::bigint, l.mode
from pg_locks as l
where l.locktype = 'relation' and l.granted and l.pid = pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())"""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock of a table that is there already.

    Args:
        table: The table's name.
        mode: As PostgreSQL's manual calls it: ACCESS EXCLUSIVE.
    """

    table: str
    mode: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What one statement does to the tables that are there already.

    Args:
        statement: The statement.
        locks: What it locks beyond the statements before it; held until COMMIT.
        rewrites: Tables that it writes anew, row by row.
        indexes: Tables that it builds an index on, reading every row under its lock.
        outside: It runs outside a transaction, and its locks were not measured.
    """

    statement: Statement
    locks: tuple[Lock, ...] = ()
    rewrites: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is at one moment.

    Args:
        name: Its name.
        filenode: Which file holds its rows; a rewrite makes another one.
        indexes: How many it has.
    """

    name: str
    filenode: int | None
    indexes: int


def effects(
    connection: Connection,
    migration: Migration,
    schema: str,
    there: Mapping[int, Table],
    *,
    only_outside: bool = False,
) -> tuple[Effect, ...]:
    """Run a migration on a likeness, and say what each statement did.

    Args:
        connection: To the likeness, which holds what came before the migration.
        migration: What to run.
        schema: The application's.
        there: What `tables` said before the first migration.
        only_outside: What runs in a transaction is in place already.

    Raises:
        MigrationError: A statement failed.
    """
    found: list[Effect] = []
    with connection.transaction():
        search_path(connection, schema)
        for statement in () if only_outside else migration.file.inside:
            before, held = tables(connection), _held(connection)
            send(connection, migration.filename, statement)
            found.append(_effect(connection, statement, there, before, held))
    with set_for_session(connection, {"search_path": sql.Identifier(schema).as_string()}):
        for statement in migration.file.outside:
            send(connection, migration.filename, statement)
            found.append(Effect(statement, _by_the_manual(statement), outside=True))
    return tuple(found)


def _effect(
    connection: Connection,
    statement: Statement,
    there: Mapping[int, Table],
    before: Mapping[int, Table],
    held: Mapping[int, str],
) -> Effect:
    after = tables(connection)
    both = [oid for oid in there if oid in before and oid in after]
    now = _held(connection)
    taken = {
        oid: mode
        for oid, mode in now.items()
        if oid in there and _strength(mode) > _strength(held.get(oid))
    }
    return Effect(
        statement,
        tuple(Lock(there[oid].name, _worded(mode)) for oid, mode in taken.items()),
        tuple(there[oid].name for oid in both if after[oid].filenode != before[oid].filenode),
        tuple(there[oid].name for oid in both if after[oid].indexes > before[oid].indexes),
    )


def tables(connection: Connection) -> dict[int, Table]:
    """The tables that are there, by oid."""
    rows = connection.execute(TABLES_THERE)
    return {oid: Table(name, filenode, indexes) for oid, name, filenode, indexes in rows}


def _held(connection: Connection) -> dict[int, str]:
    """The strongest lock of each relation that this session holds."""
    strongest: dict[int, str] = {}
    for oid, mode in connection.execute(HELD):
        if _strength(mode) > _strength(strongest.get(oid)):
            strongest[oid] = mode
    return strongest


def _strength(mode: str | None) -> int:
    # A lock for reading conflicts only with dropping or rewriting the table.
    return MODES.index(mode) if mode in MODES else 0


def _worded(mode: str) -> str:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in mode)
    return words.strip().removesuffix(" Lock").upper()


def _by_the_manual(statement: Statement) -> tuple[Lock, ...]:
    index = built_index(statement)
    return (Lock(index.table[1], "SHARE UPDATE EXCLUSIVE"),) if index else ()


def strongest(found: Sequence[Effect]) -> dict[str, str]:
    """The strongest lock of each table that a migration's transaction comes to hold."""
    held: dict[str, str] = {}
    for effect in found:
        if not effect.outside:
            # Each effect names a lock only where it is stronger than those before it.
            held |= {lock.table: lock.mode for lock in effect.locks}
    return held
