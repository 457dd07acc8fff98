"""A soak over time: the moments that need a gate, rates over records, places on a line of time.

A moment counts as looked at when a gate ran from then on, before the next moment. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gonogo.model.kinds import Environment, MarkState
from gonogo.model.measurement import DEFAULT_WINDOW, Count
from gonogo.model.record import MainRate, Mark, Record
from gonogo.record.listing import ArchivedRecord
from gonogo.report.text import span

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENTS: Mapping[str, timedelta] = {
    **{f"hour {hour}": hour * HOUR for hour in (1, 4, 8, 12, 24)},
    **{f"day {day}": day * DAY for day in range(2, 15)},
}
LENGTHS = {Environment.STAGING: 2 * DAY, Environment.PRODUCTION: 14 * DAY}
SPARK_HEIGHT = 20.0
# However steady a rate is, its line shall not look as if it jumped about.
LEAST_RANGE = 0.05
LEAST_POINTS = 2
WHOLE = 100.0
# Marks of 18 pixels on a laptop's page stand side by side; a long line moves closer together.
LEAST_APART = 2.0


@dataclass(frozen=True, slots=True)
class SoakLook:
    """A gate's record of this soak.

    Args:
        at: The end of its window.
        record: Its directory's name; None is the record that is being written.
    """

    at: datetime
    record: str | None


@dataclass(frozen=True, slots=True)
class Trend:
    """A rate over records.

    Args:
        title: Of the rate.
        metric: Its id.
        path: In a box of 100 by `SPARK_HEIGHT`; empty with fewer than two records.
        first: The oldest record's k of n.
        last: The newest record's.
        lowest: The record's with the lowest share.
    """

    title: str
    metric: str
    path: str
    first: Count
    last: Count
    lowest: Count


def continuity(
    environment: Environment, deployed_at: datetime, end: datetime, looks: Iterable[SoakLook]
) -> tuple[Mark, ...]:
    """Every moment of the soak at which a record must be, and the record that is there.

    Args:
        environment: How long its soak is.
        deployed_at: When it began.
        end: The moment up to which records are looked for.
        looks: The records of this soak.

    Returns:
        As a record holds them: present, missing, due (now, and not yet too late) or ahead.
    """
    ordered = sorted(looks, key=lambda look: look.at)
    length = LENGTHS[environment]
    marks = [(name, deployed_at + at) for name, at in MOMENTS.items() if at <= length]
    closing = [*(due for _, due in marks[1:]), None]
    return tuple(
        _mark(name, due, until, end, ordered)
        for (name, due), until in zip(marks, closing, strict=True)
    )


def window_short(record: Record) -> str:
    """Why its window is too short to stand for its environment; empty when it is not.

    Args:
        record: The record.
    """
    wanted = DEFAULT_WINDOW[record.environment]
    asked = record.window.asked if record.window else timedelta()
    if asked >= wanted:
        return ""
    return f"its window is {span(asked)}, and {record.environment} is judged over {span(wanted)}"


def of_this_soak(
    records: Iterable[ArchivedRecord], environment: Environment
) -> tuple[ArchivedRecord, ...]:
    """The gates of the environment's latest deployment, the oldest first; no aborted one.

    Args:
        records: The archive's.
        environment: Whose.
    """
    gates = [
        record
        for record in records
        if record.environment == environment
        and record.is_look
        and record.as_of
        and record.deployed_at
    ]
    if not gates:
        return ()
    # Whichever was deployed last, by what the records themselves know.
    latest = max(record.deployed_at for record in gates if record.deployed_at)
    mine = [record for record in gates if record.deployed_at == latest]
    return tuple(sorted(mine, key=lambda record: (record.as_of or latest, record.order)))


def line(shares: Sequence[float | None], least_range: float = LEAST_RANGE) -> str:
    """A series as a path in a box of 100 by `SPARK_HEIGHT`, broken where there is nothing.

    Args:
        shares: Left to right; None where there is nothing.
        least_range: The least range of shares that fills the box's height.

    Returns:
        An empty text with fewer than two points: one shows no trend.
    """
    there = [share for share in shares if share is not None]
    if len(there) < LEAST_POINTS:
        return ""
    middle = (min(there) + max(there)) / 2
    half = max(max(there) - min(there), least_range) / 2
    step, parts, running = 100 / len(shares), [], False
    for index, share in enumerate(shares):
        if share is not None:
            y = (middle + half - share) / (2 * half) * (SPARK_HEIGHT - 2) + 1
            parts.append(f"{'L' if running else 'M'}{(index + 0.5) * step:.1f} {y:.1f}")
        running = share is not None
    return "".join(parts)


def trends(series: Iterable[Sequence[MainRate]]) -> tuple[Trend, ...]:
    """Each rate over the records that have it.

    Args:
        series: Of each record, the oldest first, its main rates.
    """
    found: dict[str, list[MainRate]] = {}
    for rates in series:
        for rate in rates:
            found.setdefault(rate.metric, []).append(rate)
    return tuple(_trend(metric, rates) for metric, rates in found.items())


def places(moments: Iterable[datetime]) -> list[float]:
    """Where moments lie along a line of 100: by their time, but never upon each other.

    Args:
        moments: In any order.
    """
    given = list(moments)
    if not given:
        return []
    first, last = min(given), max(given)
    length = (last - first).total_seconds() or 1.0
    at: dict[datetime, float] = {}
    free_from = 0.0
    for moment in sorted(set(given)):
        at[moment] = max((moment - first).total_seconds() / length * WHOLE, free_from)
        free_from = at[moment] + LEAST_APART
    scale = min(WHOLE / max(at.values()), 1.0) if max(at.values()) else 1.0
    return [round(at[moment] * scale, 2) for moment in given]


def _mark(
    name: str, due: datetime, until: datetime | None, end: datetime, looks: Sequence[SoakLook]
) -> Mark:
    here = [look for look in looks if due <= look.at and (until is None or look.at < until)]
    first = here[0] if here else None
    return Mark(
        name=name,
        due_at=due,
        state=MarkState.PRESENT if first else _without(due, until, end),
        at=first.at if first else None,
        record=first.record if first else None,
    )


def _without(due: datetime, until: datetime | None, end: datetime) -> MarkState:
    if end < due:
        return MarkState.AHEAD
    return MarkState.DUE if until is None or end < until else MarkState.MISSING


def _trend(metric: str, rates: Sequence[MainRate]) -> Trend:
    shares = [rate.count.k / rate.count.n for rate in rates]
    lowest = rates[shares.index(min(shares))]
    path = line(shares)
    return Trend(rates[-1].title, metric, path, rates[0].count, rates[-1].count, lowest.count)
