"""Where the lines of a chart run: pure geometry, in the document's own figures.

The templates draw it as static SVG. matplotlib takes 0.4 s to load, pygal writes 48 KB and a script
for each chart and another id each time; a record must be quick, small, script-free and stable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.report.hours import HOUR, Slot, Tick, deployed_at, empty_runs, slots_of, ticks_of
from gonogo.report.scales import Level
from gonogo.report.text import minute

HEIGHT = 120.0
VOLUME_HEIGHT = 26.0
SLOT = 10
TICK_STEPS = (1, 2, 5, 10, 20, 25, 50)
MOST_STEPS = 4
MOST_SHOWN_GAPS = 4
NEAR = 0.05


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


def hourly_chart(
    measurement: Mapping[str, Any], levels: Sequence[Level], window: Mapping[str, Any] | None
) -> Chart | None:
    """Lay out one chart.

    Args:
        measurement: With its ``hourly`` series.
        levels: The metric's limits; all but the objective are drawn only where data is near.
        window: The record's; the axis covers all of it.

    Returns:
        None when there is no hour with data.
    """
    slots = slots_of(measurement["hourly"], window)
    filled = [slot for slot in slots if slot.n]
    if not filled:
        return None
    drawn = _near(levels, filled)
    axis = _axis([slot.share for slot in filled] + [level.share for level in drawn])
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


def _near(levels: Sequence[Level], filled: Sequence[Slot]) -> list[Level]:
    """The objective, and whatever else the rate comes near to."""
    low = min(slot.share for slot in filled) - NEAR
    high = max(slot.share for slot in filled) + NEAR
    return [level for level in levels if level.kind == "objective" or low <= level.share <= high]


def _axis(shares: Sequence[float]) -> Axis:
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
