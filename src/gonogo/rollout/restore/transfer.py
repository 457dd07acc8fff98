"""What is copied from the live database into the restored one: rows and sequences.

A row that the restored database refuses is left out alone, and the reason is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import psycopg
from psycopg import sql

from gonogo.postgres.session import Connection, first_line
from gonogo.rollout.backup.tables import Shape, listed

UNHURRIED = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# The application's triggers would write of their own; what they wrote then is carried as well.
TRIGGERS = """
select n.nspname, c.relname, t.tgname, t.tgenabled
from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgenabled <> 'D' and c.oid = any(%s)"""
ENABLED = {"O": "enable trigger", "A": "enable always trigger", "R": "enable replica trigger"}
MOST_REFUSED = 1000
Bounded = Callable[..., sql.Composed]
INSERT = sql.SQL("""
insert into {table} ({columns}) overriding system value
select {columns} from gonogo_incoming where gonogo_n between {low} and {high}
on conflict ({key}) do {action}""")
DELETE = sql.SQL("""
delete from {table} where {key} in (
    select key from gonogo_differing
    where place = {place} and kind = 'deleted' and n between {low} and {high}
)""")


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


def copy_sequences(
    live: Connection, restored: Connection, schemas: str = "^(?!gonogo)", *, keep: bool = True
) -> int:
    """Set every sequence to its state in the live database.

    Args:
        live: The live database.
        restored: The restored one, as the sequences' owner.
        schemas: A pattern of the schemas' names.
        keep: Whether to set them, which no transaction takes back; else they are only counted.

    Returns:
        How many there were.
    """
    find = """
        select n.nspname, c.relname from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname ~ %s
        order by 1, 2"""
    there = set(live.execute(find, (schemas,)).fetchall())
    common = [one for one in restored.execute(find, (schemas,)).fetchall() if one in there]
    for schema, name in common if keep else ():
        sequence = sql.Identifier(schema, name)
        state = live.execute(sql.SQL("select last_value, is_called from {}").format(sequence))
        value, called = state.fetchone() or (1, False)
        restored.execute(
            "select setval(%s::regclass, %s, %s)", (sequence.as_string(), value, called)
        )
    return len(common)


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


@dataclass(slots=True)
class Writer:
    """Writes into the restored database, and keeps why a row was refused.

    Args:
        live: The live database, in a transaction that holds ``gonogo_wanted``.
        restored: The restored one, in a transaction that holds ``gonogo_differing``.
        reasons: Why rows of a table were refused, one of the reasons each.
    """

    live: Connection
    restored: Connection
    reasons: dict[str, str] = field(default_factory=dict)

    def delete(self, place: int, table: Shape) -> None:
        """Delete the rows that the live database does not have any more.

        Args:
            place: The table's, in ``gonogo_differing``.
            table: The table.
        """
        named = table.named
        query = partial(DELETE.format, table=named.relation(), key=named.key_text, place=place)
        row = self.restored.execute(
            "select min(n), max(n) from gonogo_differing where place = %s and kind = 'deleted'",
            (place,),
        ).fetchone()
        self._run(table, query, *(row or (0, 0)))

    def write(self, place: int, table: Shape, kinds: Sequence[str]) -> None:
        """Bring over rows that the restored database lacks, or holds as they were.

        Args:
            place: The table's, in ``gonogo_differing``.
            table: The table.
            kinds: Which rows: inserted, changed.
        """
        try:
            with self.restored.transaction():
                self._fetch(place, table, kinds)
        except psycopg.DataError as error:
            # The live column has another type by now, and its values do not fit.
            self.reasons[table.name] = first_line(error)
            return
        row = self.restored.execute("select max(gonogo_n) from gonogo_incoming").fetchone()
        if row and row[0]:
            self._run(table, _insert(table), 1, row[0])
        self.restored.execute("drop table gonogo_incoming")

    def _fetch(self, place: int, table: Shape, kinds: Sequence[str]) -> None:
        """Bring the rows that are wanted from the live database into ``gonogo_incoming``."""
        wanted = sql.SQL(
            "copy (select key from gonogo_differing where place = {} and kind = any({})) to stdout"
        ).format(place, list(kinds))
        self.live.execute("truncate gonogo_wanted")
        stream(self.restored, wanted, self.live, sql.SQL("copy gonogo_wanted from stdin"))
        self.live.execute("analyze gonogo_wanted")
        columns = listed(table.writable)
        self.restored.execute(
            sql.SQL(
                "create temporary table gonogo_incoming on commit drop as"
                " select {} from {} with no data"
            ).format(columns, table.named.relation())
        )
        self.restored.execute(
            "alter table gonogo_incoming add gonogo_n bigint generated always as identity"
        )
        rows = sql.SQL(
            "copy (select {} from {} where {} in (select key from gonogo_wanted)) to stdout"
        ).format(columns, table.named.relation(), table.named.key_text)
        into = sql.SQL("copy gonogo_incoming ({}) from stdin").format(columns)
        stream(self.live, rows, self.restored, into)
        self.restored.execute("analyze gonogo_incoming")

    def _run(self, table: Shape, query: Bounded, low: int, high: int) -> None:
        """Run it over all rows at once; where that is refused, over ever fewer of them."""
        refused: list[str] = []
        ranges = [(low, high)]
        while ranges and len(refused) < MOST_REFUSED:
            low, high = ranges.pop()
            try:
                with self.restored.transaction():
                    self.restored.execute(query(low=low, high=high))
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                if low == high:
                    refused.append(first_line(error))
                else:
                    middle = (low + high) // 2
                    ranges += [(middle + 1, high), (low, middle)]
        if refused:
            self.reasons[table.name] = refused[0]


def _insert(table: Shape) -> Bounded:
    kept = {*table.named.key, *table.fixed}
    changes = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
        for column in table.writable
        if column not in kept
    ]
    action = sql.SQL("update set {}").format(sql.SQL(", ").join(changes))
    return partial(
        INSERT.format,
        table=sql.Identifier(table.named.schema, table.named.table),
        columns=listed(table.writable),
        key=listed(table.named.key),
        action=action if changes else sql.SQL("nothing"),
    )
