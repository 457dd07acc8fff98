"""A SQL file cut into its statements, and what none of them may be."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import postgast
from postgast import nodes
from postgast import pg_query_pb2 as pb

from gonogo.errors import MigrationError
from gonogo.postgres.parser.meaning import stands_outside
from gonogo.postgres.parser.trees import parse
from gonogo.postgres.sqlfile import NEEDS_ROWS, STOP_FIRST, SqlFile, Statement

MARKER = re.compile(r"--\s*gonogo:\s*(?P<word>\S*)\s*(?P<rest>.*?)\s*")
# What a marker says may go on in comments on the next lines, indented by two spaces or more.
CONTINUED = re.compile(r"--(?: {2,}|\t)\s*(?P<rest>.*?)\s*")
NO_TRANSACTION = "no-transaction"
REQUIRE = "require"
MARKS = frozenset({STOP_FIRST, NEEDS_ROWS})
PLACEHOLDERS = frozenset({"aside"})
COLON, BLANK = ord(":"), ord(" ")
TEXT_WIDTH = 80
LINE_END = re.compile("\n")
COMMENTS = frozenset({pb.SQL_COMMENT, pb.C_COMMENT})
UNREADABLE = "PostgreSQL's parser (of version 18) cannot read it"


def read(text: str, file: str) -> SqlFile:
    """Cut a file into statements; see `gonogo.postgres.sqlfile.parse`."""
    return _Reader(text, file).read()


@dataclass(slots=True)
class _Reader:
    text: str
    file: str
    requires: list[Statement] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    ends: list[int] = field(default_factory=list)

    def read(self) -> SqlFile:
        if "\0" in self.text:
            # The parser would stop there, as the server does.
            raise self._refused("holds a NUL byte", "take it out", self.text.index("\0"))
        try:
            tokens = _tokens(self.text)
        except postgast.PgQueryError as error:
            raise self._unreadable(error, 0, len(self.text)) from None
        border = self._markers([one for one in tokens if one.kind == pb.SQL_COMMENT])
        code = [one for one in tokens if one.kind not in COMMENTS]
        inside = [one for one in code if one.end <= border]
        outside = [one for one in code if one.start >= border]
        return SqlFile(
            tuple(self._statements(inside, inside=True)),
            tuple(self._statements(outside, inside=False)),
            tuple(self.requires),
            frozenset(self.marks),
        )

    def _markers(self, comments: Iterable[_Token]) -> int:
        """Read the markers; where the part outside the transaction begins."""
        border = len(self.text)
        lines = iter(comments)
        one = next(lines, None)
        while one:
            following = next(lines, None)
            found = MARKER.fullmatch(self.text, one.start, one.end)
            if found:
                rest, end = found["rest"], one.end
                while following and (more := self._continued(end, following)) is not None:
                    rest, end, following = f"{rest}\n{more}", following.end, next(lines, None)
                if found["word"] == NO_TRANSACTION and not rest:
                    border = min(border, one.start)
                else:
                    self._mark(found["word"], rest, one.start)
            one = following
        return border

    def _continued(self, end: int, comment: _Token) -> str | None:
        found = CONTINUED.fullmatch(self.text, comment.start, comment.end)
        between = self.text[end : comment.start]
        return found["rest"] if found and between.strip(" \t") == "\n" else None

    def _mark(self, word: str, rest: str, start: int) -> None:
        if word == REQUIRE:
            with suppress(postgast.PgQueryError, ValueError):
                (one,) = parse(rest).stmts
                node = postgast.wrap(postgast.unwrap_node(one.stmt))
                if isinstance(node, nodes.SelectStmt) and not node.into_clause:
                    # Without its semicolon, and what a comment says behind it.
                    end = one.stmt_location + one.stmt_len if one.stmt_len else None
                    query = rest.encode()[:end].decode()
                    self.requires.append(Statement(query, self._line(start)))
                    return
            what = f"-- gonogo: {REQUIRE} needs one query that must return no row"
            raise self._refused(what, "write it as one SELECT that the parser can read", start)
        if word not in MARKS or rest:
            known = ", ".join((NO_TRANSACTION, f"{REQUIRE} <query>", *sorted(MARKS)))
            what = _shown(f"-- gonogo: {word} {rest}")
            raise self._refused(f"{what} is no marker", f"those are: {known}", start)
        self.marks.add(word)

    def _statements(self, code: Sequence[_Token], *, inside: bool) -> Iterator[Statement]:
        """The statements of one part of the file."""
        if not code:
            return
        slots = [
            (colon, name)
            for colon, name in pairwise(code)
            if colon.kind == COLON
            and colon.end == name.start
            and self.text[name.start : name.end] in PLACEHOLDERS
        ]
        # An identifier of the same length as the placeholder, so that every place stays.
        base = code[0].byte
        piece = bytearray(self.text[code[0].start : code[-1].end].encode())
        for colon, _ in slots:
            piece[colon.byte - base] = BLANK
        try:
            parsed = parse(piece.decode()).stmts
        except postgast.PgQueryError as error:
            raise self._unreadable(error, code[0].start, code[-1].end) from None
        places = [one.byte for one in code]
        for one in parsed:
            begin = base + one.stmt_location
            end = begin + (one.stmt_len or len(piece) - one.stmt_location)
            first = code[bisect_left(places, begin)]
            last = code[bisect_left(places, end) - 1]
            start = first.start
            own = tuple(
                (colon.start - start, name.end - start, self.text[name.start : name.end])
                for colon, name in slots
                if start <= colon.start < last.end
            )
            self._must_run(postgast.wrap(postgast.unwrap_node(one.stmt)), start, inside=inside)
            yield Statement(self.text[start : last.end], self._line(start), own)

    def _must_run(self, node: postgast.AstNode, start: int, *, inside: bool) -> None:
        if isinstance(node, nodes.TransactionStmt):
            remedy = "take transaction control out of the file"
            raise self._refused("the runner begins and commits", remedy, start)
        if copied := self._copied(node, start):
            raise copied
        if inside and (name := stands_outside(node)):
            remedy = f"write it behind a line `-- gonogo: {NO_TRANSACTION}`"
            raise self._refused(f"{name} cannot run inside a transaction", remedy, start)

    def _unreadable(self, error: postgast.PgQueryError, start: int, end: int) -> MigrationError:
        """Why the parser does not read a part of the text."""
        place = start + error.cursorpos - 1 if error.cursorpos else start
        if copied := self._before_rows(start, place):
            return copied
        at = self.text[place : place + 1] if place < end else ""
        if at == "\\":
            return self._refused("a backslash command of psql is not SQL", "write it in SQL", place)
        if at == ":":
            what = "a variable of psql is not SQL, and :aside stands in revert files only"
            return self._refused(what, "write the value", place)
        return self._refused(
            f"{UNREADABLE}: {_shown(error.message)}", "correct the statement", place
        )

    def _before_rows(self, start: int, end: int) -> MigrationError | None:
        """The COPY that the parser read before it stumbled over the rows behind it."""
        with suppress(postgast.PgQueryError):
            for one in postgast.split(self.text[start:end], method="scanner"):
                start = self.text.index(one, start)
                with suppress(postgast.PgQueryError):
                    for statement in parse(one).stmts:
                        before = one.encode()[: statement.stmt_location].decode()
                        node = postgast.wrap(postgast.unwrap_node(statement.stmt))
                        if copied := self._copied(node, start + len(before)):
                            return copied
        return None

    def _copied(self, node: postgast.AstNode, start: int) -> MigrationError | None:
        if not isinstance(node, nodes.CopyStmt) or node.filename:
            return None
        how, remedy = (
            ("FROM STDIN", "write INSERTs") if node.is_from else ("TO STDOUT", "take it out")
        )
        what = f"COPY {how} needs a client that sends or takes rows, and a file is only SQL"
        return self._refused(what, remedy, start)

    def _refused(self, problem: str, remedy: str, position: int) -> MigrationError:
        return MigrationError(problem, remedy, file=self.file, line=self._line(position))

    def _line(self, position: int) -> int:
        if not self.ends:
            self.ends = [found.start() for found in LINE_END.finditer(self.text)]
        return bisect_left(self.ends, position) + 1


@dataclass(frozen=True, slots=True)
class _Token:
    kind: int
    byte: int
    start: int
    end: int


def _shown(text: str) -> str:
    """What a file holds, as a part of one line that a terminal shows as it stands."""
    line = "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))
    return line if len(line) <= TEXT_WIDTH else f"{line[: TEXT_WIDTH - 1]}…"


def _tokens(text: str) -> list[_Token]:
    """The tokens of a text, placed by its characters."""
    found = postgast.scan(text).tokens
    if text.isascii():
        return [_Token(one.token, one.start, one.start, one.end) for one in found]
    content, tokens, byte, place = text.encode(), list[_Token](), 0, 0
    for one in found:
        start = place + len(content[byte : one.start].decode())
        byte, place = one.end, start + len(content[one.start : one.end].decode())
        tokens.append(_Token(one.token, one.start, start, place))
    return tokens
