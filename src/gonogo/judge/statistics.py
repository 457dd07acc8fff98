"""The three pieces of statistics that the gate judges by. Pure; floats only where noted.

Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
JASA 22 (1927), for the score interval; C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), for
reading evidence off the exact binomial tail; the pooled two-proportion z-test of any textbook for
the trend.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from gonogo.model.limit import Interval
from gonogo.model.measurement import Count

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


def falls(first: Count, second: Count, z: float = Z99) -> bool:
    """Whether the second share is significantly lower than the first (pooled two-proportion test).

    Args:
        first: The earlier half.
        second: The later half.
        z: The quantile that the difference must exceed; 99 % two-sided by default.
    """
    if not first.n or not second.n:
        return False
    pooled = (first.k + second.k) / (first.n + second.n)
    error = math.sqrt(pooled * (1 - pooled) * (1 / first.n + 1 / second.n))
    return error > 0 and (first.k / first.n - second.k / second.n) / error > z
