"""A metric in its one place: in a person's words, on one scale, with what it consists of. Pure.

A scale is a box of 100 that shows a share with all of its levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gonogo.model.finding import LevelLimit
from gonogo.model.kinds import Level as LevelKind
from gonogo.model.kinds import Outcome, Reason, Role
from gonogo.model.limit import UNITS, Comparison, Limit
from gonogo.model.record import MetricEntry
from gonogo.report import sentences
from gonogo.report.answers import Answer, Figure
from gonogo.report.charts import Chart, Level
from gonogo.report.english import MOSTLY, show_share, whose
from gonogo.report.sentences import Look, outcome_look

# Labels nearer to each other than this would run into one another.
LABELS_APART = 14.0
TONES = {
    LevelKind.OBJECTIVE: "bad",
    LevelKind.WARNING: "warning",
    LevelKind.CRITICAL: "critical",
    LevelKind.TRIGGER: "worst",
}
CALM = frozenset({Outcome.MET, Outcome.LEFT_OUT})
# What an answer says of a part or of a time, and a level of the whole does not.
ADDS = frozenset(
    {
        Reason.NO_DATA,
        Reason.PART_PAST_LEVEL,
        Reason.PART_TOO_FEW,
        Reason.PARTS_UNKNOWN,
        Reason.NEWEST_PAST_LEVEL,
        Reason.NEWEST_UNKNOWN,
        Reason.FELL,
        Reason.FELL_PAST_LEVEL,
        Reason.OVERDUE,
        Reason.TRICKLES,
        Reason.SILENT_TOO_LONG,
    }
)


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
    """A share on a scale of 100: its interval, itself, the limits, and where they are not met."""

    low: float
    high: float
    value: float
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


def scale(found: Sequence[Answer]) -> Scale | None:
    """Lay out a metric's share with all levels that it is held against; None without a share.

    Args:
        found: The metric's findings.
    """
    levels = dict.fromkeys(one for answer in found for one in answer.limits if _is_share(one))
    count = next((answer.measurement.count for answer in found if answer.count), None)
    if not levels or count is None or not count.n:
        return None
    value = count.k / count.n
    interval = next((answer.interval for answer in found if answer.interval), None)
    low, high = (interval.low, interval.high) if interval else (value, value)
    limits = sorted({float(end) for one in levels for end in one.limit.ends})
    first, last = min(low, *limits), max(high, *limits)
    room = max((last - first) * 0.15, 0.02)
    start, end = max(first - room, 0.0), min(last + room, 1.0)

    def at(share: float) -> float:
        place: float = (min(max(share, start), end) - start) / (end - start) * 100
        return round(place, 1)

    # Painted in this order: the level that weighs most lies on top.
    ordered = sorted(levels, key=lambda one: tuple(TONES).index(one.level))
    stretches = [(at(low), at(high), tone) for one in ordered for low, high, tone in _unmet(one)]
    return Scale(
        at(low),
        at(high),
        at(value),
        tuple(_labelled([(at(limit), f"{limit * 100:g} %") for limit in limits])),
        tuple(Zone(a, round(b - a, 1), tone) for a, b, tone in stretches if b > a),
    )


def _is_share(one: LevelLimit) -> bool:
    return one.limit.base_unit == "share"


def _name(one: LevelLimit) -> str:
    return "rollback" if one.level is LevelKind.TRIGGER else one.level.value


def _label(one: LevelLimit) -> str:
    return " ".join(filter(None, (_name(one).removeprefix("objective"), one.limit.text)))


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
class Card:
    """One metric in its one place: all of its answers, the worst first, and what it consists of.

    Args:
        metric: Its id.
        entry: Its name, limits and recommendation.
        answers: Of criterion, alert, trigger and presence; none of what is only shown.
        figure: Its value and parts; None for the most frequent texts.
        chart: Its hours, where it is one of the rates that decide.
    """

    metric: str
    entry: MetricEntry
    answers: Sequence[Answer]
    figure: Figure | None = None
    chart: Chart | None = None

    @property
    def look(self) -> Look | None:
        """How its worst answer looks; None for what is only shown."""
        return outcome_look(self.answers[0]) if self.answers else None

    @property
    def is_calm(self) -> bool:
        """Whether nothing of it needs attention."""
        return all(answer.outcome in CALM for answer in self.answers)

    @property
    def decides(self) -> bool:
        """Whether it is a rate whose objective decides."""
        return any(one.role is Role.CRITERION and one.interval for one in self.answers)

    @property
    def words(self) -> str:
        """What was counted and what must be, in a person's words."""
        return plainly(self.entry, self.answers, self.figure)

    @property
    def more(self) -> Sequence[str]:
        """What its answers say beyond the levels: of a part, of a time, of what is missing."""
        said = [
            one.reason
            for one in self.answers
            if one.finding.reason in ADDS
            or one.outcome is Outcome.LEFT_OUT
            or one.finding.figures.notes
            # What needs no attention and decides nothing has no fold that says how its events come.
            or (one.role is Role.PRESENCE and self.is_calm and not self.decides)
        ]
        return tuple(dict.fromkeys(said))

    @property
    def scale(self) -> Scale | None:
        """Its share against all of its levels."""
        return scale(self.answers)

    @property
    def whose(self) -> Sequence[str]:
        """Who or what accounts for most of the failures."""
        return whose(self.answers[0].measurement, MOSTLY) if self.answers else ()


@dataclass(frozen=True, slots=True)
class Section:
    """Metrics under a heading of the criteria file that need no attention."""

    title: str
    cards: Sequence[Card]

    @property
    def tally(self) -> str:
        """How many of them were asked for, and are as they must be."""
        asked = [card for card in self.cards if card.answers]
        met = sum(card.answers[0].outcome is Outcome.MET for card in asked)
        return f"{met} of {len(asked)} as they must be" if asked else "only shown"


def plainly(entry: MetricEntry, found: Sequence[Answer], figure: Figure | None) -> str:
    """A metric in a person's words: what was counted, what must be, what each level leads to.

    Args:
        entry: Names what is counted.
        found: Its answers.
        figure: Its value.
    """
    counts = [one.count for one in found if one.count and one.count.n]
    shown = (
        f"{figure.value} ({figure.of})" if figure and figure.of else figure.value if figure else ""
    )
    if counts and entry.counts and not (figure and figure.is_missing):
        shown = sentences.COUNTED.format(
            share=show_share(counts[0].share or Fraction(0), entry.limits),
            n=counts[0].n,
            counts=entry.counts,
            that=entry.that,
        )
    asked = [one for answer in found if answer.role is not Role.PRESENCE for one in answer.limits]
    return "; ".join(filter(None, (shown, _levels(entry, asked))))


def _levels(entry: MetricEntry, asked: Sequence[LevelLimit]) -> str:
    """The objective, then where each level begins; a warning that says no more is left out."""
    levels = {one.level: one.limit for one in asked}
    objective, said = levels.get(LevelKind.OBJECTIVE), []
    if objective:
        said.append(_objective(entry, objective))
        if LevelKind.WARNING in levels and levels[LevelKind.WARNING].ends == objective.ends:
            del levels[LevelKind.WARNING]
    leads: dict[str, list[str]] = {}
    for level, what in sentences.LEVELS.items():
        if level in levels:
            past = _bounds(levels[level], sentences.PAST)
            leads.setdefault(past, []).append(what)
    said += [sentences.LEADS.format(past=past, what=" and ".join(w)) for past, w in leads.items()]
    return ", ".join(said)


def _objective(entry: MetricEntry, limit: Limit) -> str:
    every = {1: "all", 0: "none"} if limit.base_unit == "share" and entry.counts else {}
    form = "counted" if every else "shown"
    if limit.first.operator == "=":
        form = every.get(int(limit.first.bound), form)
    return sentences.OBJECTIVES[form].format(must=_bounds(limit, sentences.MUST))


def _bounds(limit: Limit, words: Mapping[str, str]) -> str:
    if limit.text in {"yes", "no"}:
        return limit.text
    return " or ".join(
        words[one.operator].format(bound=_bound(one, limit)) for one in limit.comparisons
    )


def _bound(one: Comparison, limit: Limit) -> str:
    size = UNITS[limit.unit][1]
    ends = [f"{float(end / size):g}" for end in (one.bound, one.upper) if end is not None]
    return f"{' to '.join(ends)} {limit.unit}".strip()
