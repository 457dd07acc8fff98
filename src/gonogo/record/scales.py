"""Limits as drawn, and an interval on a scale of its own. Pure geometry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
MOST_OF_A_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Level:
    """A limit.

    Args:
        kind: objective, critical or trigger.
        label: As the criteria file writes it.
        share: Where it lies, 0..1.
    """

    kind: str
    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Scale:
    """An interval on a scale of 100: its ends, the value in it, the limits."""

    low: float
    high: float
    value: float | None
    levels: tuple[float, ...]


def levels_of(findings: Sequence[Mapping[str, Any]]) -> tuple[Level, ...]:
    """The limits of one metric, read from how its findings write them.

    Args:
        findings: Those of the metric.
    """
    levels = []
    for finding in findings:
        kind, text = finding["role"], str(finding["limit"])
        if kind == "alert":
            kind, text = "critical", text.partition("critical")[2].strip()
        name = {"criterion": "objective", "trigger": "rollback"}.get(kind, kind)
        label = text if kind == "criterion" else f"{name} {text}"
        levels += [Level(name, label, share) for share in _shares(text)]
    return tuple(levels)


def scale(finding: Mapping[str, Any]) -> Scale | None:
    """Lay out a finding's interval; None when it has none."""
    interval, count = finding["interval"], finding["count"]
    if not interval:
        return None
    value = count["k"] / count["n"] if count and count["n"] else None
    limits = [
        float(number) / 100 for number in PERCENT.findall(str(finding["limit"])[:MOST_OF_A_LIMIT])
    ]
    marks = [interval["low"], interval["high"], *limits]
    room = max((max(marks) - min(marks)) * 0.1, 0.01)
    start, end = max(min(marks) - room, 0.0), min(max(marks) + room, 1.0)

    def at(share: float) -> float:
        place: float = (share - start) / (end - start) * 100
        return round(place, 1)

    return Scale(
        at(interval["low"]),
        at(interval["high"]),
        None if value is None else at(value),
        tuple(map(at, limits)),
    )


def _shares(limit: str) -> list[float]:
    return [float(number) / 100 for number in PERCENT.findall(limit[:MOST_OF_A_LIMIT])]
