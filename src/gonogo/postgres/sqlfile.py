"""A SQL file: its statements, each with its line, and what its comments ask of the runner.

A comment ``-- gonogo: …`` is a marker: ``no-transaction`` parts the file, ``require`` names a query
that must return no row, the others concern the whole file.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from gonogo.errors import MigrationError

# The application is stopped before the file is run: the version that runs cannot do with it.
STOP_FIRST = "stop_before_migrate"
# The file cannot be tried on a copy of the schema that holds no row.
NEEDS_ROWS = "needs-rows"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon.

    Args:
        text: The statement as the file has it.
        line: The line that it starts on, counted from 1.
        slots: Placeholders such as ``:aside``: where each starts and ends in `text`, and its name.
    """

    text: str
    line: int
    slots: tuple[tuple[int, int, str], ...] = ()

    def bind(self, names: Mapping[str, str]) -> bytes:
        """The statement with identifiers, safely quoted, in place of its placeholders.

        Args:
            names: The identifier of each placeholder; one that is not named is left as it is.
        """
        text = self.text
        for start, end, name in reversed(self.slots):
            if name in names:
                text = text[:start] + sql.Identifier(names[name]).as_string() + text[end:]
        return text.encode()

    def line_at(self, position: int) -> int:
        """The file's line of a character of `text`, counted from 1 as PostgreSQL does."""
        return self.line + self.text.count("\n", 0, max(position - 1, 0))


@dataclass(frozen=True, slots=True)
class SqlFile:
    """A file's statements, and what its markers say.

    Args:
        inside: Those of the transaction.
        outside: Those after ``-- gonogo: no-transaction``.
        requires: Queries that must return no row before the file is run.
        marks: The markers that concern the whole file.
    """

    inside: tuple[Statement, ...]
    outside: tuple[Statement, ...] = ()
    requires: tuple[Statement, ...] = ()
    marks: frozenset[str] = frozenset()


def parse(text: str, file: str) -> SqlFile:
    """Read a file's statements, as PostgreSQL's own parser does.

    Args:
        text: The file's contents, from `decode`.
        file: Its name, for errors.

    Raises:
        MigrationError: The parser cannot read it, or it holds what a file may not hold:
            transaction control, rows of COPY, psql's commands, a statement in the wrong part, a
            marker that is not known.
    """
    # The parser takes time to load, and a gate run reads no file.
    from gonogo.postgres.parser.files import read  # noqa: PLC0415

    return read(text, file)


def decode(content: bytes, file: str) -> str:
    r"""The text of a file, with ``\n`` at the end of each line.

    Args:
        content: Its bytes.
        file: Its name, for errors.

    Raises:
        MigrationError: It holds a NUL, a byte order mark, a carriage return that ends no line, or
            bytes that are no UTF-8.
    """

    def refused(problem: str, remedy: str, position: int) -> MigrationError:
        line = content.count(b"\n", 0, position) + 1
        return MigrationError(problem, remedy, file=file, line=line)

    if content.startswith(UTF_16):
        raise refused("is UTF-16", "save it as UTF-8", 0)
    if (found := content.find(b"\0")) >= 0:
        what = "holds a NUL byte, where PostgreSQL stops reading"
        raise refused(what, "take the byte out", found)
    if (found := content.find(codecs.BOM_UTF8)) >= 0:
        what = "holds a byte order mark, which is no SQL"
        raise refused(what, "save the file as UTF-8 without one", found)
    content = content.replace(b"\r\n", b"\n")
    if (found := content.find(b"\r")) >= 0:
        what = "holds a carriage return that ends no line"
        raise refused(what, r"end lines with \n or \r\n; within a text write E'\r'", found)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused("is not UTF-8", "save it as UTF-8", error.start) from None
