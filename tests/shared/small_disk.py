"""A real disk so small that a test can fill it; only root can mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BLOCK = 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of one's own.

    Args:
        place: Where it is mounted.
    """

    place: Path

    @property
    def ballast(self) -> Path:
        """The file that fills it."""
        return self.place / "ballast"

    def fill(self, left_kb: int = 0) -> None:
        """Leave so much room and no more."""
        room = os.statvfs(self.place)
        free_kb = room.f_bavail * room.f_frsize // BLOCK
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, (free_kb - left_kb) * BLOCK)

    def clear(self) -> None:
        """Make room again."""
        self.ballast.unlink(missing_ok=True)

    @contextmanager
    def filled(self, left_kb: int = 0) -> Iterator[None]:
        """Full while the body runs."""
        self.fill(left_kb)
        try:
            yield
        finally:
            self.clear()


@contextmanager
def mounted(place: Path, size_kb: int) -> Iterator[SmallDisk]:
    """Mount one on an empty directory; whoever asks is left out where that cannot be done."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k,mode=755", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone, and not in every container")
    try:
        yield SmallDisk(place)
    finally:
        # Lazily: a server that was killed may take a moment to let go of it.
        subprocess.run(["umount", "--lazy", str(place)], check=True)
