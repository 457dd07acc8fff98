r"""SQL files: cut into statements as PostgreSQL's lexer would, each with the line it starts on.

Quotes, dollar quotes, nested comments, parentheses and ``begin atomic`` bodies are respected.
Refused: psql's backslash commands and transaction control, which belong to the runner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from gonogo.errors import MigrationError

OUTSIDE = re.compile(r"--[ \t]*gonogo:[ \t]*no-transaction[ \t]*")
CONTROL = frozenset(
    {"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"}
)
TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<open>[eE]?'|"|\$(?:[^\W\d]\w*)?\$)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<cast>::)
    | (?P<slot>:aside\b)
    | (?P<meta>\\)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
COMMENT_EDGE = re.compile(r"/\*|\*/")


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
    """A file's statements.

    Args:
        inside: Those of the transaction.
        outside: Those after ``-- gonogo: no-transaction``.
    """

    inside: tuple[Statement, ...]
    outside: tuple[Statement, ...] = ()


def parse(text: str, file: str) -> SqlFile:
    r"""Cut a file into statements.

    Args:
        text: The file's contents.
        file: Its name, for errors.

    Raises:
        MigrationError: A quote or comment never ends, or the file holds a backslash command or
            transaction control.
    """
    reader = _Reader(text, file)
    inside: list[Statement] = []
    outside: list[Statement] = []
    for statement, within in reader.statements():
        (inside if within else outside).append(statement)
    return SqlFile(tuple(inside), tuple(outside))


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.within = True
        self._forget()

    def _forget(self) -> None:
        self.start = -1
        self.end = -1
        self.depth = 0
        self.words: list[str] = []
        self.slots: list[tuple[int, int, str]] = []

    def statements(self) -> Iterator[tuple[Statement, bool]]:
        for kind, start, end in self._tokens():
            piece = self.text[start:end]
            if kind == "comment":
                if OUTSIDE.fullmatch(piece):
                    yield from self._close()
                    self.within = False
            elif piece == ";" and self.depth == 0:
                yield from self._close()
            else:
                self._take(kind, piece, start, end)
        yield from self._close()

    def _tokens(self) -> Iterator[tuple[str, int, int]]:
        position = 0
        while position < len(self.text):
            match = TOKEN.match(self.text, position)
            if match is None or match.lastgroup is None:
                raise AssertionError(position)
            kind, end = match.lastgroup, match.end()
            if kind in {"open", "meta"}:
                raise self._refused(position, kind)
            if kind == "block":
                end = self._comment_end(position)
            elif kind != "space":
                yield kind, position, end
            position = end

    def _comment_end(self, start: int) -> int:
        nesting = 0
        for edge in COMMENT_EDGE.finditer(self.text, start):
            nesting += 1 if edge.group() == "/*" else -1
            if nesting == 0:
                return edge.end()
        raise self._refused(start, "block")

    def _take(self, kind: str, piece: str, start: int, end: int) -> None:
        if self.start < 0:
            self.start = start
        self.end = end
        if kind == "word":
            self._word(piece.lower())
        elif kind == "slot":
            self.slots.append((start - self.start, end - self.start, piece[1:]))
        elif piece in "()":
            self.depth += 1 if piece == "(" else -1

    def _word(self, word: str) -> None:
        body = self.words[:1] == ["create"] and "atomic" in self.words
        if body and word in {"begin", "case"}:
            self.depth += 1
        elif body and word == "end":
            self.depth -= 1
        elif word == "atomic" and self.words[-1:] == ["begin"]:
            self.depth += 1
        self.words.append(word)

    def _close(self) -> Iterator[tuple[Statement, bool]]:
        if self.start >= 0:
            line = self.text.count("\n", 0, self.start) + 1
            if self.words[:1] and self.words[0] in CONTROL:
                raise self._refused(self.start, "control")
            text = self.text[self.start : self.end]
            yield Statement(text, line, tuple(self.slots)), self.within
        self._forget()

    def _refused(self, position: int, kind: str) -> MigrationError:
        problem, remedy = {
            "open": ("a quote is never closed", "close it"),
            "block": ("a comment is never closed", "close it"),
            "meta": ("a backslash command of psql is not SQL", "write it in SQL"),
            "control": (
                "the runner begins and commits",
                "take transaction control out of the file",
            ),
        }[kind]
        line = self.text.count("\n", 0, position) + 1
        return MigrationError(problem, remedy, file=self.file, line=line)
