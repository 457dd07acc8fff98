"""A record in a screenful: what is not met first, then the success criteria. Pure.

The terminal and the step summary show the same digest. Every text in it is harmless and one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gonogo.model.finding import HealthScore
from gonogo.model.kinds import Outcome, Reason, Role
from gonogo.model.measurement import Window
from gonogo.model.record import Record
from gonogo.report.answers import Answer, answers, reasons
from gonogo.report.page import notices
from gonogo.report.text import cut, moment, span

WORST_FIRST = (
    Outcome.FIRED,
    Outcome.FAILED,
    Outcome.CRITICAL,
    Outcome.INCONCLUSIVE,
    Outcome.WARNING,
)
# What an alert says of a part or of a time, and a criterion of the whole does not.
ADDS = frozenset(
    {
        Reason.NO_DATA,
        Reason.PART_PAST_LEVEL,
        Reason.PART_TOO_FEW,
        Reason.PARTS_UNKNOWN,
        Reason.NEWEST_PAST_LEVEL,
        Reason.NEWEST_UNKNOWN,
        Reason.WORSENED,
    }
)
# Groups whose checks share a line: no decision depends on one index of a migration alone.
FOLDED = {
    "jobs": "Background jobs",
    "endpoint": "Endpoints",
    "schema": "Schema",
    "db": "Database and clocks",
}
MOST_TITLES = 3
MOST_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Miss:
    """Something that is not met, and what to do about it.

    Args:
        outcome: As the record has it.
        title: Of the metric, or of several that share a reason.
        reason: Why.
        means: What it means; empty where only data are missing.
        first: What to do first; likewise.
    """

    outcome: str
    title: str
    reason: str
    means: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of criteria."""

    title: str
    value: str
    limit: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What a reader needs to decide, or to know where to look.

    Args:
        caveats: What must be known before anything else is read.
        window: From when to when, and how much of it is covered; empty when nothing was measured.
        score: The health score in a line.
        reasons: Why the verdict is what it is, beside the misses.
        misses: Worst first.
        rows: What misses its limit, worst first, then the other success criteria.
        not_run: Ids of expected checks without an answer.
    """

    caveats: tuple[str, ...]
    window: str
    score: str
    reasons: tuple[str, ...]
    misses: tuple[Miss, ...]
    rows: tuple[Row, ...]
    not_run: tuple[str, ...]


def digest(record: Record) -> Digest:
    """Digest a gate's record.

    Args:
        record: Any with a verdict.
    """
    found = answers(record)
    missed = _missed(found)
    return Digest(
        caveats=tuple(notices(record)),
        window=_window(record.window),
        score=_score(record.score),
        reasons=tuple(map(_line, reasons(record, of_findings=False))),
        misses=_misses(missed),
        rows=_rows([group[0] for group in missed], found),
        not_run=tuple(map(_line, record.verdict.not_run if record.verdict else ())),
    )


def _missed(found: Sequence[Answer]) -> list[list[Answer]]:
    """The answers of each metric that are not met, worst first; the worst metric first."""
    by_metric: dict[str, list[Answer]] = {}
    for answer in found:
        if answer.outcome in WORST_FIRST:
            by_metric.setdefault(answer.metric, []).append(answer)
    missed = [sorted(group, key=_severity) for group in by_metric.values()]
    return sorted(missed, key=lambda group: _severity(group[0]))


def _severity(answer: Answer) -> int:
    return WORST_FIRST.index(answer.outcome)


def _misses(missed: Sequence[Sequence[Answer]]) -> tuple[Miss, ...]:
    """Metrics that share outcome and reason, such as a database out of reach, share a miss."""
    alike: dict[tuple[str, str], list[Answer]] = {}
    for group in missed:
        alike.setdefault((_outcome(group[0]), _reason(group)), []).append(group[0])
    return tuple(_miss(outcome, reason, same) for (outcome, reason), same in alike.items())


def _reason(group: Sequence[Answer]) -> str:
    """The worst answer's; and another's, of a part or of the newest events."""
    worst, *others = group
    more = (other.reason for other in others if other.finding.reason in ADDS)
    return "; ".join(dict.fromkeys([worst.reason, *more]))


def _miss(outcome: str, reason: str, same: Sequence[Answer]) -> Miss:
    titles = [_line(one.title) for one in same]
    title = ", ".join(titles[:MOST_TITLES])
    if len(titles) > MOST_TITLES:
        title += f" and {len(titles) - MOST_TITLES} more"
    if len(same) > 1 or not _is_past_its_limit(same[0]):
        return Miss(outcome, title, _line(reason))
    advice = same[0].entry
    return Miss(outcome, title, _line(reason), _line(advice.means), _line(advice.first))


def _is_past_its_limit(answer: Answer) -> bool:
    """Whether the metric's recommendation speaks of this: not where only evidence is missing."""
    undecided = answer.outcome is Outcome.INCONCLUSIVE
    return not undecided or (answer.value is not None and answer.interval is None)


def _rows(missed: Sequence[Answer], found: Sequence[Answer]) -> tuple[Row, ...]:
    """What misses its limit; then the other criteria, some groups in a line an outcome."""
    measured = [answer for answer in missed if answer.value is not None]
    listed = {answer.metric for answer in measured}
    criteria = [answer for answer in found if answer.role is Role.CRITERION]
    others = [answer for answer in criteria if answer.metric not in listed]
    alone = [answer for answer in others if answer.entry.group not in FOLDED]
    folded = [
        Row(title, f"{len(same)} of {len(members)}", "all", _outcome(same[0]))
        for group, title in FOLDED.items()
        if (members := [answer for answer in criteria if answer.entry.group == group])
        for same in _by_outcome(answer for answer in others if answer.entry.group == group)
    ]
    return (*map(_row, measured), *map(_row, alone), *folded)


def _by_outcome(found: Iterable[Answer]) -> Iterable[list[Answer]]:
    alike: dict[Outcome, list[Answer]] = {}
    for answer in found:
        alike.setdefault(answer.outcome, []).append(answer)
    return alike.values()


def _row(answer: Answer) -> Row:
    value = _line(answer.value or "no data")
    return Row(_line(answer.title), value, _line(_limit(answer)), _outcome(answer))


def _limit(answer: Answer) -> str:
    """What was passed; of an alert's two levels the one that its outcome names."""
    passed = [one.limit.text for one in answer.limits if one.level.value == answer.outcome.value]
    return passed[0] if passed else answer.limit


def _outcome(answer: Answer) -> str:
    return answer.outcome.value.replace("_", " ")


def _window(window: Window | None) -> str:
    if window is None:
        return ""
    covered = f"{span(window.covered)} of {span(window.asked)} covered"
    return f"{moment(window.start)} to {moment(window.end)} ({covered})"


def _score(score: HealthScore | None) -> str:
    if score is None:
        return "nothing was measured"
    whole = score.measured == 100  # noqa: PLR2004  # per cent
    partial = "" if whole else f" ({score.measured} of 100 points measured)"
    return f"{score.points:g} of 100, {score.band}{partial}"


def _line(text: str) -> str:
    return cut(text, MOST_CHARACTERS)
