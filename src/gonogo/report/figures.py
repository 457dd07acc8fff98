"""All figures of a record in the terminal, heading by heading: what a monitor tells.

The same figures, headings and words as the record's page; rich is imported only when told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from gonogo.record.schema import with_defaults
from gonogo.report.digest import digest
from gonogo.report.headings import Figure, Heading, headings
from gonogo.report.looks import MARKS
from gonogo.report.terminal import BANDS, console_of, rule
from gonogo.report.text import cut, moment

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MARK_STYLES = {"present": "green", "missing": "red", "due": "yellow", "ahead": "dim"}


def tell_figures(document: Mapping[str, Any], stream: IO[str]) -> None:
    """Print the health score, every figure, the top errors and the soak's continuity.

    Args:
        document: The record.
        stream: The terminal, or what stands for it.
    """
    console = console_of(stream)
    full = with_defaults(document)
    _score(console, full)
    for heading in headings(full):
        _heading(console, heading)
    _errors(console, full)
    _soak(console, full)


def _score(console: Console, document: Mapping[str, Any]) -> None:
    from rich.text import Text  # noqa: PLC0415  # only a monitor pays for it

    told = digest(document)
    rule(console, Text(document["title"], "bold"))
    if told.window:
        console.print(told.window)
    band = (document["score"] or {}).get("band", "")
    console.print(Text.assemble("Overall health score: ", (told.score, BANDS.get(band, ""))))
    for part in (document["score"] or {}).get("parts", ()):
        if part["got"] < part["of"]:
            console.print(f"  {part['name']}: {part['got']:g} of {part['of']} points")


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


def _errors(console: Console, document: Mapping[str, Any]) -> None:
    from rich.text import Text  # noqa: PLC0415  # as above

    console.print()
    console.print(Text("Top errors", "bold"))
    for error in document["top_errors"]:
        console.print(f"  {error['count']:>7,}  {cut(error['source'])}: {cut(error['message'])}")
    if not document["top_errors"]:
        console.print("  none")


def _soak(console: Console, document: Mapping[str, Any]) -> None:
    from rich.text import Text  # noqa: PLC0415  # as above

    soak = document["soak"]
    if soak is None:
        return
    console.print()
    console.print(Text("The soak's continuity", "bold"))
    busy = soak["hours"] - len(soak["silent"])
    console.print(f"  {busy} of {soak['hours']} hours of the window had traffic")
    for hour in soak["silent"]:
        console.print(f"    none in the hour from {moment(hour)}")
    for mark in soak["marks"]:
        record = f"  {mark['record'] or 'this record'}" if mark["at"] else ""
        state = MARKS[mark["state"]].word.lower()
        line = Text.assemble(
            f"  {mark['name']:<8} ", (f"{state:<10}", MARK_STYLES[mark["state"]]), cut(record)
        )
        console.print(line)
