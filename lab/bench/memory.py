"""How much memory a measurement takes, in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lab.bench.contestants import measured
from lab.bench.world import World

KIB = 1024


def peak_bytes(world: World) -> int:
    """The most memory that a fresh process holds while it measures `world`."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measure, world).result()


def _measure(world: World) -> int:
    measured(world)
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: on Linux it begins with what the parent process held.
        (line,) = (text for text in status.read_text().splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) * KIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
