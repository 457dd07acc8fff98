"""Syntax trees of any depth: by itself, protobuf reads a chain of fifty ``||`` at most."""

from __future__ import annotations

from collections.abc import Iterator

import postgast
from google.protobuf.internal import (  # type: ignore[import-untyped]  # it ships no types
    api_implementation,
    decoder,
)
from google.protobuf.message import (  # type: ignore[import-untyped]  # it ships no types
    DecodeError,
    Message,
)
from postgast import pg_query_pb2 as pb

# No statement that the server's own stack holds nests deeper.
DEEPEST = 65535
if api_implementation.Type() == "upb":
    from google._upb._message import (  # type: ignore[import-untyped]  # it ships no types
        SetAllowOversizeProtos,
    )

    SetAllowOversizeProtos(True)  # noqa: FBT003  # it has no name
else:
    decoder.SetRecursionLimit(DEEPEST)


def parse(text: str) -> pb.ParseResult:
    """The syntax trees of a text's statements.

    Raises:
        postgast.PgQueryError: The parser cannot read it, or it nests too deep.
    """
    try:
        return postgast.parse(text)
    except (DecodeError, RecursionError):
        raise postgast.PgQueryError("it nests too deep") from None


def walk(message: Message) -> Iterator[Message]:
    """A message and all that it holds, each before what it holds itself.

    What the caller changes in a message is seen before its parts are walked.
    """
    waiting = [message]
    while waiting:
        one = waiting.pop()
        yield one
        for field, value in reversed(one.ListFields()):
            if field.message_type:
                waiting += [value] if isinstance(value, Message) else reversed(value)
