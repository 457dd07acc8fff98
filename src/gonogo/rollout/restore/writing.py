"""One table's rows, brought from the live database into the restored one, but for those refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import psycopg
from psycopg import sql

from gonogo.postgres.connection import first_line
from gonogo.postgres.session import Connection
from gonogo.postgres.transfer import listed, stream
from gonogo.rollout.backup.shapes import Shape

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
        """Delete the rows that the live database has no more.

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
