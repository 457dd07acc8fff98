"""Syntax trees of any depth: by itself, protobuf reads a chain of fifty ``||`` at most."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

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
# Room for so many levels and a few million more, which are refused; what is not used costs nothing.
STACK_BYTES = 512 * 1024 * 1024
Given = TypeVar("Given")
Made = TypeVar("Made")
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
        return _with_room(postgast.parse, text)
    except (DecodeError, RecursionError):
        raise postgast.PgQueryError("it nests too deep") from None


def written(message: Message) -> str:
    """A statement as the parser writes it.

    Raises:
        postgast.PgQueryError: The parser cannot write it.
    """
    return _with_room(postgast.deparse, message)


def _with_room(work: Callable[[Given], Made], given: Given) -> Made:
    """What `work` makes, on a stack so large that no deep tree ends the whole process."""
    return _reader().submit(work, given).result()


@cache
def _reader() -> ThreadPoolExecutor:
    """The one thread that reads: each thread that parses takes a key of its own and keeps it.

    A process has 1,024 keys (PTHREAD_KEYS_MAX); without one left OpenSSL makes no random number,
    and no connection with a password succeeds any more.
    """
    before = threading.stack_size(STACK_BYTES)
    try:
        thread = ThreadPoolExecutor(1, "gonogo parser")
        thread.submit(int).result()  # it starts with its first work
    finally:
        threading.stack_size(before)
    return thread


# A fork has none of its parent's threads, and would wait for this one for ever.
os.register_at_fork(after_in_child=_reader.cache_clear)


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
