"""GitHub's step summary: the record's digest as Markdown, on the page of the workflow's run.

What a database held is escaped. GitHub refuses a step's summary beyond 1 MiB; ours ends before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gonogo.model.record import Record
from gonogo.report.digest import Miss, Row, digest
from gonogo.report.markdown import code, escape, table
from gonogo.report.text import cut

VARIABLE = "GITHUB_STEP_SUMMARY"
MOST_BYTES = 64 * 1024
WARNING = "warning"
CUT_OFF = "*The rest was cut off here; it is in the record.*"


def append(record: Record, directory: Path, environ: Mapping[str, str]) -> str | None:
    """Append the summary to the file that GitHub names; do nothing elsewhere.

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
    warnings = [miss for miss in brief.misses if miss.outcome == WARNING]
    misses = [miss for miss in brief.misses if miss.outcome != WARNING]
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
