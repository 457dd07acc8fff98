"""A soak over time, by the archive: the moments that need a gate, and rates over its records.

A moment counts as looked at when a gate ran from then on, before the next moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gonogo.model.kinds import Environment, Kind, MarkState
from gonogo.model.measurement import DEFAULT_WINDOW, Count, Measurement, Window
from gonogo.model.record import Mark, Record, Soak
from gonogo.model.step import MainRate
from gonogo.record.listing import (
    ArchivedRecord,
    archived,
    list_records,
)
from gonogo.report.text import span

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENTS: Mapping[str, timedelta] = {
    **{f"hour {hour}": hour * HOUR for hour in (1, 4, 8, 12, 24)},
    **{f"day {day}": day * DAY for day in range(2, 15)},
}
SPARK_HEIGHT = 20.0
# However steady a rate is, its line shall not look as if it jumped about.
LEAST_RANGE = 0.05
LEAST_POINTS = 2
LENGTHS = {Environment.STAGING: 2 * DAY, Environment.PRODUCTION: 14 * DAY}


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

    An archive may hold records of several databases: those of one alone are a soak.

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
    mine.sort(key=lambda record: (record.as_of or latest, record.order))
    return tuple(record for record in mine if record.database == mine[-1].database)


def soak(place: Path, database: str, window: Window, traffic: Measurement | None) -> Soak | None:
    """The soak's continuity, as the record shows it.

    Args:
        place: Where the earlier records of the environment lie: it says how long the soak is.
        database: The key of this run's; a look at another is none.
        window: This run's; its end is one more look.
        traffic: Its hours show where there was traffic; None without such a metric.

    Returns:
        None where it is unknown when it began.

    Raises:
        OSError: The archive could not be read.
    """
    deployed_at = window.deployed_at
    if deployed_at is None:
        return None
    hourly = traffic.hourly if traffic else ()
    return Soak(
        deployed_at=deployed_at,
        end=window.end,
        marks=_marks(place, database, window, deployed_at),
        hours=len(hourly),
        silent=tuple(hour.start for hour in hourly if not hour.count.n),
    )


def _marks(place: Path, database: str, window: Window, deployed_at: datetime) -> tuple[Mark, ...]:
    """The moments of the soak; each record that stands for one is read itself."""

    def marks_by(*, quick: bool) -> tuple[Mark, ...]:
        found = list_records(place.parent, quick=quick)
        earlier = (look_of(one, database, window) for one in found if one.directory.parent == place)
        looks = [*filter(None, earlier), SoakLook(window.end, None)]
        return continuity(Environment(place.name), deployed_at, window.end, looks)

    def holds(mark: Mark) -> bool:
        if not mark.record:
            return True
        record = archived(place / mark.record)
        look = look_of(record, database, window) if record else None
        return look is not None and look.at == mark.at

    marks = marks_by(quick=True)
    return marks if all(map(holds, marks)) else marks_by(quick=False)


def look_of(record: ArchivedRecord, database: str, window: Window) -> SoakLook | None:
    """A record as a look at the same soak.

    None when it is none: it is no gate's, it was aborted, or it is of another deployment or
    database.
    """
    same = record.deployed_at == window.deployed_at and record.database == database
    if not record.is_look or not same or record.as_of is None:
        return None
    return SoakLook(record.as_of, record.name) if record.as_of <= window.end else None


def gates_since(place: Path, database: str, moment: datetime) -> int:
    """How often the gate was asked: the runs begun at `moment` or later, the current one too.

    A run whose database was out of reach has seen nothing, and is not counted.

    Args:
        place: Where the records of the environment lie; none there is none.
        database: The key of the one that they are of.
        moment: From when on, to the second; UTC.

    Raises:
        OSError: A directory could not be read.
    """
    first = moment.replace(microsecond=0)
    return sum(
        record.directory.parent == place
        and record.kind is Kind.GATE
        and record.database == database
        and record.moment >= first
        for record in list_records(place.parent, quick=True)
    )


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
