"""A record in a screenful: what is not met first, then the success criteria. Pure.

The terminal and the step summary tell the same digest. Every text in it is harmless and one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.report.page import notices
from gonogo.report.text import cut, moment, span

WORST_FIRST = ("fired", "failed", "critical", "inconclusive", "warning")
# One line a group, of what needs no line of its own: nobody decides on the index of a migration.
FOLDED = {
    "jobs": "Background jobs",
    "endpoint": "Endpoints",
    "schema": "Schema",
    "db": "Database and clocks",
}
MOST_TITLES = 3
MOST_CHARACTERS = 300

Found = Mapping[str, Any]


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


def digest(document: Mapping[str, Any]) -> Digest:
    """Digest a gate's record.

    Args:
        document: The record.
    """
    findings: Sequence[Found] = document["findings"]
    missed = _missed(findings)
    verdict = document["verdict"]
    told = {f"{found['metric']}: {found['reason']}" for found in findings}
    return Digest(
        caveats=tuple(notices(dict(document))),
        window=_window(document["window"]),
        score=_score(document["score"]),
        reasons=tuple(_line(reason) for reason in verdict["reasons"] if reason not in told),
        misses=_misses(missed),
        rows=_rows([answers[0] for answers in missed], findings),
        not_run=tuple(map(_line, verdict["not_run"])),
    )


def _missed(findings: Sequence[Found]) -> list[list[Found]]:
    """The answers of each metric that are not met, worst first; the worst metric first."""
    by_metric: dict[str, list[Found]] = {}
    for found in findings:
        if found["outcome"] in WORST_FIRST:
            by_metric.setdefault(found["metric"], []).append(found)
    missed = [sorted(answers, key=_severity) for answers in by_metric.values()]
    return sorted(missed, key=lambda answers: _severity(answers[0]))


def _severity(found: Found) -> int:
    return WORST_FIRST.index(found["outcome"])


def _misses(missed: Sequence[Sequence[Found]]) -> tuple[Miss, ...]:
    """What shares outcome and reason, such as a database out of reach, is told once."""
    alike: dict[tuple[str, str], list[Found]] = {}
    for answers in missed:
        alike.setdefault((_outcome(answers[0]), _reason(answers)), []).append(answers[0])
    return tuple(_miss(outcome, reason, same) for (outcome, reason), same in alike.items())


def _reason(answers: Sequence[Found]) -> str:
    """The worst answer's; and what another tells of a part, or of the newest events."""
    worst, *others = answers
    value = str(worst["value"])
    more = (other["reason"] for other in others if not str(other["reason"]).startswith(value))
    return "; ".join(dict.fromkeys([worst["reason"], *more]))


def _miss(outcome: str, reason: str, same: Sequence[Found]) -> Miss:
    titles = [_line(one["title"]) for one in same]
    title = ", ".join(titles[:MOST_TITLES])
    if len(titles) > MOST_TITLES:
        title += f" and {len(titles) - MOST_TITLES} more"
    if len(same) > 1 or not _is_past_its_limit(same[0]):
        return Miss(outcome, title, _line(reason))
    advice = same[0]["recommendation"]
    return Miss(outcome, title, _line(reason), _line(advice["means"]), _line(advice["first"]))


def _is_past_its_limit(found: Found) -> bool:
    """Whether the metric's recommendation speaks of this: not where only evidence is missing."""
    undecided = found["outcome"] == "inconclusive"
    return not undecided or (found["value"] is not None and found["interval"] is None)


def _rows(missed: Sequence[Found], findings: Sequence[Found]) -> tuple[Row, ...]:
    """What misses its limit; then the other criteria, some groups in a line an outcome."""
    measured = [found for found in missed if found["value"] is not None]
    told = {found["metric"] for found in measured}
    criteria = [found for found in findings if found["role"] == "criterion"]
    others = [found for found in criteria if found["metric"] not in told]
    alone = [found for found in others if found["group"] not in FOLDED]
    folded = [
        Row(title, f"{len(same)} of {len(members)}", "all", _outcome(same[0]))
        for group, title in FOLDED.items()
        if (members := [found for found in criteria if found["group"] == group])
        for same in _by_outcome(found for found in others if found["group"] == group)
    ]
    return (*map(_row, measured), *map(_row, alone), *folded)


def _by_outcome(findings: Iterable[Found]) -> Iterable[list[Found]]:
    alike: dict[str, list[Found]] = {}
    for found in findings:
        alike.setdefault(found["outcome"], []).append(found)
    return alike.values()


def _row(found: Found) -> Row:
    value = _line(found["value"] or "no data")
    return Row(_line(found["title"]), value, _line(_limit(found)), _outcome(found))


def _limit(found: Found) -> str:
    """What was passed; of an alert's two levels the one that its outcome names."""
    levels = str(found["limit"]).split(", ")
    passed = f"{found['outcome']} "
    return next(
        (text.removeprefix(passed) for text in levels if text.startswith(passed)), found["limit"]
    )


def _outcome(found: Found) -> str:
    return str(found["outcome"]).replace("_", " ")


def _window(window: Mapping[str, Any] | None) -> str:
    if window is None:
        return ""
    covered = f"{span(window['covered_s'])} of {span(window['asked_s'])} covered"
    return f"{moment(window['start'])} to {moment(window['end'])} ({covered})"


def _score(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return "nothing was measured"
    whole = score["measured"] == 100  # noqa: PLR2004  # per cent
    partial = "" if whole else f" ({score['measured']} of 100 points measured)"
    return f"{score['points']:g} of 100, {score['band']}{partial}"


def _line(text: object) -> str:
    return cut(text, MOST_CHARACTERS)
