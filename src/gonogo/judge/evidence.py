"""What the figures prove: intervals and tails, by part and of late. Pure.

Floats only where noted.

Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
JASA 22 (1927), for the score interval; C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), for
reading evidence off the exact binomial tail.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

from gonogo.criteria import Metric, Rules
from gonogo.model.finding import Figures, LevelLimit
from gonogo.model.kinds import Level, Outcome, Reason
from gonogo.model.limit import Interval, Limit
from gonogo.model.measurement import Count, Measurement

Z95 = NormalDist().inv_cdf(0.975)
Z99 = NormalDist().inv_cdf(0.995)
NEGLIGIBLE = 1e-17


def wilson(count: Count, z: float = Z95) -> Interval:
    """Wilson score interval of a share.

    Args:
        count: k of n; n of 0 gives the whole of 0..1, since nothing is known.
        z: Standard normal quantile; two-sided 95 % by default.
    """
    if not count.n:
        return Interval(0.0, 1.0)
    n, share, square = count.n, count.k / count.n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    spread = z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    # At k = 0 and k = n the ends are exact; rounding must not push them inside.
    low = 0.0 if count.k == 0 else max(0.0, centre - spread)
    high = 1.0 if count.k == n else min(1.0, centre + spread)
    return Interval(low, high)


def upper_tail(count: Count, share: float) -> float:
    """P(X >= k) for X ~ Binomial(n, `share`): how likely so many would be at that share.

    Args:
        count: The k and n that were seen.
        share: The supposed share, 0..1.

    Returns:
        The exact tail where k lies above the mean, else 1.0: the bulk is no evidence.
    """
    k, n = count.k, count.n
    if k <= n * share:
        return 1.0
    if share <= 0:
        return 0.0
    log_term = (
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(share)
        + (n - k) * math.log1p(-share)
    )
    term, total, odds = math.exp(log_term), 0.0, share / (1 - share)
    # Beyond the mean the terms fall at least geometrically, so the sum ends early.
    for i in range(k, n + 1):
        total += term
        term *= (n - i) / (i + 1) * odds
        if term <= total * NEGLIGIBLE:
            break
    return min(total, 1.0)


def lower_tail(count: Count, share: float) -> float:
    """P(X <= k) for X ~ Binomial(n, `share`), where k lies below the mean, else 1.0."""
    return upper_tail(Count(count.n - count.k, count.n), 1 - share)


# Outcome, reason, and what the reason rests on.
Judgement = tuple[Outcome, Reason, Figures]
LARGEST_N = 1_000_000
SEVERAL = 2


def excludes(count: Count, level: Limit, tail: float) -> bool:
    """Whether the counts exclude that the true share is at or past the level.

    Args:
        count: K of n; n of 0 excludes nothing.
        level: A one-sided level, such as ``< 80 %``.
        tail: The probability up to which something counts as excluded.
    """
    share = float(level.first.bound)
    chance = upper_tail(count, share) if level.points_down else lower_tail(count, share)
    return chance <= tail


def settling_n(count: Count, rules: Rules, objective: Limit, critical: Limit | None) -> int | None:
    """How many events, at the share seen so far, would make the outcome met or failed.

    Args:
        count: K of n, n > 0.
        rules: The numbers of the evidence rule.
        objective: What is asked.
        critical: The level that the evidence must exclude.

    Returns:
        The smallest such n, found by doubling and bisection; None when not even a million would.
    """
    # Rounded with k, a share exactly at the objective would seem to meet it.
    share = count.share or Fraction(0)

    def settled(n: int) -> bool:
        scaled = Count(round(share * n), n)
        if objective.holds(share):
            if objective.is_band:
                return n >= rules.band_n
            return critical is None or excludes(scaled, critical, rules.tail(n))
        past = critical is not None and critical.holds(share)
        return n >= rules.least_n and (past or objective.excludes(wilson(scaled)))

    return _smallest(settled, count.n)


def _smallest(settled: Callable[[int], bool], least: int) -> int | None:
    """The smallest number beyond `least` that settles it, by doubling and bisection."""
    high = least + 1
    while not settled(high):
        high *= 2
        if high > LARGEST_N:
            return None
    low = least
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


def part_past_critical(metric: Metric, measurement: Measurement, rules: Rules) -> Judgement | None:
    """One part past the critical level, however good the pool is; of a rate, its whole interval."""
    if not metric.critical:
        return None
    for name, count in measurement.by_part.items():
        if count.n >= rules.least_n and _part_is_past(metric, metric.critical, count):
            figures = Figures(count=count, part=name, passed=_critical(metric.critical))
            return Outcome.CRITICAL, Reason.PART_PAST_LEVEL, figures
    return None


def _part_is_past(metric: Metric, critical: Limit, count: Count) -> bool:
    if metric.kind == "rate":
        return critical.contains(wilson(count))
    # A census has no interval, and parts only where it asks for them.
    return metric.by is not None and count.share is not None and critical.holds(count.share)


def unproven_part(metric: Metric, measurement: Measurement, rules: Rules) -> Judgement | None:
    """One part of several whose evidence does not exclude the critical level; of a census, past it.

    The pool proves nothing about a part of it that hardly ran: half of nine events may fail beside
    three hundred good ones, and 97 % are left. A part that is the only one is judged as the whole.
    """
    if not metric.critical:
        return None
    if measurement.parts_missing:
        figures = Figures(remark=measurement.parts_missing)
        return Outcome.INCONCLUSIVE, Reason.PARTS_UNKNOWN, figures
    if len(measurement.by_part) < SEVERAL:
        return None
    for name, count in measurement.by_part.items():
        if metric.kind == "rate":
            proven = excludes(count, metric.critical, rules.tail(count.n))
        else:
            proven = not _part_is_past(metric, metric.critical, count)
        if not proven:
            more = _more_to_exclude(metric.critical, count, rules)
            passed = _critical(metric.critical)
            figures = Figures(count=count, part=name, passed=passed, more=more)
            return Outcome.INCONCLUSIVE, Reason.PART_TOO_FEW, figures
    return None


def _more_to_exclude(critical: Limit, count: Count, rules: Rules) -> int | None:
    share = count.share
    if share is None or critical.holds(share):
        return None

    def settled(n: int) -> bool:
        return excludes(Count(round(share * n), n), critical, rules.tail(n))

    needed = _smallest(settled, count.n)
    return needed - count.n if needed else None


def newest_past_critical(metric: Metric, measurement: Measurement) -> Judgement | None:
    """The newest 5, 10, 20 or 50 events, whole or of one part, lie past the critical level.

    An outage that began five failed events ago is never GO, however well the window looks.
    """
    if not metric.critical:
        return None
    for name, counts in measurement.recent.items():
        for count in counts:
            if metric.critical.contains(wilson(count, Z99)):
                figures = Figures(count=count, part=name, passed=_critical(metric.critical))
                return Outcome.CRITICAL, Reason.NEWEST_PAST_LEVEL, figures
    return None


def _critical(limit: Limit) -> LevelLimit:
    return LevelLimit(Level.CRITICAL, limit)
