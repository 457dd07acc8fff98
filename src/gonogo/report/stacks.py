"""The hours of a metric: counts by name in stacked layers, and a sparkline. Pure geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.model.measurement import Measurement, Window
from gonogo.report.charts import SLOT, Chart, Line, hourly_chart, slots_of
from gonogo.report.scales import Level
from gonogo.report.timeline import line

HEIGHT = 84.0
TONES = 6
# Words whose colour a reader expects; the rest share what is left, the largest first.
MEANT = {"failure": 3, "success": 4}


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
        height = n / per * HEIGHT if per else 0.0
        tops.append(floor + height)
        if height:
            x, y = index * SLOT, HEIGHT - floor
            path.append(f"M{x} {y:.1f}h{SLOT - 1}v{-height:.1f}h{1 - SLOT}z")
    return "".join(path), tops


def _grid(top: float, *, is_share: bool) -> tuple[Line, ...]:
    if is_share:
        return tuple(Line(HEIGHT * (1 - s / 100), f"{s} %") for s in (0, 50, 100))
    return (Line(HEIGHT, "0"), Line(HEIGHT / 2, f"{top / 2:,g}"), Line(0.0, f"{top:,g}"))


def _round_up(number: int) -> int:
    """The next 1, 2 or 5 times a power of ten, and two at least."""
    power = 1
    while True:
        for step in (2, 5, 10):
            if number <= step * power:
                return step * power
        power *= 10
