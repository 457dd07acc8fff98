"""Since when a rate is worse: change points in its hourly counts. Pure; floats only.

The statistic is the generalised likelihood ratio of two binomial rates, before and since an hour,
against one rate throughout; neither rate is known beforehand. It is maximised over every hour. How
the method is put together:

- The maximum over all suffixes detects a change almost as early as any rule with as few false
  alarms can: G. Lorden, "Procedures for reacting to a change in distribution", Ann. Math. Stat. 42
  (1971); for an unknown rate before the change as well: D. Siegmund and E. S. Venkatraman, "Using
  the generalized likelihood ratio statistic for sequential detection of a change-point", Ann.
  Stat. 23 (1995).
- Suffixes that share most of their events are nearly one test: there are about as many different
  ones as the window's hours can be doubled (T. L. Lai, "Sequential changepoint detection in quality
  control and dynamical systems", JRSS B 57 (1995), searches only these). So the threshold for a
  chance `a` of a false alarm in the whole search is ln((1 + log2 hours) / a): at a steady rate the
  simulation finds less than `a` at any number of events.
- One change is found after the other, in what the last one leaves: binary segmentation
  (L. Ju. Vostrikova, Soviet Math. Dokl. 24 (1981)). A dip that has healed is cut out, and what lies
  before a rise is left.
- Failures in bursts differ more from hour to hour than a binomial count. The ratio is divided by
  the dispersion (R. W. M. Wedderburn's quasi-likelihood, Biometrika 61 (1974)), which is estimated
  from neighbouring hours (J. von Neumann, Ann. Math. Stat. 12 (1941)), so that a change of level or
  a daily wave does not count as dispersion, and trimmed, so that an outage does not either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from gonogo.criteria import Metric, Rules
from gonogo.judge.evidence import Judgement, lower_tail, upper_tail, wilson
from gonogo.model.finding import Figures, LevelLimit
from gonogo.model.kinds import Environment, Level, Outcome, Reason
from gonogo.model.limit import Limit
from gonogo.model.measurement import Count, HourCount, Measurement

# Fewer differences between hours say nothing of their dispersion.
LEAST_PAIRS = 8
KEPT = 0.9
# The mean of a chi-square variable with one degree of freedom, its highest tenth cut off.
KEPT_MEAN = 0.62
# The logarithm of the likelihood ratio that chance exceeds in one of a thousand comparisons.
UNUSUAL = 4.775


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours between two changes: the first one, and k of n of all."""

    since: datetime
    count: Count


@dataclass(frozen=True, slots=True)
class Fall:
    """A rate is worse since an hour.

    Args:
        before: K of n of the hours before, healed dips left out.
        after: The hours since.
        newest: Those of them since the last change.
        doubt: The probability up to which something counts as excluded in this search.
    """

    before: Count
    after: Stretch
    newest: Stretch
    doubt: float


def fell(
    metric: Metric, measurement: Measurement, rules: Rules, environment: Environment
) -> Judgement | None:
    """A rate, whole or of one part, is worse since an hour and now misses its objective.

    Critical where the events since then are past the critical level beyond doubt.

    Args:
        metric: Which asks for `falls`.
        measurement: With its hours.
        rules: How seldom a steady rate may seem to have fallen, in all its series together.
        environment: Whose objective applies.
    """
    objective = metric.objective.get(environment)
    if not metric.falls or not objective:
        return None
    series = {"": measurement.hourly, **measurement.hours_by_part}
    chance = rules.fall_by_chance / len(series)
    found = {part: fall_in(hours, objective, chance) for part, hours in series.items()}
    fell = [(part, fall) for part, fall in found.items() if fall]
    missed = LevelLimit(Level.OBJECTIVE, objective)
    judged = [_judged(part, fall, metric.critical, missed, rules) for part, fall in fell]
    return min(judged, key=lambda one: one[0] is not Outcome.CRITICAL, default=None)


def _judged(
    part: str, fall: Fall, critical: Limit | None, missed: LevelLimit, rules: Rules
) -> Judgement:
    def figures(stretch: Stretch, passed: LevelLimit) -> Figures:
        return Figures(
            count=stretch.count, passed=passed, part=part, before=fall.before, since=stretch.since
        )

    newest = fall.newest.count
    if critical and newest.n >= rules.least_n:
        tail = lower_tail if critical.points_down else upper_tail
        if tail(newest, float(critical.first.bound)) <= fall.doubt:
            passed = LevelLimit(Level.CRITICAL, critical)
            return Outcome.CRITICAL, Reason.FELL_PAST_LEVEL, figures(fall.newest, passed)
    return Outcome.INCONCLUSIVE, Reason.FELL, figures(fall.after, missed)


def fall_in(hourly: Sequence[HourCount], objective: Limit, chance: float) -> Fall | None:
    """The change since which a rate is worse beyond doubt and now misses its objective.

    Args:
        hourly: K of n by hour, oldest first; hours without an event say nothing.
        objective: What the rate must meet, such as ``> 90 %``.
        chance: How often the whole search may see a fall in a steady rate.
    """
    hours = known = [hour for hour in hourly if hour.count.n]
    least = math.log((1 + math.log2(len(hours) or 1)) / chance) * _dispersion(hours)
    fall: tuple[Count, Stretch] | None = None
    while changes := _changes(_counts(hours), objective):
        place, ratio = max(changes, key=lambda change: abs(change[1]))
        if abs(ratio) < least:
            break
        before, after = hours[:place], hours[place:]
        if healed := _healed(after, objective, least):
            hours = before + healed
            known = [hour for hour in known if hour.start < after[0].start] + healed
            continue
        if ratio > 0 and not fall and _is_below(known, after, objective):
            fall = _sum(before), _stretch(after)
        hours = after
    return fall and Fall(*fall, _stretch(hours), math.exp(-least))


def _healed(after: list[HourCount], objective: Limit, least: float) -> list[HourCount]:
    """The newest hours, in which the rate is beyond doubt better again and meets its objective."""
    changes = _changes(_counts(after), objective)
    place, ratio = min(changes, key=lambda change: change[1], default=(0, 0.0))
    healed = after[place:]
    return healed if -ratio >= least and _meets(objective, _sum(healed)) else []


def _is_below(known: Sequence[HourCount], after: Sequence[HourCount], objective: Limit) -> bool:
    """Whether the objective is missed beyond doubt, or otherwise than at these hours every day."""
    since, times = _sum(after), {hour.start.time() for hour in after}
    if _meets(objective, since):
        return False
    earlier = (hour for hour in known if hour.start < after[0].start)
    usual = _sum(hour for hour in earlier if hour.start.time() in times)
    ((_, ratio),) = _changes([usual, since], objective)
    return not usual.n or ratio >= UNUSUAL or objective.excludes(wilson(since))


def _meets(objective: Limit, count: Count) -> bool:
    return objective.holds(count.share or Fraction(0))


def _changes(counts: Sequence[Count], objective: Limit) -> list[tuple[int, float]]:
    """Each place at which the counts can be parted, with the evidence that the rate changes there.

    The logarithm of the likelihood ratio: above zero where it becomes worse, below where better.
    """
    whole = Count(sum(count.k for count in counts), sum(count.n for count in counts))
    k, n, changes = 0, 0, []
    once = _entropy(whole.k, whole.n)
    for place, count in enumerate(counts[:-1], 1):
        k, n = k + count.k, n + count.n
        twice = _entropy(k, n) + _entropy(whole.k - k, whole.n - n)
        falls = (whole.k * n < k * whole.n) is not objective.points_down
        changes.append((place, twice - once if falls else once - twice))
    return changes


def _entropy(k: int, n: int) -> float:
    """The logarithm of the likelihood of k of n at the share that they have."""
    return k * math.log(k / n) + (n - k) * math.log((n - k) / n) if 0 < k < n else 0.0


def _dispersion(hours: Sequence[HourCount]) -> float:
    """How many times as much neighbouring hours differ as binomial counts would; at least 1."""
    squares = sorted(_difference(one, other) for one, other in pairwise(_counts(hours)))
    if len(squares) < LEAST_PAIRS:
        return 1.0
    kept = squares[: int(len(squares) * KEPT)]
    return max(1.0, sum(kept) / len(kept) / KEPT_MEAN)


def _difference(one: Count, other: Count) -> float:
    """Pearson's chi-square of two counts, which on average is 1 where they have the same rate."""
    k, n = one.k + other.k, one.n + other.n
    if k in {0, n}:
        return 0.0
    crossed = one.k * other.n - other.k * one.n
    return crossed * crossed * n / (k * (n - k) * one.n * other.n)


def _stretch(hours: Sequence[HourCount]) -> Stretch:
    return Stretch(hours[0].start, _sum(hours))


def _counts(hours: Iterable[HourCount]) -> list[Count]:
    return [hour.count for hour in hours]


def _sum(hours: Iterable[HourCount]) -> Count:
    counts = _counts(hours)
    return Count(sum(count.k for count in counts), sum(count.n for count in counts))
