"""How much memory a measurement takes, in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from lab.bench.contestants import measured
from lab.bench.world import World

KIB = 1024
T = TypeVar("T")


def peak_bytes(world: World) -> int:
    """The most memory that a fresh process holds while it measures `world`."""
    return peak_of(measured, world)


def peak_of(work: Callable[[T], object], given: T) -> int:
    """The most memory that a fresh process holds while it does something."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_peak, work, given).result()


def _peak(work: Callable[[T], object], given: T) -> int:
    work(given)
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: on Linux it begins with what the parent process held.
        (line,) = (text for text in status.read_text().splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) * KIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
