"""A record in a screenful: what is not met first, then the success criteria.

The terminal shows this digest; as Markdown it is GitHub's step summary, on the page of the
workflow's run. Every text in it is harmless and one line, and escaped in Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gonogo.model.finding import HealthScore, JudgedMember
from gonogo.model.kinds import Outcome, Role
from gonogo.model.measurement import Window
from gonogo.model.record import Record
from gonogo.report.answers import Answer, answers, reasons
from gonogo.report.cards import ADDS
from gonogo.report.english import MOSTLY, reason_of, remark_of, whose
from gonogo.report.markdown import code, escape, table
from gonogo.report.page import attention, cards, notices
from gonogo.report.text import cut, moment, span

# Groups whose checks share a line: no decision depends on one index of a migration alone.
FOLDED = {
    "jobs": "Background jobs",
    "endpoint": "Endpoints",
    "schema": "Schema",
    "db": "Database and clocks",
}
MOST_TITLES = 3
MOST_CHARACTERS = 300
VARIABLE = "GITHUB_STEP_SUMMARY"
# GitHub refuses a step's summary beyond 1 MiB.
MOST_BYTES = 64 * 1024
CUT_OFF = "*The rest was cut off here; it is in the record.*"


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
    missed = [card.answers for card in attention(cards(record, found, ()))]
    return Digest(
        caveats=tuple(notices(record)),
        window=_window(record.window),
        score=_score(record.score),
        reasons=tuple(map(_line, reasons(record, of_findings=False))),
        misses=_misses(missed),
        rows=_rows([group[0] for group in missed], found),
        not_run=tuple(map(_line, record.verdict.not_run if record.verdict else ())),
    )


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
    advice, means = same[0].entry, _line(same[0].entry.means)
    if mostly := "; ".join(whose(same[0].measurement, MOSTLY)):
        means = f"{means} {mostly[0].upper()}{_line(mostly[1:])}."
    return Miss(outcome, title, _line(reason), means, _line(advice.first))


def _is_past_its_limit(answer: Answer) -> bool:
    """Whether the metric's recommendation speaks of this: not where only evidence is missing."""
    if answer.outcome is not Outcome.INCONCLUSIVE:
        return answer.role is not Role.PRESENCE
    return answer.value is not None and answer.interval is None


def _rows(missed: Sequence[Answer], found: Sequence[Answer]) -> tuple[Row, ...]:
    """What misses its limit; then the other criteria, some groups in a line an outcome."""
    measured = [one for one in missed if one.value is not None and one.role is not Role.PRESENCE]
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


def append_step_summary(record: Record, directory: Path, environ: Mapping[str, str]) -> str | None:
    """Append the digest to the file that GitHub names; do nothing elsewhere.

    Args:
        record: The record.
        directory: The record's directory.
        environ: Holds ``GITHUB_STEP_SUMMARY`` where GitHub runs the gate.

    Returns:
        Why the file could not be written, in one line; None when all is well. The verdict stands
        either way.
    """
    file = environ.get(VARIABLE, "").strip()
    if not file:
        return None
    try:
        with Path(file).open("a", encoding="utf-8", errors="backslashreplace") as opened:
            opened.write(markdown(record, directory))
    except OSError as error:
        return f"the step summary could not be written: {cut(file)}: {error.strerror}"
    return None


def markdown(record: Record, directory: Path) -> str:
    """The summary, of at most 64 KiB.

    Args:
        record: The record.
        directory: The record's directory.
    """
    lines: list[str] = []
    room = MOST_BYTES - len(CUT_OFF) - len("\n\n\n")
    for line in _lines(record, directory):
        room -= len(f"{line}\n".encode(errors="backslashreplace"))
        if room < 0:
            lines += ["", CUT_OFF]
            break
        lines.append(line)
    return "\n".join(lines) + "\n"


def _lines(record: Record, directory: Path) -> Iterator[str]:
    brief, kind = digest(record), record.verdict.kind.value if record.verdict else ""
    yield f"## {escape(kind)}: {escape(record.title)}"
    yield ""
    # The record's place comes early: whatever is cut off can be read there.
    for line in (*brief.caveats, brief.window):
        yield from _paragraph(escape(line))
    yield from _paragraph(f"Health score: **{escape(brief.score)}**")
    yield from _paragraph(f"Record: {code(cut(directory / 'record.html'))}")
    reasons = [f"- {escape(reason)}" for reason in brief.reasons]
    warnings = [miss for miss in brief.misses if miss.outcome == Outcome.WARNING]
    misses = [miss for miss in brief.misses if miss.outcome != Outcome.WARNING]
    yield from _section("Why", [*reasons, *_points(misses)])
    yield from _section("Warnings", _points(warnings))
    yield from _section("Checks", _table(brief.rows))
    yield from _section("Not run", [f"- {code(name)}" for name in brief.not_run])


def _paragraph(text: str) -> Iterator[str]:
    if text:
        yield from (text, "")


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"### {title}", "", *lines, "")


def _points(misses: Sequence[Miss]) -> list[str]:
    """A point a miss, with what it means and what to do first beneath it."""
    lines = []
    for miss in misses:
        lines.append(f"- **{escape(miss.title)}**, {miss.outcome}: {escape(miss.reason)}")
        if miss.means:
            lines += [f"  - {escape(miss.means)}", f"  - First: {escape(miss.first)}"]
    return lines


def _table(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    cells = [[escape(row.title), escape(row.value), escape(row.limit), row.outcome] for row in rows]
    return table(["check", "value", "limit", "outcome"], cells)


def own_reason(record: Record, member: JudgedMember) -> str:
    """The worst that a fleet's database shows by itself; empty where it is past no limit."""
    if member.problem:
        return remark_of(member.problem)
    for found in member.findings[:1]:
        entry = record.metrics[found.metric]
        return f"{entry.title}: {reason_of(found, entry)}"
    return ""
