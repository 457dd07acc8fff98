"""A gate's record in the terminal: all figures where an option asks for them, the verdict last.

The verdict block is the record's digest, in about a screenful; a monitor prints the figures before
it, in the headings and words of the page. Colour where a terminal is; plain text in CI. rich is
imported only when something is printed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gonogo.model.kinds import MarkState
from gonogo.model.record import Record
from gonogo.report.answers import Figure, Heading, TopError, headings, top_errors
from gonogo.report.digest import Digest, Miss, Row, digest, own_reason
from gonogo.report.sentences import MARKS
from gonogo.report.text import BAD, GOOD, OPEN, QUIET, WORST, cut, moment

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


STYLES = {
    "GO": f"bold {GOOD}",
    "HOLD": f"bold {OPEN}",
    "NO-GO": f"bold {BAD}",
    "ROLLBACK": WORST,
}
BANDS = {"Excellent": GOOD, "Good": OPEN, "Fair": OPEN, "Poor": BAD}
OUTCOMES = {
    "met": GOOD,
    "warning": OPEN,
    "inconclusive": OPEN,
    "left out": QUIET,
    "failed": BAD,
    "critical": BAD,
    "fired": f"bold {BAD}",
}
MARK_STYLES = {
    MarkState.PRESENT: GOOD,
    MarkState.MISSING: BAD,
    MarkState.DUE: OPEN,
    MarkState.AHEAD: QUIET,
}
MOST_MISSES = 8
MOST_ADVISED = 3
MOST_ROWS = 20
MOST_NOT_RUN = 4
LEAST_WIDTH = 80
# Below it, the reasons alone name the limits.
WIDTH_OF_LIMITS = 60
WIDTH_WITHOUT_TERMINAL = 110


def print_verdict(record: Record, directory: Path, stream: IO[str]) -> None:
    """Print verdict, what is not met and what to do, the criteria, and where the record lies.

    Args:
        record: The record.
        directory: The record's directory.
        stream: The terminal, or what stands for it.
    """
    console = console_of(stream)
    brief = digest(record)
    _head(console, record, brief)
    _misses(console, brief.misses)
    _rows(console, brief.rows)
    _members(console, record)
    _not_run(console, brief.not_run)
    console.print("Record:", str(directory / "record.html"), soft_wrap=True)


def console_of(stream: IO[str]) -> Console:
    """A console that shows texts as they are, whatever is in them."""
    from rich.console import Console  # noqa: PLC0415  # only a finished gate pays for it

    if isinstance(stream, io.TextIOWrapper):
        # A reason may hold what an ASCII terminal cannot show.
        stream.reconfigure(errors="backslashreplace")
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def rule(console: Console, title: Text) -> None:
    """A title with a line behind it, after an empty one."""
    console.print()
    line = "─" if _is_unicode(console) else "-"
    console.rule(title, align="left", characters=line, style=QUIET)


def _head(console: Console, record: Record, brief: Digest) -> None:
    from rich.text import Text  # noqa: PLC0415  # as above

    kind = record.verdict.kind.value if record.verdict else ""
    rule(console, Text.assemble((f" {kind} ", STYLES.get(kind, "")), "  ", record.title))
    for line in filter(None, (*brief.caveats, brief.window)):
        console.print(line)
    band = record.score.band if record.score else ""
    console.print(Text.assemble("Health score: ", (brief.score, BANDS.get(band, ""))))
    for reason in brief.reasons:
        console.print(Text(reason, "bold"))


def _misses(console: Console, misses: Sequence[Miss]) -> None:
    """What is not met: the reason, and for the worst of them what it means and what to do first."""
    from rich.table import Table  # noqa: PLC0415  # as above
    from rich.text import Text  # noqa: PLC0415  # as above

    if not misses:
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for place, miss in enumerate(misses[:MOST_MISSES]):
        text = Text.assemble((miss.title, "bold"), ": ", miss.reason)
        if place < MOST_ADVISED and miss.means:
            text.append(f"\n{miss.means}").append(f"\nFirst: {miss.first}", "italic")
        grid.add_row(Text(miss.outcome, OUTCOMES[miss.outcome]), text)
    if len(misses) > MOST_MISSES:
        grid.add_row("", f"and {len(misses) - MOST_MISSES} more, in the record")
    console.print()
    console.print(grid)


def _rows(console: Console, rows: Sequence[Row]) -> None:
    from rich.table import Table  # noqa: PLC0415  # as above
    from rich.text import Text  # noqa: PLC0415  # as above

    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Check", overflow="fold")
    # Where there is room, a figure stays in one piece; the title wraps for it.
    table.add_column("Value", overflow="fold", no_wrap=console.width >= LEAST_WIDTH)
    limited = console.width >= WIDTH_OF_LIMITS
    if limited:
        table.add_column("Limit", overflow="fold")
    table.add_column("Outcome", no_wrap=True)
    for row in rows[:MOST_ROWS]:
        limit = (row.limit,) if limited else ()
        table.add_row(row.title, row.value, *limit, Text(row.outcome, OUTCOMES[row.outcome]))
    if len(rows) > MOST_ROWS:
        table.add_row(f"and {len(rows) - MOST_ROWS} more, in the record")
    console.print()
    console.print(table)


def _members(console: Console, record: Record) -> None:
    """A fleet's databases by their own evidence, the worst first."""
    from rich.table import Table  # noqa: PLC0415  # as above
    from rich.text import Text  # noqa: PLC0415  # as above

    if not record.members:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Database", "By itself", "Why"):
        table.add_column(name, overflow="fold")
    for one in record.members[:MOST_ROWS]:
        verdict = one.verdict.value if one.verdict else "not judged"
        why = own_reason(record, one)
        table.add_row(cut(one.name), Text(verdict, STYLES.get(verdict, "")), cut(why))
    if len(record.members) > MOST_ROWS:
        table.add_row(f"and {len(record.members) - MOST_ROWS} more, in the record")
    console.print()
    console.print(table)


def _not_run(console: Console, not_run: Sequence[str]) -> None:
    if not not_run:
        return
    more = len(not_run) - MOST_NOT_RUN
    names = ", ".join(not_run[:MOST_NOT_RUN])
    console.print()
    console.print("Not run:", f"{names} and {more} more, in the record" if more > 0 else names)


def _is_unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def print_figures(record: Record, stream: IO[str]) -> None:
    """Print the health score, every figure, the top errors and the soak's continuity.

    Args:
        record: The record.
        stream: The terminal, or what stands for it.
    """
    console = console_of(stream)
    _score(console, record)
    for heading in headings(record):
        _heading(console, heading)
    _errors(console, top_errors(record))
    _soak(console, record)


def _score(console: Console, record: Record) -> None:
    from rich.text import Text  # noqa: PLC0415  # only a monitor pays for it

    brief = digest(record)
    rule(console, Text(record.title, "bold"))
    if brief.window:
        console.print(brief.window)
    band = record.score.band if record.score else ""
    console.print(Text.assemble("Overall health score: ", (brief.score, BANDS.get(band, ""))))
    for part in record.score.parts if record.score else ():
        if part.got < part.of:
            console.print(f"  {part.name}: {part.got:g} of {part.of} points")


def _heading(console: Console, heading: Heading) -> None:
    from rich.table import Table  # noqa: PLC0415  # as above
    from rich.text import Text  # noqa: PLC0415  # as above

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    for _ in ("value", "counts"):
        grid.add_column(justify="right", overflow="fold")
    for figure in heading.figures:
        _figure(grid, figure)
    console.print()
    console.print(Text(heading.title, "bold"))
    console.print(grid)


def _figure(grid: Table, figure: Figure) -> None:
    grid.add_row(f"  {cut(figure.title)}", cut(figure.value), figure.of)
    for part in figure.parts:
        grid.add_row(f"    {cut(part.name)}", part.share, part.count)
    for note in figure.notes:
        grid.add_row(f"    {cut(note)}")


def _errors(console: Console, errors: Sequence[TopError]) -> None:
    from rich.text import Text  # noqa: PLC0415  # as above

    console.print()
    console.print(Text("Top errors", "bold"))
    for error in errors:
        console.print(f"  {error.count:>7,}  {cut(error.source)}: {cut(error.message)}")
    if not errors:
        console.print("  none")


def _soak(console: Console, record: Record) -> None:
    from rich.text import Text  # noqa: PLC0415  # as above

    soak = record.soak
    if soak is None:
        return
    console.print()
    console.print(Text("The soak's continuity", "bold"))
    busy = soak.hours - len(soak.silent)
    console.print(f"  {busy} of {soak.hours} hours of the window had traffic")
    for hour in soak.silent:
        console.print(f"    none in the hour from {moment(hour)}")
    for mark in soak.marks:
        looked = f"  {mark.record or 'this record'}" if mark.at else ""
        state = MARKS[mark.state].word.lower()
        line = Text.assemble(
            f"  {mark.name:<8} ", (f"{state:<10}", MARK_STYLES[mark.state]), cut(looked)
        )
        console.print(line)
