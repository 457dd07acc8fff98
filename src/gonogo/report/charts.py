"""The hours of a rate, with its limits and volume. Pure geometry; templates draw it as static SVG.

matplotlib takes 0.4 s to load, pygal writes 48 KB and a script for each chart and another id each
time; a record must be quick, small, script-free and stable. Every hour of a window has its place on
the axis, also one without data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from gonogo.model.measurement import HourCount, Measurement, Window
from gonogo.report.text import MONTHS, minute

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HEIGHT, VOLUME_HEIGHT, SLOT = 120.0, 26.0, 10
TICK_STEPS, MOST_STEPS = (1, 2, 5, 10, 20, 25, 50), 4
HOUR_STEPS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672)
MOST_SLOTS, MOST_TICKS, LAST_LABEL_AT = 24 * 366, 6, 93.0
MOST_SHOWN_GAPS = 4
NEAR = 0.05


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
class Line:
    """A horizontal line: its height from the top, what it says, and what it is."""

    y: float
    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the time axis, in slots' units, with a height where it has one."""

    x: float
    width: float
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Chart:
    """An hourly rate over the window.

    Args:
        width: Of the plot, in its own units; it is stretched to the page.
        path: The rate as an SVG path, each hour a step; broken where there is no data.
        gaps: Where there is no data.
        bars: How many events each hour had.
        grid: The rate's axis.
        levels: The limits.
        ticks: The time axis.
        deployed_at: Where the deployment ended, in percent; None outside the chart.
        most: Events of the fullest hour.
        summary: The chart in words.
    """

    width: int
    path: str
    gaps: tuple[Span, ...]
    bars: tuple[Span, ...]
    grid: tuple[Line, ...]
    levels: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    deployed_at: float | None
    most: int
    summary: str


def hourly_chart(
    measurement: Measurement, levels: Sequence[Level], window: Window | None
) -> Chart | None:
    """Lay out one chart.

    Args:
        measurement: With its hourly series.
        levels: The metric's limits; all but the objective are drawn only where data is near.
        window: The record's; the axis covers all of it.

    Returns:
        None when there is no hour with data.
    """
    slots = slots_of(measurement.hourly, window)
    filled = [slot for slot in slots if slot.n]
    if not filled:
        return None
    drawn = _near(levels, filled)
    axis = rate_axis([slot.share for slot in filled] + [level.share for level in drawn])
    return Chart(
        width=len(slots) * SLOT,
        path=_path(slots, axis),
        gaps=tuple(Span(first * SLOT, number * SLOT) for first, number in empty_runs(slots)),
        bars=_bars(slots),
        grid=tuple(Line(axis.y(mark / 100), f"{mark} %") for mark in axis.marks),
        levels=tuple(Line(axis.y(level.share), level.label, level.kind) for level in drawn),
        ticks=ticks_of(slots),
        deployed_at=deployed_at(slots, window),
        most=max(slot.n for slot in filled),
        summary=_summary(slots, filled),
    )


def small_charts(
    series: Sequence[Sequence[HourCount]], window: Window | None
) -> tuple[list[str], str]:
    """The hours of several databases as paths, all on one axis, and what the axis spans.

    Args:
        series: The hours of each.
        window: The record's.
    """
    drawn = [slots_of(hourly, window) for hourly in series]
    shares = [slot.share for slots in drawn for slot in slots if slot.n]
    if not shares:
        return [""] * len(drawn), ""
    axis = rate_axis(shares)
    return [_path(slots, axis) for slots in drawn], f"{axis.bottom} to {axis.top} %"


def _near(levels: Sequence[Level], filled: Sequence[Slot]) -> list[Level]:
    """The objective, and whatever else the rate comes near to."""
    low = min(slot.share for slot in filled) - NEAR
    high = max(slot.share for slot in filled) + NEAR
    return [level for level in levels if level.kind == "objective" or low <= level.share <= high]


def _path(slots: Sequence[Slot], axis: Axis) -> str:
    parts: list[str] = []
    running = False
    for index, slot in enumerate(slots):
        if slot.n:
            y = f"{axis.y(slot.share):g}"
            parts.append(f"V{y}" if running else f"M{index * SLOT} {y}")
            parts.append(f"H{(index + 1) * SLOT}")
        running = bool(slot.n)
    return "".join(parts)


def _bars(slots: Sequence[Slot]) -> tuple[Span, ...]:
    most = max(slot.n for slot in slots)
    return tuple(
        Span(index * SLOT, SLOT, round(slot.n / most * VOLUME_HEIGHT, 1))
        for index, slot in enumerate(slots)
        if slot.n
    )


def _summary(slots: Sequence[Slot], filled: Sequence[Slot]) -> str:
    lowest = min(filled, key=lambda slot: slot.share)
    highest = max(filled, key=lambda slot: slot.share)
    text = (
        f"{len(filled)} of {len(slots)} hours have data. "
        f"Lowest {lowest.share * 100:.1f} % ({minute(lowest.start)}), "
        f"highest {highest.share * 100:.1f} % ({minute(highest.start)})."
    )
    gaps = empty_runs(slots)
    if not gaps:
        return text
    shown = [
        f"{minute(slots[first].start)} to {minute(slots[first].start + number * HOUR)}"
        for first, number in gaps[:MOST_SHOWN_GAPS]
    ]
    more = f" and {len(gaps) - MOST_SHOWN_GAPS} more" if len(gaps) > MOST_SHOWN_GAPS else ""
    return f"{text} No data: {', '.join(shown)}{more}."


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
