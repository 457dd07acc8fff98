"""Alternating rounds: other load on the machine affects every contestant alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from lab.bench.contestants import Contestant


@dataclass(frozen=True, slots=True)
class Times:
    """How long one contestant took in each round, in seconds."""

    rounds: tuple[float, ...]

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
    contestants: Mapping[str, Contestant], rounds: int, report: Callable[[str], None]
) -> dict[str, Times]:
    """Time each contestant in every round; a first round warms the caches and does not count.

    Args:
        contestants: By name.
        rounds: How many rounds count.
        report: Receives one line for each round.
    """
    seconds_of: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            seconds = _timed(contestants[name])
            if number:
                seconds_of[name].append(seconds)
        report(f"round {number} of {rounds}" + ("" if number else ": warming up"))
    return {name: Times(tuple(seconds)) for name, seconds in seconds_of.items()}


def _timed(contestant: Contestant) -> float:
    began = time.perf_counter()
    contestant()
    return time.perf_counter() - began
