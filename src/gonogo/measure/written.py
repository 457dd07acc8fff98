"""Clocks: how far the times in newly written rows lie behind the moment at which they were written.

Pure. A transaction's number tells in which order rows were written, whatever the writers' clocks
say. The moment of writing is the commit timestamp where the server keeps it; else the latest times
that the transactions before it wrote: of three that agree, so that one odd row moves nothing.

A wrong clock or time zone is a delay that stays the same while time goes on. A backfill is not: one
transaction writes the rows of hours, or the delays lie spread. So what counts as a wrong clock is a
delay that many transactions share, within minutes, for half an hour or longer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median_low

from gonogo.criteria import Metric
from gonogo.measure.surveys import Table, naive
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark, Window
from gonogo.postgres.readonly import Row

# A transaction's rows carry the moment of its beginning; no later than this is on time.
ON_TIME = timedelta(minutes=2)
# Delays within two of these are the same delay.
ALIKE = timedelta(minutes=5)
STEADY = timedelta(minutes=30)
# So many rows that span more than that are a backfill, or a restored table.
BULK_ROWS = 20
BULK_SPAN = timedelta(minutes=10)
LEAST_ALIKE = 10
LEAST_REACHED = 10
LEAST_KNOWN = 30
AGREE = 3
# A delay that so many times more transactions share than spread delays would.
STANDS_OUT = 5
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Written:
    """One transaction's rows of one table.

    Args:
        source: The table.
        n: How many rows.
        first: The earliest time that they carry.
        last: The latest.
        at: When they were written, as far as it is known.
    """

    source: str
    n: int
    first: datetime
    last: datetime
    at: datetime

    @property
    def delay(self) -> timedelta:
        return self.at - self.last

    @property
    def is_bulk(self) -> bool:
        return self.n >= BULK_ROWS and self.last - self.first > BULK_SPAN


def write_order(metric: Metric, tables: Mapping[str, Table], window: Window) -> Measurement:
    """How far behind the moment of writing the rows of a wrong clock lie; 0 where there is none.

    Args:
        metric: Its survey has the columns that criteria.toml names for ``write_order``.
        tables: By survey.
        window: What was written before it does not count.
    """
    rows = tables[metric.survey].rows
    if not rows:
        split = Remark(Says.ORDER_UNKNOWN, "a cluster's table")
        return Measurement(metric.id, value=Fraction(0), left_out=split)
    unknown = {str(row["source"]): why for row in rows if (why := _unknown(row))}
    start = naive(window.start)
    written = [one for one in _in_order(rows, unknown) if one.at >= start]
    single = [one for one in written if not one.is_bulk]
    notes = tuple(unknown.values())
    if len(single) < LEAST_KNOWN:
        few = Remark(Says.ORDER_TOO_FEW, number=len(single))
        return Measurement(metric.id, value=Fraction(0), left_out=next(iter(notes), few))
    late = [one for one in single if one.delay > ON_TIME]
    wrong = max(_alike(late), key=_typical, default=())
    for source in sorted({one.source for one in wrong}):
        found = sum(one.source == source for one in wrong)
        notes += (Remark(Says.WRITTEN_LATE, source, number=found),)
    bulk = [one for one in written if one.is_bulk and one.at - one.first > BULK_SPAN]
    if backfilled := sum(one.n for one in (*bulk, *late)) - sum(one.n for one in wrong):
        notes += (Remark(Says.BACKFILLED, number=backfilled),)
    return Measurement(metric.id, value=_typical(wrong), notes=notes)


def _unknown(row: Row) -> Remark | None:
    """Why the order in which a table's rows were written is not known; None where it is."""
    if row["age"] is not None:
        return None
    if not row["plain"]:
        return Remark(Says.ORDER_UNKNOWN, str(row["source"]))
    if row["reached"] * LEAST_REACHED < row["newest"]:
        return Remark(Says.ORDER_REUSED, str(row["source"]))
    return None


def _in_order(rows: Iterable[Row], unknown: Mapping[str, Remark]) -> Iterator[_Written]:
    """What was written, in the order of writing, as soon as the moment of writing is known."""
    known = [row for row in rows if row["age"] is not None and row["source"] not in unknown]
    latest: list[datetime] = []
    for row in sorted(known, key=lambda row: row["age"], reverse=True):
        last, committed = row["last_at"], row["written_at"]
        at = committed or max(min(latest, default=last), last)
        one = _Written(str(row["source"]), row["n"], row["first_at"], last, at)
        if committed or len(latest) == AGREE:
            yield one
        if not one.is_bulk:
            latest = sorted([*latest, last])[-AGREE:]


def _alike(late: Sequence[_Written]) -> Iterator[Sequence[_Written]]:
    """The groups that share a delay for so long, and so often, that a clock must be wrong."""
    by_delay: dict[int, list[_Written]] = defaultdict(list)
    for one in late:
        by_delay[one.delay // ALIKE].append(one)
    longest = max((one.delay for one in late), default=ALIKE)
    spread = len(late) * 2 * ALIKE / max(longest, 2 * ALIKE)
    for delay in list(by_delay):
        group = by_delay[delay] + by_delay.get(delay + 1, [])
        moments = [one.at for one in group]
        often = 2 * len(group) >= len(late) or len(group) >= STANDS_OUT * spread
        if often and len(group) >= LEAST_ALIKE and max(moments) - min(moments) >= STEADY:
            yield group


def _typical(group: Sequence[_Written]) -> Fraction:
    """The delay in the middle, in seconds."""
    if not group:
        return Fraction(0)
    return Fraction(median_low(one.delay for one in group) // MICROSECOND, 1_000_000)


def worst_of(found: Mapping[str, Measurement]) -> Measurement:
    """The worst of a fleet's databases, for each server has an order of its own.

    What is unknown of one is noted; of all, the fleet's is left out.

    Args:
        found: What each database's rows say, by name.
    """
    named = [_named(found[name], name) for name in sorted(found)]
    if missing := next((one for one in named if one.missing), None):
        return missing
    known = [one for one in named if not one.left_out]
    if not known:
        return named[0]
    notes = [note for one in known for note in one.notes]
    notes += [one.left_out for one in named if one.left_out]
    return replace(max(known, key=lambda one: one.value or Fraction(0)), notes=tuple(notes))


def _named(one: Measurement, member: str) -> Measurement:
    return replace(
        one,
        missing=one.missing and replace(one.missing, member=member),
        left_out=one.left_out and replace(one.left_out, member=member),
        notes=tuple(replace(note, member=member) for note in one.notes),
    )
