"""Alternating rounds: other load on the machine affects every contestant alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lab.bench.contestants import Contestant

# Of /proc/PID/stat after the program's name: time of the children that have ended.
CHILDREN = slice(13, 15)


@dataclass(frozen=True, slots=True)
class Times:
    """How long one contestant took in each round, in seconds.

    Args:
        rounds: By the clock.
        processor: Of the server's processes, where the system tells it (Linux).
    """

    rounds: tuple[float, ...]
    processor: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The median time."""
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a share of the median."""
        if len(self.rounds) < 2:  # noqa: PLR2004  # a single round has no spread
            return 0.0
        low, _, high = quantiles(self.rounds, n=4, method="inclusive")
        return (high - low) / 2 / self.median

    def ratio(self, other: Times) -> float:
        """The median of each round's ratio: a slow round slows both."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return median(mine / theirs for mine, theirs in pairs)


def alternate(
    contestants: Mapping[str, Contestant], rounds: int, report: Callable[[str], None], server: int
) -> dict[str, Times]:
    """Time each contestant in every round; a first round warms the caches and does not count.

    Args:
        contestants: By name.
        rounds: How many rounds count.
        report: Receives one line for each round.
        server: PostgreSQL's main process.
    """
    seconds_of: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    idle = _children(server)
    for number in range(rounds + 1):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            seconds = _timed(contestants[name], server, idle)
            if number:
                seconds_of[name].append(seconds)
        report(f"round {number} of {rounds}" + ("" if number else ": warming up"))
    return {
        name: Times(tuple(clock for clock, _ in found), tuple(used for _, used in found))
        for name, found in seconds_of.items()
    }


def _timed(contestant: Contestant, server: int, idle: frozenset[str]) -> tuple[float, float]:
    used = _processor_s(server)
    began = time.perf_counter()
    contestant()
    seconds = time.perf_counter() - began
    # The time of a process is known once it has ended.
    ended = Retrying(
        retry=retry_if_result(lambda there: not there <= idle),
        stop=stop_after_delay(5),
        wait=wait_fixed(0.01),
    )
    ended(_children, server)
    return seconds, _processor_s(server) - used


def _children(server: int) -> frozenset[str]:
    listed = Path(f"/proc/{server}/task/{server}/children")
    return frozenset(listed.read_text().split() if listed.is_file() else ())


def _processor_s(server: int) -> float:
    stat = Path(f"/proc/{server}/stat")
    if not stat.is_file():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return sum(map(int, fields[CHILDREN])) / os.sysconf("SC_CLK_TCK")
