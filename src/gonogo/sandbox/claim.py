"""One run at a time in a sandbox directory: a lock that ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gonogo.errors import SandboxError

LOCK_FILE = "lock"


class Claim:
    """The right to start and stop servers in a directory, held until `release` or the end.

    Args:
        directory: The sandbox directory; it must exist.

    Raises:
        SandboxError: A live run holds it, or the directory belongs to another user.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError:
            raise SandboxError(
                f"{directory} belongs to another user", "remove it, or run this as that user"
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace") or "unknown"
            os.close(self._descriptor)
            raise SandboxError(
                f"another run (process {holder}) is at work in {directory}",
                "wait until it ends, or stop it",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        self._held = True

    def release(self) -> None:
        """Give the claim back; a second time nothing happens."""
        if self._held:
            self._held = False
            os.close(self._descriptor)
