"""Carry what was written since a backup into the database that was restored from it.

Passes are made until nothing more can be carried: a cascade of one pass, or a row that had to wait
for another, is mended by the next. A row that the restored database refuses is left out alone, and
counted; what differs in the end is what could not be carried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from gonogo.postgres.session import Connection, ask_bool
from gonogo.rollout.backup.tables import Shape, shapes
from gonogo.rollout.restore.beside import Beside, settle
from gonogo.rollout.restore.delta import Beyond, TableDelta, beyond, compare, differences
from gonogo.rollout.restore.objects import LARGE_OBJECTS, carry_objects
from gonogo.rollout.restore.transfer import (
    Writer,
    copy_sequences,
    reading,
    unhurried,
    without_triggers,
)
from gonogo.rollout.runner.steps import Evidence

# A cascade of one pass is mended by the next; chains of them are short.
MOST_PASSES = 10
DEFERRABLE = "select exists (select from pg_constraint where condeferrable)"


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of what was written since the backup.

    Args:
        since: What differed, by table; those without a difference are left out.
        left: Of that, what could not be carried over.
        damage: Of that, what is treated as damage: the backup's rows stay.
        reasons: Why rows of a table were refused, one of the reasons each.
        beyond: What the backup does not know at all.
        gone: Columns that the live table does not have any more, by table; its rows were only
            counted.
        beside: What became of what is no row.
    """

    since: tuple[TableDelta, ...]
    left: tuple[TableDelta, ...]
    damage: tuple[TableDelta, ...]
    reasons: Mapping[str, str]
    beyond: Beyond
    gone: Mapping[str, tuple[str, ...]]
    beside: Beside = field(default_factory=Beside)

    @property
    def carried(self) -> int:
        """How many rows were carried over."""
        back = sum(one.total for one in (*self.left, *self.damage))
        return sum(one.total for one in self.since) - back

    @property
    def summary(self) -> str:
        """What becomes of the rows since the backup, in one line."""
        since = sum(one.total for one in self.since)
        left = sum(one.total for one in self.left)
        damage = sum(one.total for one in self.damage)
        objects = any(one.name == LARGE_OBJECTS for one in self.since)
        what = "rows and large objects" if objects else "rows"
        return (
            f"{since:,} {what} written since the backup, {self.carried:,} carried over"
            + (f", {left:,} cannot be" if left else "")
            + (f", {damage:,} treated as damage" if damage else "")
        )

    @property
    def evidence(self) -> Evidence:
        """The same with its figures, for a record."""
        return {
            "since": [str(one) for one in self.since],
            "cannot_be_carried": [str(one) for one in self.left],
            "treated_as_damage": [str(one) for one in self.damage],
            "reasons": dict(self.reasons),
            "tables_not_in_the_backup": dict(self.beyond.tables),
            "columns_not_in_the_backup": list(self.beyond.columns),
            "objects_not_in_the_backup": list(self.beyond.objects),
            "columns_that_are_gone": {name: list(gone) for name, gone in self.gone.items()},
            **self.beside.evidence,
        }


def carry_over(
    live: Connection, restored: Connection, damaged: Sequence[str] = (), *, keep: bool
) -> Carried:
    """Carry over what can be, and count what cannot.

    Args:
        live: The live database, in autocommit; nothing of it is changed.
        restored: The restored one, in autocommit.
        damaged: Tables, as ``schema.table``, in which what was changed or deleted since is damage:
            only rows that were inserted are carried.
        keep: Whether to commit; else it is tried and rolled back.

    Raises:
        psycopg.Error: A database was lost, or a right is missing. Nothing was changed.
    """
    with reading(live), restored.transaction(force_rollback=not keep):
        unhurried(restored)
        restored.execute("set constraints all immediate")
        tables = shapes(live, restored)
        compare(live, restored, tables)
        since = differences(restored, tables)
        deferrable = ask_bool(restored, DEFERRABLE)
        carrier = _Carrier(Writer(live, restored), tables, frozenset(damaged), deferrable)
        with without_triggers(restored, [one.oid for one in tables]):
            remains = carrier.until_nothing_moves(since)
        objects = carry_objects(live, restored, damaged=LARGE_OBJECTS in damaged)
        sequences = copy_sequences(live, restored, keep=keep)
        beside = settle(live, restored, sequences)
        lacking = beyond(live, restored)
    left, damage = carrier.parted(remains)
    reasons = carrier.writer.reasons
    if objects.reason:
        reasons[LARGE_OBJECTS] = objects.reason
    since, left = _some((*since, objects.since)), _some((*left, objects.left))
    damage = _some((*damage, objects.damage))
    gone = {one.name: one.gone for one in tables if one.gone}
    return Carried(since, left, damage, reasons, lacking, gone, beside)


@dataclass(slots=True)
class _Carrier:
    writer: Writer
    tables: Sequence[Shape]
    damaged: frozenset[str]
    deferrable: bool

    def until_nothing_moves(self, since: Sequence[TableDelta]) -> tuple[TableDelta, ...]:
        self.writer.live.execute("create temporary table gonogo_wanted (key text) on commit drop")
        remains = tuple(since)
        for _ in range(MOST_PASSES):
            if not self._open(remains):
                break
            if not self._all_deferred(remains):
                self._pass(remains)
            before, remains = remains, differences(self.writer.restored, self.tables)
            if remains == before:
                break
        return remains

    def _all_deferred(self, remains: Sequence[TableDelta]) -> bool:
        """Try a pass whose rows may refer to each other in a circle; whether it was let in."""
        if not self.deferrable:
            return False
        try:
            with self.writer.restored.transaction():
                self.writer.restored.execute("set constraints all deferred")
                self._pass(remains)
                self.writer.restored.execute("set constraints all immediate")
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            # The savepoint took it back; now row by row, each checked at once.
            self.writer.restored.execute("set constraints all immediate")
            return False
        return True

    def parted(
        self, remains: Sequence[TableDelta]
    ) -> tuple[tuple[TableDelta, ...], tuple[TableDelta, ...]]:
        """What could not be carried over, and what is treated as damage."""
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
                self.writer.delete(place, self.tables[place])
        for place, one in enumerate(remains):
            if one.inserted + one.changed and self.tables[place].can_carry:
                kinds = ("inserted", "changed") if self._whole(place) else ("inserted",)
                self.writer.write(place, self.tables[place], kinds)

    def _whole(self, place: int) -> bool:
        table = self.tables[place]
        return table.can_carry and table.name not in self.damaged


def _some(tables: Sequence[TableDelta]) -> tuple[TableDelta, ...]:
    return tuple(one for one in tables if one.total)
