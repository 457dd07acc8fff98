"""The statements of a schema's dump, each in one wording.

Two things are worded anew when a dump is restored. In a condition like ``in ('a', 'b')`` the cast
of the array moves to its elements. A NOT NULL without a name of its own is named after its table,
and otherwise where a table that was split off took that name along. All else counts as written.
"""

from __future__ import annotations

import re

import postgast
from postgast import pg_query_pb2 as pb

from gonogo.postgres.parser.trees import parse, walk

# A dump says above each statement what it is about.
BETWEEN = re.compile(r"(?:\s|--[^\n]*\n)*")
TABLE = re.compile(r"CREATE (?:UNLOGGED |FOREIGN )?TABLE ")
NAMED_NOT_NULL = re.compile(r'CONSTRAINT (?:\w+|"(?:[^"]|"")+") NOT NULL')
ARRAY = "ARRAY["
PLACES = frozenset({"location", "list_start", "list_end", "stmt_location", "stmt_len"})


def statements(dump: str) -> list[str]:
    """Cut a dump into its statements, and word them alike.

    Args:
        dump: As ``pg_dump`` writes it, without commands of psql. What the parser cannot read of it
            counts as it is written.
    """
    return [_worded(found) for one in _split(dump) if (found := BETWEEN.sub("", one, count=1))]


def _split(dump: str) -> list[str]:
    try:
        return postgast.split(dump)
    except postgast.PgQueryError:
        pass
    try:
        return postgast.split(dump, method="scanner")
    except postgast.PgQueryError:
        return dump.splitlines()


def _worded(statement: str) -> str:
    if TABLE.match(statement):
        statement = NAMED_NOT_NULL.sub("NOT NULL", statement)
    if ARRAY not in statement:
        return statement
    try:
        parsed = parse(statement)
    except postgast.PgQueryError:
        return statement
    _settle(parsed)
    return str(parsed)


def _settle(parsed: pb.ParseResult) -> None:
    """Take out what tells places in the text, and cast elements in place of their array."""
    for message in walk(parsed):
        if isinstance(message, pb.Node):
            _cast_elements(message)
        for field, _ in message.ListFields():
            if field.name in PLACES:
                message.ClearField(field.name)


def _cast_elements(node: pb.Node) -> None:
    whole, array = node.type_cast.type_name, node.type_cast.arg.a_array_expr
    if not whole.array_bounds or not array.elements:
        return
    cast = pb.A_ArrayExpr()
    for element in array.elements:
        one = cast.elements.add().type_cast
        one.arg.CopyFrom(element)
        one.type_name.CopyFrom(whole)
        if not element.HasField("a_array_expr"):
            one.type_name.ClearField("array_bounds")
    node.a_array_expr.CopyFrom(cast)
