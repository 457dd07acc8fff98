"""An interval drawn on its scale, with its limits. Pure geometry, in a box of 100."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gonogo.model.finding import LevelLimit
from gonogo.model.kinds import Level as LevelKind
from gonogo.report.answers import Answer

# Labels nearer to each other than this would run into one another.
LABELS_APART = 20.0
TONES = {
    LevelKind.OBJECTIVE: "bad",
    LevelKind.WARNING: "warning",
    LevelKind.CRITICAL: "critical",
    LevelKind.TRIGGER: "worst",
}


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
