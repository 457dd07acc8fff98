"""What passes between a live database and the one that was restored for it: rows, sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from gonogo.postgres.session import Connection

UNHURRIED = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# The application's triggers would write of their own; what they wrote then is carried as well.
TRIGGERS = """
select n.nspname, c.relname, t.tgname, t.tgenabled
from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgenabled <> 'D' and c.oid = any(%s)"""
ENABLED = {"O": "enable trigger", "A": "enable always trigger", "R": "enable replica trigger"}


def listed(columns: Iterable[str]) -> sql.Composed:
    """Columns as SQL lists them."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def stream(
    source: Connection, query: sql.Composed, target: Connection, into: sql.Composed | sql.SQL
) -> None:
    """Hand what COPY reads in one database to the COPY of another.

    Args:
        source: Where it is read.
        query: ``copy … to stdout``.
        target: Where it is written.
        into: ``copy … from stdin``.
    """
    with source.cursor().copy(query) as reading, target.cursor().copy(into) as writing:
        for block in reading:
            writing.write(bytes(block))


def copy_sequences(live: Connection, restored: Connection, schemas: str = "^(?!gonogo)") -> None:
    """Bring every sequence to where it stands in the live database.

    Args:
        live: The live database.
        restored: The restored one, as the sequences' owner.
        schemas: A pattern of the schemas' names.
    """
    find = """
        select n.nspname, c.relname from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname ~ %s
        order by 1, 2"""
    there = set(live.execute(find, (schemas,)).fetchall())
    for schema, name in restored.execute(find, (schemas,)).fetchall():
        if (schema, name) in there:
            sequence = sql.Identifier(schema, name)
            state = live.execute(sql.SQL("select last_value, is_called from {}").format(sequence))
            value, called = state.fetchone() or (1, False)
            restored.execute(
                "select setval(%s::regclass, %s, %s)", (sequence.as_string(), value, called)
            )


@contextmanager
def reading(live: Connection) -> Iterator[None]:
    """One snapshot of the live database; what is put there to ask it goes with it."""
    with live.transaction(force_rollback=True):
        live.execute("set transaction isolation level repeatable read, read write")
        unhurried(live)
        yield


def unhurried(connection: Connection) -> None:
    """Lift the time limits of a transaction: what it does is as long as there are rows.

    Args:
        connection: In the transaction.
    """
    for name in UNHURRIED:
        connection.execute("select set_config(%s, '0', true)", (name,))


@contextmanager
def without_triggers(restored: Connection, tables: Sequence[int]) -> Iterator[None]:
    """Keep the application's triggers out of it; afterwards each is as it was.

    Args:
        restored: In a transaction, as the tables' owner.
        tables: Their oids.
    """
    triggers = restored.execute(TRIGGERS, (list(tables),)).fetchall()

    def each(word: Callable[[str], str]) -> None:
        for schema, table, name, enabled in triggers:
            restored.execute(
                sql.SQL("alter table {} {} {}").format(
                    sql.Identifier(schema, table), sql.SQL(word(enabled)), sql.Identifier(name)
                )
            )

    each(lambda _: "disable trigger")
    yield
    each(lambda enabled: ENABLED[enabled])
