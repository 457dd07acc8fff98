"""Alternating rounds: whatever else the machine does meets every contestant alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from lab.bench.contestants import Contestant


@dataclass(frozen=True, slots=True)
class Times:
    """How long one contestant took, seconds, a round each."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a share of the median."""
        if len(self.rounds) < 2:  # noqa: PLR2004  # a single round has no spread
            return 0.0
        low, _, high = quantiles(self.rounds, n=4, method="inclusive")
        return (high - low) / 2 / self.median

    def ratio(self, other: Times) -> float:
        """The median of each round's ratio: what slows a round down slows both."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return median(mine / theirs for mine, theirs in pairs)


def alternate(
    contestants: Mapping[str, Contestant], rounds: int, tell: Callable[[str], None]
) -> dict[str, Times]:
    """Time each contestant in every round; a first round warms the caches and does not count.

    Args:
        contestants: By name.
        rounds: How many count.
        tell: Is given one line a round.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            seconds = _timed(contestants[name])
            if number:
                taken[name].append(seconds)
        tell(f"round {number} of {rounds}" + ("" if number else ": warming up"))
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def _timed(contestant: Contestant) -> float:
    began = time.perf_counter()
    contestant()
    return time.perf_counter() - began
