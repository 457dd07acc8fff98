"""Interruption: Ctrl-C, SIGTERM and a terminal that closes are all handled as one thing.

Python raises KeyboardInterrupt between any two steps: also between the birth of a child and the
line that notes its number, also in the middle of tidying up. What must not be torn apart there is
`held`; what may take long within it is `admitted` again.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

from gonogo.errors import InterruptionError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class _State:
    """What the process was told, and whether it may know; signals come to its main thread alone.

    Args:
        told: The signals that came.
        is_held: Whether one that comes now must wait.
        is_held_again: The same, as soon as one has been let in.
        waiting: Whether one waits.
    """

    told: set[int] = field(default_factory=set)
    is_held: bool = False
    is_held_again: bool = False
    waiting: bool = False


_STATE = _State()


@contextmanager
def heard() -> Iterator[None]:
    """Within, each of the signals is a KeyboardInterrupt; one that is ignored stays so (nohup).

    In another thread than the main one nothing is changed: Python allows it there alone.
    """
    if not _in_main_thread():
        yield
        return
    _STATE.told.clear()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, _hear)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


@contextmanager
def held() -> Iterator[None]:
    """Hold a signal that comes within until the end of the block.

    Raises:
        KeyboardInterrupt: At the end: one has come.
    """
    if not _in_main_thread():
        yield
        return
    before = _STATE.is_held
    _STATE.is_held = True
    try:
        yield
    finally:
        _STATE.is_held = before
        _let_in()


@contextmanager
def admitted() -> Iterator[None]:
    """Within `held`: a block that may be interrupted at any point, once; behind it is held again.

    Raises:
        KeyboardInterrupt: At once, when one has come before.
    """
    if not _in_main_thread():
        yield
        return
    before = _STATE.is_held, _STATE.is_held_again
    try:
        _STATE.is_held_again = _STATE.is_held
        _STATE.is_held = False
        _let_in()
        yield
    finally:
        _STATE.is_held, _STATE.is_held_again = before


@contextmanager
def interruptible(meaning: str) -> Iterator[None]:
    """Turn an interruption of the block into one line that says what it means.

    Args:
        meaning: What became of the work, or what to do next.

    Raises:
        InterruptionError: The block was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptionError("interrupted", meaning) from None


def was_told() -> bool:
    """Whether this process was told to end, even if what it was doing took no notice."""
    return bool(_STATE.told)


def _let_in() -> None:
    # A traceback is to show what was interrupted, not how.
    __tracebackhide__ = True
    if _STATE.waiting and not _STATE.is_held:
        _STATE.waiting = False
        # A second one must not tear apart what the first has set going.
        _STATE.is_held = _STATE.is_held_again
        raise KeyboardInterrupt


def _hear(number: int, frame: FrameType | None) -> None:
    __tracebackhide__ = True
    del frame
    if number in _STATE.told and number != signal.SIGINT:
        # A terminal that closes says so twice, by its shell and by the kernel; a supervisor too.
        return
    _STATE.told.add(number)
    if number == signal.SIGHUP:
        _hush()
    _STATE.waiting = True
    _let_in()


def _hush() -> None:
    """The terminal has gone: end in order all the same, though there is nobody to tell."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
