"""Where figures lie when they are drawn: a share on its scale, an hour on its axis. Pure geometry.

A scale is a box of 100 that shows an interval with its limits. Every hour of a window has its place
on the axis, also one without data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from gonogo.model.finding import LevelLimit
from gonogo.model.kinds import Level as LevelKind
from gonogo.model.measurement import HourCount, Window
from gonogo.report.answers import Answer
from gonogo.report.text import MONTHS

# Labels nearer to each other than this would run into one another.
LABELS_APART = 20.0
TONES = {
    LevelKind.OBJECTIVE: "bad",
    LevelKind.WARNING: "warning",
    LevelKind.CRITICAL: "critical",
    LevelKind.TRIGGER: "worst",
}
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HEIGHT = 120.0
TICK_STEPS = (1, 2, 5, 10, 20, 25, 50)
MOST_STEPS = 4
MOST_SLOTS = 24 * 366
MOST_TICKS = 6
LAST_LABEL_AT = 93.0
HOUR_STEPS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672)


@dataclass(frozen=True, slots=True)
class Level:
    """A limit of a rate, as it is drawn.

    Args:
        kind: objective, critical or rollback.
        label: As the criteria file writes it.
        share: Where it lies, 0..1.
    """

    kind: str
    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit on a scale; its label is empty where there is no room for it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of a scale in which the limit is not met."""

    at: float
    width: float
    tone: str


@dataclass(frozen=True, slots=True)
class Scale:
    """An interval on a scale of 100: its ends, the value in it, the limits, where it is not met."""

    low: float
    high: float
    value: float | None
    marks: tuple[Mark, ...]
    zones: tuple[Zone, ...]


def levels_of(found: Iterable[Answer]) -> tuple[Level, ...]:
    """The limits of one metric that a chart shows: all but the warning level.

    Args:
        found: The metric's findings.
    """
    limits = [one for answer in found for one in answer.limits]
    drawn = [one for one in limits if one.level is not LevelKind.WARNING and _is_share(one)]
    return tuple(
        Level(_name(one), _label(one), float(end)) for one in drawn for end in one.limit.ends
    )


def scale(answer: Answer) -> Scale | None:
    """Lay out a finding's interval; None when it has none."""
    interval, count = answer.interval, answer.count
    if not interval:
        return None
    value = count.k / count.n if count and count.n else None
    drawn = [one for one in answer.limits if _is_share(one)]
    limits = sorted({float(end) for one in drawn for end in one.limit.ends})
    marks = [interval.low, interval.high, *limits]
    room = max((max(marks) - min(marks)) * 0.15, 0.01)
    start, end = max(min(marks) - room, 0.0), min(max(marks) + room, 1.0)

    def at(share: float) -> float:
        place: float = (min(max(share, start), end) - start) / (end - start) * 100
        return round(place, 1)

    stretches = [(at(low), at(high), tone) for one in drawn for low, high, tone in _unmet(one)]
    return Scale(
        at(interval.low),
        at(interval.high),
        None if value is None else at(value),
        tuple(_labelled([(at(limit), f"{limit * 100:g} %") for limit in limits])),
        tuple(Zone(a, round(b - a, 1), tone) for a, b, tone in stretches if b > a),
    )


def _is_share(one: LevelLimit) -> bool:
    return one.limit.base_unit == "share"


def _name(one: LevelLimit) -> str:
    return "rollback" if one.level is LevelKind.TRIGGER else one.level.value


def _label(one: LevelLimit) -> str:
    asked = one.level is LevelKind.OBJECTIVE
    return one.limit.text if asked else f"{_name(one)} {one.limit.text}"


def _unmet(one: LevelLimit) -> Iterator[tuple[float, float, str]]:
    """Where the limit is not met: outside an objective, past a level."""
    asked, tone = one.level is LevelKind.OBJECTIVE, TONES[one.level]
    ends = [float(end) for end in one.limit.ends]
    if one.limit.is_band:
        if asked:
            yield 0.0, min(ends), tone
            yield max(ends), 1.0, tone
        return
    for comparison in one.limit.comparisons:
        share = float(comparison.bound)
        # An objective says what must hold, every other limit what must not.
        below = comparison.operator.startswith("<") != asked
        if comparison.operator != "=":
            yield (0.0, share, tone) if below else (share, 1.0, tone)


def _labelled(marks: Sequence[tuple[float, str]]) -> Iterator[Mark]:
    """Label the first mark and each that has room behind the one before it."""
    free_from = 0.0
    for at, label in marks:
        fits = at >= free_from or not free_from
        yield Mark(at, label if fits else "")
        free_from = at + LABELS_APART if fits else free_from


@dataclass(frozen=True, slots=True)
class Slot:
    """One hour of the axis; n is 0 where there is no data."""

    start: datetime
    k: int
    n: int

    @property
    def share(self) -> float:
        """K / n, of an hour with data."""
        return self.k / self.n


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of the time axis, in percent of its width."""

    at: float
    label: str


def slots_of(hourly: Sequence[HourCount], window: Window | None) -> list[Slot]:
    """All hours of the axis. They end where the window ends, so they need not be clock hours."""
    counted = [Slot(hour.start, hour.count.k, hour.count.n) for hour in hourly]
    if not counted:
        return []
    newest = max(slot.start for slot in counted)
    by_place = {(slot.start - newest) // HOUR: slot for slot in counted}
    places = list(by_place)
    if window:
        last = max(window.end - timedelta(microseconds=1), window.start)
        places += [(window.start - newest) // HOUR, (last - newest) // HOUR]
    first = max(min(places), max(places) + 1 - MOST_SLOTS)
    return [
        by_place.get(place, Slot(newest + place * HOUR, 0, 0))
        for place in range(first, max(places) + 1)
    ]


def empty_runs(slots: Sequence[Slot]) -> list[tuple[int, int]]:
    """The stretches without data: the first slot of each and how many there are."""
    runs = []
    for filled, group in groupby(enumerate(slots), key=lambda item: bool(item[1].n)):
        hours = list(group)
        if not filled:
            runs.append((hours[0][0], len(hours)))
    return runs


def ticks_of(slots: Sequence[Slot]) -> tuple[Tick, ...]:
    """Round hours of the clock, few enough to be legible on a phone."""
    step = next((s for s in HOUR_STEPS if len(slots) <= s * MOST_TICKS), HOUR_STEPS[-1]) * HOUR
    begin = _begin(slots)
    moment = begin - (begin - EPOCH) % step
    ticks = []
    while (at := (moment - begin) / HOUR / len(slots) * 100) <= LAST_LABEL_AT:
        if at >= 0:
            day = f"{moment.day} {MONTHS[moment.month - 1]}"
            ticks.append(Tick(round(at, 2), f"{moment:%H:%M}" if moment.hour else day))
        moment += step
    return tuple(ticks)


def deployed_at(slots: Sequence[Slot], window: Window | None) -> float | None:
    """Where the deployment ended, in percent of the axis; None outside it."""
    at = window.deployed_at if window else None
    if at is None:
        return None
    place = (at - _begin(slots)) / HOUR / len(slots) * 100
    return round(place, 2) if 0 <= place <= 100 else None  # noqa: PLR2004  # percent


def _begin(slots: Sequence[Slot]) -> datetime:
    """Where the axis begins: a whole number of hours before its newest hour."""
    return slots[-1].start - (len(slots) - 1) * HOUR


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of a rate, in whole percent: from `bottom` to `top` in steps."""

    bottom: int
    top: int
    step: int

    @property
    def marks(self) -> range:
        """Where its lines run."""
        return range(self.bottom, self.top + 1, self.step)

    def y(self, share: float) -> float:
        """How far from the top of the plot a share lies."""
        return round((self.top - share * 100) / (self.top - self.bottom) * HEIGHT, 1)


def rate_axis(shares: Sequence[float]) -> Axis:
    """The finest axis of at most four steps that holds all of the shares."""
    low, high = min(shares) * 100, max(shares) * 100
    for step in TICK_STEPS:
        bottom = math.floor(low / step) * step
        top = math.ceil(high / step) * step
        if top - bottom <= step * MOST_STEPS:
            break
    if top == bottom:
        bottom, top = max(bottom - step, 0), min(top + step, 100)
    return Axis(bottom, top, step)
