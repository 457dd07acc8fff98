"""Markdown as GitHub reads it: any text is escaped so that it shows exactly as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SPECIAL = re.compile(r"[\\`*_\[\]<>|~&@$#]|(?<=\w):(?=//)|(?<=www)\.")
# What makes a list, a heading or a rule of a line, at its very beginning only.
OPENING = re.compile(r"[+-](?= |$)|[=-](?=[= -]*$)|[0-9]+[.)](?= |$)")
BACKTICKS = re.compile("`+")


def escape(text: str) -> str:
    """A text as one line of Markdown that shows exactly it, with its white space collapsed.

    Args:
        text: Of any origin.
    """
    line = SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    opening = OPENING.match(line)
    return f"{line[: opening.end() - 1]}\\{line[opening.end() - 1 :]}" if opening else line


def code(text: str) -> str:
    """A short text as code, for a table's cell too; nothing where there is none.

    Args:
        text: One line.
    """
    if not text:
        return ""
    fence = "`" * (max(map(len, BACKTICKS.findall(text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    # GitHub splits a table's cells before it reads anything else.
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table.

    Args:
        head: The names of its columns.
        rows: Cells that are Markdown already.
    """
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
