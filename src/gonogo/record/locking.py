"""File locks: who changes the archive, and which run is still alive. The system frees them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gonogo.errors import GonogoError
from gonogo.record.files import FILE_MODE

PATIENCE_S = 20.0
PAUSE_S = 0.05
ARCHIVE_LOCK = ".lock"
LIFE_SIGN = ".running"
# A link that somebody left under that name would lead elsewhere.
FLAGS = os.O_RDWR | os.O_NOFOLLOW


@contextmanager
def archive_lock(archive_dir: Path) -> Iterator[None]:
    """Be the only one who opens or closes a record here.

    Args:
        archive_dir: The archive, which exists.

    Raises:
        GonogoError: Somebody else held it for too long.
        OSError: The lock file could not be opened.
    """
    descriptor = os.open(archive_dir / ARCHIVE_LOCK, FLAGS | os.O_CREAT, FILE_MODE)
    try:
        if not _taken(descriptor):
            _wait(descriptor, archive_dir)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Be the only one who adds to a directory; leaves no file behind.

    Args:
        directory: Which.

    Raises:
        GonogoError: Somebody else held it for too long.
        OSError: It could not be opened.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        if not _taken(descriptor):
            _wait(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def sign_of_life(directory: Path) -> int:
    """Hold a lock in a running record's directory; the system drops it when we die.

    Args:
        directory: The running record's.

    Returns:
        The descriptor to close at the end of the run.

    Raises:
        OSError: The file could not be made.
    """
    descriptor = os.open(directory / LIFE_SIGN, FLAGS | os.O_CREAT, FILE_MODE)
    if not _taken(descriptor):
        os.close(descriptor)
        raise BlockingIOError(f"{directory} belongs to another run")
    return descriptor


def is_alive(directory: Path) -> bool:
    """Whether the run that writes into this directory still lives."""
    try:
        descriptor = os.open(directory / LIFE_SIGN, FLAGS)
    except OSError:
        return False
    try:
        return not _taken(descriptor)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(descriptor: int, directory: Path) -> None:
    import tenacity  # noqa: PLC0415  # only a contended archive pays for it

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda taken: not taken),
        stop=tenacity.stop_after_delay(PATIENCE_S),
        wait=tenacity.wait_fixed(PAUSE_S),
    )
    try:
        retrying(_taken, descriptor)
    except tenacity.RetryError:
        problem = f"another run has held {directory} for {PATIENCE_S:.0f} s"
        raise GonogoError(problem, "see what it waits for, then run again") from None
