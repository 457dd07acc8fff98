"""How a rate runs over time: constant, sudden, slow, in one integration, in bursts, daily."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# (hours since the deployment, integration, chance) → probability of success of each event.
Rates = Callable[[Floats, Integers, np.random.Generator], Floats]

HEALTHY = 0.97
BLOCK_H = 2.0
IN_BURST = 0.2
DAILY = 0.1
MILD = 0.03


def constant(rate: float) -> Rates:
    """All the time the same."""
    return lambda at, _part, _rng: np.full(len(at), rate)


def sudden(rate: float, onset_h: float, healthy: float = HEALTHY) -> Rates:
    """Healthy until an hour, from then on at `rate`."""
    return lambda at, _part, _rng: np.where(at < onset_h, healthy, rate)


def slow(rate: float, onset_h: float, end_h: float, healthy: float = HEALTHY) -> Rates:
    """From healthy down to `rate` in a straight line."""

    def at_moments(at: Floats, _part: Integers, _rng: np.random.Generator) -> Floats:
        return np.interp(at, [onset_h, end_h], [healthy, rate])

    return at_moments


def in_one(rate: float, part: int, onset_h: float = 0.0, healthy: float = HEALTHY) -> Rates:
    """One integration falls to `rate` at an hour; the other stays healthy."""

    def at_moments(at: Floats, parts: Integers, _rng: np.random.Generator) -> Floats:
        return np.where((parts == part) & (at >= onset_h), rate, healthy)

    return at_moments


def bursts(rate: float, healthy: float = 0.99) -> Rates:
    """Healthy between bursts of failures, one in every two hours; on average at `rate`."""
    share = max(0.0, (healthy - rate) / (healthy - IN_BURST))

    def at_moments(at: Floats, _part: Integers, rng: np.random.Generator) -> Floats:
        block, place = np.divmod(at, BLOCK_H)
        starts = rng.random(int(block.max(initial=0)) + 1) * (1 - share)
        since = place / BLOCK_H - starts[block.astype(np.int64)]
        return np.where((since >= 0) & (since < share), IN_BURST, healthy)

    return at_moments


def daily(rate: float, most: float = DAILY) -> Rates:
    """Ten points worse by day, ten better by night, as far as there is room; on average `rate`."""
    swing = min(most, 1 - rate, rate)

    def at_moments(at: Floats, _part: Integers, _rng: np.random.Generator) -> Floats:
        return rate - swing * np.sin(2 * np.pi * at / 24)

    return at_moments
