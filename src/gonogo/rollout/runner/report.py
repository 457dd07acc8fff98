"""An incident report in parts, as Markdown or as a page; every text of it is foreign."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.report.markdown import escape, table
from gonogo.report.text import visible


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report.

    Args:
        title: Its heading.
        lines: Sentences, or items of a list.
        head: The names of a table's columns; empty without a table.
        rows: The table's cells.
    """

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A draft.

    Args:
        title: What it is of.
        parts: From first to last.
    """

    title: str
    parts: tuple[Part, ...]

    @property
    def markdown(self) -> str:
        """The report as Markdown."""
        lines = [f"# {escape(visible(self.title))}", ""]
        for part in self.parts:
            lines += [f"## {escape(visible(part.title))}", ""]
            lines += [f"- {escape(visible(line))}" for line in part.lines]
            lines += [""] if part.lines else []
            if part.head:
                cells = ([escape(visible(cell)) for cell in row] for row in part.rows)
                lines += [*table(part.head, cells), ""]
        return "\n".join(lines)
