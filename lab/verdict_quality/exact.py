"""Exact odds, without chance: the smallest counts that pass, asked of the judge, and their tail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from scipy.stats import binom

from gonogo.criteria import Criteria, Metric
from gonogo.judge.finding import judge
from gonogo.model.kinds import Environment, Role
from gonogo.model.measurement import Count, Measurement
from lab.verdict_quality.looking import PASSES, load
from lab.verdict_quality.traffic import INTEGRATIONS

# Every number of events up to here, and from there on every hundredth more.
EVERY_UP_TO = 1_000
LARGEST = 100_000
AMPLE = Count(9_900, 10_000)
WHOLE, PART = "whole", "one integration"
CLAIMED: Mapping[str, tuple[Role, Mapping[str, Count]]] = {
    WHOLE: (Role.CRITERION, {}),
    PART: (Role.ALERT, {INTEGRATIONS[1]: AMPLE}),
}


@dataclass(frozen=True, slots=True)
class Worst:
    """The largest probability of passing at the critical level, and at which n."""

    chance: float
    n: int


def volumes(least: int = 1, largest: int = LARGEST) -> Iterable[int]:
    """Numbers of events from `least` on: each of the small ones, then ever fewer."""
    n = least
    while n <= largest:
        yield n
        n += max(1, (n - EVERY_UP_TO) // 100) if n > EVERY_UP_TO else 1


def worst(metric: str, part: str, least: int = 1, largest: int = LARGEST) -> Worst:
    """How likely a metric at its critical level passes, at the worst number of events.

    Args:
        metric: Its id.
        part: A key of `CLAIMED`: what is at the critical level.
        least: So many events there are at least.
        largest: So many at most.
    """
    criteria = load(metric)
    asked = criteria.metrics[metric]
    level = float(asked.critical.first.bound) if asked.critical else 0.0
    odds, k = [], 0
    for n in volumes(least, largest):
        k = least_k(criteria, asked, n, part, k)
        odds.append((float(binom.sf(k - 1, n, level)), n))
    return Worst(*max(odds))


def least_k(criteria: Criteria, metric: Metric, n: int, part: str, at_least: int = 0) -> int:
    """The smallest number of successes of `n` with which the check passes; n + 1 if none does.

    Args:
        criteria: With the rules.
        metric: Which is asked.
        n: Events.
        part: A key of `CLAIMED`.
        at_least: What passes with fewer events; of more events it takes no fewer successes.
    """
    role, others = CLAIMED[part]

    def passes(k: int) -> bool:
        count = Count(k, n)
        whole = sum(others.values(), count)
        parts = {INTEGRATIONS[0]: count, **others}
        of = Measurement(metric.id, count=whole, by_part=parts)
        return judge(role, metric, of, criteria.rules, Environment.STAGING).outcome in PASSES

    return smallest(passes, at_least, n)


def smallest(passes: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number in a range with which it passes; one more than `high` if none does.

    It is sought upwards in growing steps, for it is expected near `low`.
    """
    step = 1
    while low <= high and not passes(min(high, low + step - 1)):
        low, step = min(low + step, high + 1), step * 2
    end = min(low + step - 1, high)
    while low < end:
        middle = (low + end) // 2
        low, end = (low, middle) if passes(middle) else (middle + 1, end)
    return low
