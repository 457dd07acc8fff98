"""The hours of a metric: its rate with limits and volume, its parts in layers, a line in a word.

Pure geometry, in the record's figures; the templates draw it as static SVG. matplotlib takes 0.4 s
to load, pygal writes 48 KB and a script for each chart and another id each time; a record must be
quick, small, script-free and stable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.model.measurement import Measurement, Window
from gonogo.report.axes import (
    HOUR,
    Axis,
    Level,
    Slot,
    Tick,
    deployed_at,
    empty_runs,
    rate_axis,
    slots_of,
    ticks_of,
)
from gonogo.report.text import minute
from gonogo.report.timeline import line

VOLUME_HEIGHT = 26.0
SLOT = 10
MOST_SHOWN_GAPS = 4
NEAR = 0.05
STACK_HEIGHT = 84.0
TONES = 6
# Words whose colour a reader expects; the rest share what is left, the largest first.
MEANT = {"failure": 3, "success": 4}


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
class Layer:
    """The hours of one name.

    Args:
        name: As the record has it.
        tone: Its colour's number, from 1.
        path: All of its blocks as one SVG path.
        total: Its count over the window.
    """

    name: str
    tone: int
    path: str
    total: int


@dataclass(frozen=True, slots=True)
class Stack:
    """A breakdown by hour.

    Args:
        width: Of the plot, in its own units.
        layers: The largest lowest.
        grid: The axis.
        is_share: Whether an hour's height is a share of its events; else it is their number.
    """

    width: int
    layers: tuple[Layer, ...]
    grid: tuple[Line, ...]
    is_share: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """What is drawn of one metric's hours.

    Args:
        chart: The rate, its limits, its volume.
        stack: What it consists of; None where the record has no parts by hour.
        is_limited: Whether a limit stands on it: without one its parts say all.
    """

    chart: Chart
    stack: Stack | None
    is_limited: bool


def hours_of(
    measurement: Measurement, levels: Sequence[Level], window: Window | None
) -> Hours | None:
    """Lay out all that is drawn of a metric's hours; None where no hour has data."""
    chart = hourly_chart(measurement, levels, window)
    if chart is None:
        return None
    return Hours(chart, _stack(measurement, window), bool(levels))


def spark(measurement: Measurement, window: Window | None) -> str:
    """The rate in the space of a word; empty with fewer than two hours of data."""
    slots = slots_of(measurement.hourly, window)
    return line([slot.share if slot.n else None for slot in slots])


def _stack(measurement: Measurement, window: Window | None) -> Stack | None:
    parts = measurement.hourly_parts
    hourly = measurement.hourly
    if not parts or any(len(counts) != len(hourly) for counts in parts.values()):
        return None
    slots = slots_of(hourly, window)
    by_start = {hour.start: index for index, hour in enumerate(hourly)}
    if len(slots) != len(by_start):
        return None
    names = sorted(parts, key=lambda name: (-sum(parts[name]), name))
    # What consists of its k is drawn as shares of n; what is more than that, as it was counted.
    is_share = all(
        sum(parts[name][i] for name in names) == hour.count.k for i, hour in enumerate(hourly)
    )
    totals = [sum(parts[name][i] for name in names) for i in range(len(hourly))]
    top = 1.0 if is_share else float(_round_up(max(totals)))
    scales = [(slot.n if is_share else 1) * top for slot in slots]
    layers, floors = [], [0.0] * len(slots)
    tones = _tones(names)
    for name in names:
        path, floors = _layer(parts[name], scales, floors)
        layers.append(Layer(name, tones[name], path, sum(parts[name])))
    return Stack(len(slots) * SLOT, tuple(layers), _grid(top, is_share=is_share), is_share)


def _tones(names: Sequence[str]) -> dict[str, int]:
    used = {MEANT[name] for name in names if name in MEANT}
    free = [tone for tone in range(1, TONES + 1) if tone not in used]
    others = [name for name in names if name not in MEANT]
    last = len(free) - 1
    return MEANT | {name: free[min(place, last)] for place, name in enumerate(others)}


def _layer(
    counts: Sequence[int], scales: Sequence[float], floors: Sequence[float]
) -> tuple[str, list[float]]:
    """The blocks of one name, and how high the pile is with them."""
    path, tops = [], []
    for index, (n, per, floor) in enumerate(zip(counts, scales, floors, strict=True)):
        height = n / per * STACK_HEIGHT if per else 0.0
        tops.append(floor + height)
        if height:
            x, y = index * SLOT, STACK_HEIGHT - floor
            path.append(f"M{x} {y:.1f}h{SLOT - 1}v{-height:.1f}h{1 - SLOT}z")
    return "".join(path), tops


def _grid(top: float, *, is_share: bool) -> tuple[Line, ...]:
    if is_share:
        return tuple(Line(STACK_HEIGHT * (1 - s / 100), f"{s} %") for s in (0, 50, 100))
    return (
        Line(STACK_HEIGHT, "0"),
        Line(STACK_HEIGHT / 2, f"{top / 2:,g}"),
        Line(0.0, f"{top:,g}"),
    )


def _round_up(number: int) -> int:
    """The next 1, 2 or 5 times a power of ten, and two at least."""
    power = 1
    while True:
        for step in (2, 5, 10):
            if number <= step * power:
                return step * power
        power *= 10
