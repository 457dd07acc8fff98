"""Files that a run writes: by name, whole or not at all, under locks; and its log, line by line."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Self

from gonogo.errors import GonogoError, UsageError
from gonogo.masking import Mask
from gonogo.screen import harmless_json

FILE_MODE = 0o640
DIRECTORY_MODE = 0o750
PRIVATE_MODE = 0o600
PATIENCE_S = 20.0
PAUSE_S = 0.05
ARCHIVE_LOCK = ".lock"
LIFE_SIGN = ".running"
# A link that somebody left under that name would lead elsewhere.
FLAGS = os.O_RDWR | os.O_NOFOLLOW
STAMP = "%Y%m%dT%H%M%S%fZ"
STEM_FORMAT = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"(?P<moment>\d{8}T\d{6}Z)(?:-(?P<twin>\d+))?_(?P<label>[A-Z][A-Z0-9-]*)")
REMEDY = "free the disk or mend the rights, then run it again; older records are untouched"


@contextmanager
def refusal_explained(what: str) -> Iterator[None]:
    """Turn the system's refusal into one line.

    Args:
        what: What is being done, as in "the record cannot be written".

    Raises:
        GonogoError: The system refused.
    """
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise GonogoError(f"{what}: {error.strerror or error}{where}", REMEDY) from error


def named(place: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    """The directories below `place` that are named like a record.

    Raises:
        OSError: `place` could not be read.
    """
    if not place.is_dir():
        return
    for directory in place.iterdir():
        match = NAME.fullmatch(directory.name)
        if match and directory.is_dir():
            yield directory, match


def moment_of(stem: str) -> datetime:
    """The moment that a directory's name begins with; the earliest there is when it is none."""
    try:
        return datetime.strptime(stem, STEM_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def write_whole(path: Path, content: bytes, mode: int = FILE_MODE) -> None:
    """Write a file so that its name only ever stands for all of its content.

    Args:
        path: Where it goes; an older file of that name is replaced at the last moment.
        content: All of it.
        mode: Who may read it.

    Raises:
        OSError: It could not be written; nothing is left of the attempt.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(partial, "xb", opener=_private) as file:
            # The mode that open() asks for is cut by the umask.
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def open_private(path: Path) -> int:
    """Make a file anew that its owner alone may read; a link of that name is never followed.

    Args:
        path: Where; what had that name before is gone.

    Returns:
        The descriptor, for writing.

    Raises:
        OSError: It could not be made.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    os.fchmod(descriptor, PRIVATE_MODE)
    return descriptor


def make_directory(path: Path, *, exist_ok: bool = True) -> None:
    """Make a directory and its parents; those that are there already keep their modes.

    Args:
        path: What to make.
        exist_ok: Whether it may be there already.

    Raises:
        OSError: It could not be made, or is there and must not be.
    """
    if not path.parent.exists():
        make_directory(path.parent)
    try:
        path.mkdir(DIRECTORY_MODE)
    except FileExistsError:
        if not exist_ok or not path.is_dir():
            raise
    else:
        path.chmod(DIRECTORY_MODE)


def settle(directory: Path) -> None:
    """Bring a directory's entries to the disk itself.

    Raises:
        OSError: The disk refused.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


@contextmanager
def archive_lock(archive_dir: Path) -> Iterator[None]:
    """Be the only one who opens or closes a record here.

    Args:
        archive_dir: The archive, which exists.

    Raises:
        GonogoError: Somebody else held it for too long.
        OSError: The lock file could not be opened.
    """
    with _locked(os.open(archive_dir / ARCHIVE_LOCK, FLAGS | os.O_CREAT, FILE_MODE), archive_dir):
        yield


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Be the only one who adds to a directory; leaves no file behind.

    Args:
        directory: Which.

    Raises:
        GonogoError: Somebody else held it for too long.
        OSError: It could not be opened.
    """
    with _locked(os.open(directory, os.O_RDONLY), directory):
        yield


@contextmanager
def _locked(descriptor: int, directory: Path) -> Iterator[None]:
    try:
        if not _try_lock(descriptor):
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
    if not _try_lock(descriptor):
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
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(descriptor: int, directory: Path) -> None:
    import tenacity  # noqa: PLC0415  # only a contended archive pays for it

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda locked: not locked),
        stop=tenacity.stop_after_delay(PATIENCE_S),
        wait=tenacity.wait_fixed(PAUSE_S),
    )
    try:
        retrying(_try_lock, descriptor)
    except tenacity.RetryError:
        problem = f"another run has held {directory} for {PATIENCE_S:.0f} s"
        raise GonogoError(problem, "see what it waits for, then run again") from None


class Log:
    """One file. Each line is flushed, so that the log of a killed command is whole.

    Args:
        path: The file.
        stream: The file, open for writing.
        mask: Hides the secrets of every text.
        lost: Why a line could not be written, as on a full disk; empty while all could be.
    """

    def __init__(self, path: Path, stream: TextIOWrapper, mask: Mask) -> None:
        self.path = path
        self.lost = ""
        self._stream = stream
        self.mask = mask

    @classmethod
    def open(cls, directory: Path, command: str, mask: Mask) -> Self:
        """Begin a log, named by the moment and the command.

        Raises:
            UsageError: The directory cannot be written.
        """
        path = directory / f"{datetime.now(UTC).strftime(STAMP)}_{command}.jsonl"
        try:
            make_directory(directory)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        except OSError as error:
            raise UsageError(f"no log can be written: {error}", "make logs/ writable") from None
        return cls(path, os.fdopen(descriptor, "w", encoding="utf-8"), mask)

    def write(self, event: str, **fields: object) -> None:
        """Add a line: the time, the event, and fields that JSON can hold (others as text)."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": moment, "event": event, **self.mask.scrub(fields)}
        text = json.dumps(line, ensure_ascii=False, default=str)
        try:
            self._stream.write(f"{harmless_json(text)}\n")
            self._stream.flush()
        except OSError as error:
            # A rollout must not stop in its middle for want of a line in its log.
            self.lost = self.lost or str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._stream.close()
