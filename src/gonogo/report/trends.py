"""A series in the space of a word, and records along a line of time. Pure geometry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

HEIGHT = 20.0
# However steady a rate is, its line shall not look as if it jumped about.
LEAST_RANGE = 0.05
LEAST_POINTS = 2
WHOLE = 100.0
# Marks of 18 pixels on a laptop's page stand side by side; a long line moves closer together.
LEAST_APART = 2.0


@dataclass(frozen=True, slots=True)
class Trend:
    """A rate over records.

    Args:
        title: Of the rate.
        metric: Its id.
        path: In a box of 100 by `HEIGHT`; empty with fewer than two records.
        first: The oldest record's k of n.
        last: The newest record's.
        lowest: The record's with the lowest share.
    """

    title: str
    metric: str
    path: str
    first: Mapping[str, int]
    last: Mapping[str, int]
    lowest: Mapping[str, int]


def line(shares: Sequence[float | None], least_range: float = LEAST_RANGE) -> str:
    """A series as a path in a box of 100 by `HEIGHT`, broken where there is nothing.

    Args:
        shares: Left to right; None where there is nothing.
        least_range: What fills the box's height at the least.

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
            y = (middle + half - share) / (2 * half) * (HEIGHT - 2) + 1
            parts.append(f"{'L' if running else 'M'}{(index + 0.5) * step:.1f} {y:.1f}")
        running = share is not None
    return "".join(parts)


def trends(series: Sequence[Sequence[Mapping[str, object]]]) -> tuple[Trend, ...]:
    """Each rate over the records that have it.

    Args:
        series: Of each record, the oldest first, its rates: metric, title, k and n.
    """
    found: dict[str, list[Mapping[str, object]]] = {}
    for rates in series:
        for rate in rates:
            found.setdefault(str(rate["metric"]), []).append(rate)
    return tuple(_trend(metric, rates) for metric, rates in found.items())


def places(moments: Iterable[datetime]) -> list[float]:
    """Where moments lie along a line of 100: by their time, but never upon each other.

    Args:
        moments: In any order.
    """
    told = list(moments)
    if not told:
        return []
    first, last = min(told), max(told)
    length = (last - first).total_seconds() or 1.0
    at: dict[datetime, float] = {}
    free_from = 0.0
    for moment in sorted(set(told)):
        at[moment] = max((moment - first).total_seconds() / length * WHOLE, free_from)
        free_from = at[moment] + LEAST_APART
    scale = min(WHOLE / max(at.values()), 1.0) if max(at.values()) else 1.0
    return [round(at[moment] * scale, 2) for moment in told]


def _trend(metric: str, rates: Sequence[Mapping[str, object]]) -> Trend:
    counts = [{"k": int(str(rate["k"])), "n": int(str(rate["n"]))} for rate in rates]
    shares = [count["k"] / count["n"] for count in counts]
    lowest = counts[shares.index(min(shares))]
    path = line(shares)
    return Trend(str(rates[-1]["title"]), metric, path, counts[0], counts[-1], lowest)
