"""Interruption: Ctrl-C, SIGTERM and a terminal that closes are all handled as one thing.

Python raises KeyboardInterrupt between any two instructions: also between the start of a child
process and the line that notes its pid, also during cleanup. A block that must not be interrupted
there is `held`; what may take long within it is `admitted` again. Python handles a signal only when
its main thread runs: there, whoever waits for a thread or a child waits in short steps.
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
    """The signals of the process and whether they are held; its main thread alone gets them.

    Args:
        received: The signals that came.
        is_held: Whether a signal that comes now must wait.
        is_held_again: The same, once a signal has been delivered.
        waiting: Whether a signal waits.
    """

    received: set[int] = field(default_factory=set)
    is_held: bool = False
    is_held_again: bool = False
    waiting: bool = False


_STATE = _State()


@contextmanager
def heard() -> Iterator[None]:
    """Raise each of the signals as a KeyboardInterrupt; an ignored one stays ignored (nohup).

    Outside the main thread nothing is changed: Python handles signals in that thread alone.
    """
    if not _in_main_thread():
        yield
        return
    _STATE.received.clear()
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
    """Hold a signal that comes within the block until its end.

    Raises:
        KeyboardInterrupt: At the end, when a signal has come.
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
        _deliver()


@contextmanager
def admitted() -> Iterator[None]:
    """Within `held`: a block that may be interrupted at any point, once; after it is held again.

    Raises:
        KeyboardInterrupt: At once, when a signal has come before.
    """
    if not _in_main_thread():
        yield
        return
    before = _STATE.is_held, _STATE.is_held_again
    try:
        _STATE.is_held_again = _STATE.is_held
        _STATE.is_held = False
        _deliver()
        yield
    finally:
        _STATE.is_held, _STATE.is_held_again = before


@contextmanager
def interruptible(meaning: str) -> Iterator[None]:
    """Turn an interruption of the block into one line that says what it means.

    A note that the work left at the interruption names what is down, and becomes the last line.

    Args:
        meaning: What became of the work, or what to do next.

    Raises:
        InterruptionError: The block was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        down = "; ".join(getattr(interruption, "__notes__", ()))
        raise InterruptionError("interrupted", meaning, down=down) from None


def was_received() -> bool:
    """Whether this process got a signal to end, even if its work ignored it."""
    return bool(_STATE.received)


def _deliver() -> None:
    # A traceback shows what was interrupted, not how.
    __tracebackhide__ = True
    if _STATE.waiting and not _STATE.is_held:
        _STATE.waiting = False
        # A second signal must not interrupt the cleanup after the first.
        _STATE.is_held = _STATE.is_held_again
        raise KeyboardInterrupt


def _hear(number: int, frame: FrameType | None) -> None:
    __tracebackhide__ = True
    del frame
    if number in _STATE.received and number != signal.SIGINT:
        # A closing terminal sends it twice, by its shell and by the kernel; a supervisor may too.
        return
    _STATE.received.add(number)
    if number == signal.SIGHUP:
        _hush()
    _STATE.waiting = True
    _deliver()


def _hush() -> None:
    """The terminal has gone: discard further output, so that the cleanup does not fail."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
