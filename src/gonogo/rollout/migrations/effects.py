"""Which locks a migration takes, and which tables it rewrites: measured, not guessed from its text.

The statements are run on a scratch database that holds the schema and no row; PostgreSQL itself
then says which locks of the tables that are there already each one took. A statement
outside a transaction releases its locks before they can be read, so its effect is marked as not
measured.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from gonogo.ledger.migration import Migration
from gonogo.postgres.parser.meaning import built_index, only_adds
from gonogo.postgres.session import Connection
from gonogo.postgres.settings import set_for_session
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import Patience, limit, search_path
from gonogo.rollout.migrations.beyond import Reach
from gonogo.rollout.migrations.surface import Key, Surface, broken, surface

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
class Break:
    """What a version that runs while the migration is applied would miss.

    Args:
        line: The line of the statement, counted from 1.
        what: What the statement does, as the end of a sentence.
    """

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What a migration did to a likeness.

    Args:
        effects: What each of its statements did.
        breaks: What a version that still runs would miss.
        untried: The statements that reach beyond the database, and were not run.
    """

    effects: tuple[Effect, ...]
    breaks: tuple[Break, ...] = ()
    untried: tuple[Statement, ...] = ()


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


@dataclass(frozen=True, slots=True)
class There:
    """What was there before the first migration.

    Args:
        tables: The tables, by oid.
        surface: What the version that runs may use by name.
        reach: Sends the statements of every migration.
    """

    tables: Mapping[int, Table]
    surface: Surface
    reach: Reach


def look(connection: Connection) -> There:
    """What is there now."""
    return There(tables(connection), surface(connection), Reach())


def effects(
    connection: Connection,
    migration: Migration,
    schema: str,
    there: There,
    ended: Container[int] | None = None,
) -> Tried:
    """Run a migration on a likeness, and say what each statement did.

    What reaches beyond the database is not run.

    Args:
        connection: To the likeness, which holds what came before the migration.
        migration: What to run.
        schema: The application's.
        there: What was there before the first migration.
        ended: The places of the statements outside the transaction that are not run, where what
            runs inside is in place already; None where nothing is.

    Raises:
        MigrationError: A statement failed.
    """
    tried = _Trial(connection, migration, there)
    with connection.transaction():
        limit(connection, Patience())
        search_path(connection, schema)
        tried.inside(migration.file.inside if ended is None else ())
    limits = {
        "search_path": sql.Identifier(schema).as_string(),
        "statement_timeout": f"{Patience().statement_timeout_s}s",
    }
    with set_for_session(connection, limits):
        for place, statement in enumerate(migration.file.outside, 1):
            if place not in (ended or ()):
                tried.outside(statement)
    return Tried(tuple(tried.found), tuple(tried.breaks.values()), tuple(tried.untried))


@dataclass(slots=True)
class _Trial:
    connection: Connection
    migration: Migration
    there: There
    found: list[Effect] = field(default_factory=list)
    breaks: dict[Key, Break] = field(default_factory=dict)
    untried: list[Statement] = field(default_factory=list)

    def inside(self, statements: Sequence[Statement]) -> None:
        lines: dict[Key, int] = {}
        for statement in statements:
            before, held = tables(self.connection), _held(self.connection)
            if self._sent(statement):
                self.found.append(
                    _effect(self.connection, statement, self.there.tables, before, held)
                )
                for key in self._broken(statement):
                    lines.setdefault(key, statement.line)
        # What one statement takes and a later one gives back is never seen missing.
        if lines:
            final = broken(self.there.surface, surface(self.connection))
            self.breaks |= {
                key: Break(lines.get(key, statements[-1].line), text) for key, text in final.items()
            }

    def outside(self, statement: Statement) -> None:
        before = tables(self.connection)
        if self._sent(statement):
            locks = _by_the_manual(statement)
            rewrites = _rewritten(self.there.tables, before, tables(self.connection))
            self.found.append(Effect(statement, locks, rewrites, outside=True))
            for key, text in self._broken(statement).items():
                self.breaks.setdefault(key, Break(statement.line, text))

    def _sent(self, statement: Statement) -> bool:
        sent = self.there.reach.sends(self.connection, self.migration.filename, statement)
        if not sent:
            self.untried.append(statement)
        return sent

    def _broken(self, statement: Statement) -> Mapping[Key, str]:
        if only_adds(statement):
            return {}
        return broken(self.there.surface, surface(self.connection))


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
        _rewritten(there, before, after),
        tuple(there[oid].name for oid in both if after[oid].indexes > before[oid].indexes),
    )


def _rewritten(
    there: Mapping[int, Table], before: Mapping[int, Table], after: Mapping[int, Table]
) -> tuple[str, ...]:
    return tuple(
        one.name
        for oid, one in there.items()
        if oid in before and oid in after and before[oid].filenode != after[oid].filenode
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
