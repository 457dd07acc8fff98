"""Waiting for a condition, never for a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_incrementing


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, for as long as even a busy machine may take."""
    waiting = Retrying(
        retry=retry_if_result(lambda found: not found),
        wait=wait_incrementing(0.01, 0.002, 0.1),
        stop=stop_after_delay(120),
    )
    waiting(condition)


def cpu_s(pid: int) -> float | None:
    """What a process has used of the processors, in seconds; None where /proc does not say."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
