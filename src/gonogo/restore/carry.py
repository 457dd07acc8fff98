"""Carry what was written since a backup into the database that was restored from it.

Passes are made until nothing more can be carried: a cascade of one pass, or a row that had to wait
for another, is mended by the next. A row that the restored database refuses is left out alone, and
counted; what differs in the end is what could not be carried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import psycopg
from psycopg import sql

from gonogo.backup.shapes import Shape, shapes
from gonogo.database.session import Connection
from gonogo.database.transfer import (
    copy_sequences,
    listed,
    reading,
    stream,
    unhurried,
    without_triggers,
)
from gonogo.measure.connection import first_line
from gonogo.restore.delta import Beyond, TableDelta, beyond, compare, differences

MOST_REFUSED = 1000
# A cascade of one pass is mended by the next; chains of them are short.
MOST_PASSES = 10
DEFERRABLE = "select exists (select from pg_constraint where condeferrable)"
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


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of what was written since the backup.

    Args:
        since: What differed, by table; those without a difference are left out.
        left: Of that, what could not be carried over.
        damage: Of that, what was not to be: the backup's rows stand.
        reasons: Why rows of a table were refused, one of the reasons each.
        beyond: What the backup does not know at all.
        gone: The columns of a table that the live one has no more, so that its rows were counted
            only.
    """

    since: tuple[TableDelta, ...]
    left: tuple[TableDelta, ...]
    damage: tuple[TableDelta, ...]
    reasons: Mapping[str, str]
    beyond: Beyond
    gone: Mapping[str, tuple[str, ...]]

    @property
    def carried(self) -> int:
        """How many rows were carried over."""
        back = sum(one.total for one in (*self.left, *self.damage))
        return sum(one.total for one in self.since) - back


def carry_over(
    live: Connection, restored: Connection, damaged: Sequence[str] = (), *, keep: bool
) -> Carried:
    """Carry over what can be, and count what cannot.

    Args:
        live: The live database, in autocommit; nothing of it is changed.
        restored: The restored one, in autocommit.
        damaged: Tables, as ``schema.table``, in which what was changed or deleted since is damage:
            only rows that were inserted are carried.
        keep: Whether to keep it; else it is tried and taken back.

    Raises:
        psycopg.Error: A database was lost, or a right is missing. Nothing was changed.
    """
    with reading(live), restored.transaction(force_rollback=not keep):
        unhurried(restored)
        restored.execute("set constraints all immediate")
        tables = shapes(live, restored)
        compare(live, restored, tables)
        since = differences(restored, tables)
        row = restored.execute(DEFERRABLE).fetchone()
        carrier = _Carrier(live, restored, tables, frozenset(damaged), bool(row and row[0]))
        with without_triggers(restored, [one.oid for one in tables]):
            remains = carrier.until_nothing_moves(since)
        if keep:
            copy_sequences(live, restored)
        told = beyond(live, restored)
    left, damage = carrier.parted(remains)
    gone = {one.name: one.gone for one in tables if one.gone}
    return Carried(_some(since), left, damage, carrier.reasons, told, gone)


@dataclass(slots=True)
class _Carrier:
    live: Connection
    restored: Connection
    tables: Sequence[Shape]
    damaged: frozenset[str]
    deferrable: bool
    reasons: dict[str, str] = field(default_factory=dict)

    def until_nothing_moves(self, since: Sequence[TableDelta]) -> tuple[TableDelta, ...]:
        self.live.execute("create temporary table gonogo_wanted (key text) on commit drop")
        remains = tuple(since)
        for _ in range(MOST_PASSES):
            if not self._open(remains):
                break
            if not self._all_deferred(remains):
                self._pass(remains)
            before, remains = remains, differences(self.restored, self.tables)
            if remains == before:
                break
        return remains

    def _all_deferred(self, remains: Sequence[TableDelta]) -> bool:
        """Try a pass whose rows may refer to each other in a circle; whether it was let in."""
        if not self.deferrable:
            return False
        try:
            with self.restored.transaction():
                self.restored.execute("set constraints all deferred")
                self._pass(remains)
                self.restored.execute("set constraints all immediate")
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            # The savepoint took it back; now row by row, each checked at once.
            self.restored.execute("set constraints all immediate")
            return False
        return True

    def parted(
        self, remains: Sequence[TableDelta]
    ) -> tuple[tuple[TableDelta, ...], tuple[TableDelta, ...]]:
        """What could not be carried, and what was not to be."""
        left, damage = [], []
        for one in remains:
            if one.keyed and one.name in self.damaged:
                damage.append(TableDelta(one.name, 0, one.changed, one.deleted))
                left.append(TableDelta(one.name, one.inserted))
            else:
                left.append(one)
        return _some(left), _some(damage)

    def _open(self, remains: Sequence[TableDelta]) -> int:
        """How many rows could still be carried."""
        return sum(
            one.inserted if one.name in self.damaged else one.total for one in remains if one.keyed
        )

    def _pass(self, remains: Sequence[TableDelta]) -> None:
        # Rows are deleted first, so that what they held alone (an address) can be held anew.
        for place in reversed(range(len(self.tables))):
            if remains[place].deleted and self._whole(place):
                self._delete(place)
        for place, one in enumerate(remains):
            if one.inserted + one.changed and self.tables[place].can_carry:
                self._write(place)

    def _whole(self, place: int) -> bool:
        table = self.tables[place]
        return table.can_carry and table.name not in self.damaged

    def _delete(self, place: int) -> None:
        named = self.tables[place].named
        query = partial(DELETE.format, table=named.relation(), key=named.key_text, place=place)
        row = self.restored.execute(
            "select min(n), max(n) from gonogo_differing where place = %s and kind = 'deleted'",
            (place,),
        ).fetchone()
        self._run(place, query, *(row or (0, 0)))

    def _write(self, place: int) -> None:
        table = self.tables[place]
        try:
            with self.restored.transaction():
                self._fetch(place)
        except psycopg.DataError as error:
            # The live column has another type by now, and its values do not fit.
            self.reasons[table.name] = first_line(error)
            return
        row = self.restored.execute("select max(gonogo_n) from gonogo_incoming").fetchone()
        if row and row[0]:
            self._run(place, _insert(table), 1, row[0])
        self.restored.execute("drop table gonogo_incoming")

    def _fetch(self, place: int) -> None:
        """Bring the rows that are wanted from the live database into ``gonogo_incoming``."""
        table = self.tables[place]
        kinds = ["inserted", "changed"] if self._whole(place) else ["inserted"]
        wanted = sql.SQL(
            "copy (select key from gonogo_differing where place = {} and kind = any({})) to stdout"
        ).format(place, kinds)
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

    def _run(self, place: int, query: Bounded, low: int, high: int) -> None:
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
            self.reasons[self.tables[place].name] = refused[0]


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


def _some(tables: Sequence[TableDelta]) -> tuple[TableDelta, ...]:
    return tuple(one for one in tables if one.total)
