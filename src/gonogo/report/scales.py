"""Limits as drawn, and an interval on a scale of its own. Pure geometry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
# One comparison of a limit's text, behind the word of an alert's level.
BOUND = re.compile(r"(warning|critical)?\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*%")
MOST_OF_A_LIMIT = 200
# Labels nearer to each other than this, of 100, would run into one another.
LEAST_APART = 20.0


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
    limits = sorted(set(_shares(str(finding["limit"]))))
    marks = [interval["low"], interval["high"], *limits]
    room = max((max(marks) - min(marks)) * 0.15, 0.01)
    start, end = max(min(marks) - room, 0.0), min(max(marks) + room, 1.0)

    def at(share: float) -> float:
        place: float = (min(max(share, start), end) - start) / (end - start) * 100
        return round(place, 1)

    stretches = [(at(low), at(high), tone) for low, high, tone in _unmet(finding)]
    return Scale(
        at(interval["low"]),
        at(interval["high"]),
        None if value is None else at(value),
        tuple(_labelled([(at(limit), f"{limit * 100:g} %") for limit in limits])),
        tuple(Zone(a, round(b - a, 1), tone) for a, b, tone in stretches if b > a),
    )


def _unmet(finding: Mapping[str, Any]) -> Iterator[tuple[float, float, str]]:
    """Where the limit is not met: outside an objective, past a level."""
    text, role = str(finding["limit"])[:MOST_OF_A_LIMIT], finding["role"]
    if role == "criterion" and ".." in text:
        ends = _shares(text)
        yield 0.0, min(ends, default=0.0), "bad"
        yield max(ends, default=1.0), 1.0, "bad"
        return
    for level, operator, number in BOUND.findall(text):
        share = float(number) / 100
        # An objective says what must hold, every other limit what must not.
        below = operator.startswith("<") != (role == "criterion")
        tone = {"criterion": "bad", "trigger": "worst"}.get(role, level or "bad")
        yield (0.0, share, tone) if below else (share, 1.0, tone)


def _labelled(marks: Sequence[tuple[float, str]]) -> Iterator[Mark]:
    """Label the first mark and each that has room behind the one before it."""
    free_from = 0.0
    for at, label in marks:
        fits = at >= free_from or not free_from
        yield Mark(at, label if fits else "")
        free_from = at + LEAST_APART if fits else free_from


def _shares(limit: str) -> list[float]:
    return [float(number) / 100 for number in PERCENT.findall(limit[:MOST_OF_A_LIMIT])]
