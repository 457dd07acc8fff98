"""How a command ends that was interrupted: with what that means for the one who did it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from gonogo.errors import GonogoError

INTERRUPTED = 130


class InterruptionError(GonogoError):
    """Ctrl-C, or being told to end."""

    exit_code: ClassVar[int] = INTERRUPTED


@contextmanager
def interruptible(meaning: str) -> Iterator[None]:
    """Say what it means that the body was interrupted.

    Args:
        meaning: What became of it, or what to do next.

    Raises:
        InterruptionError: It was.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptionError("interrupted", meaning) from None
