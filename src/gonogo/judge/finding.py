"""criterion and measurement → finding. Pure: no clock, no I/O, no database.

The order of the rules for a rate is fixed:

1. Past a critical level or a trigger, with at least `least_n` events: it counts, by its point
   estimate.
2. Met: the value meets the objective, and the evidence excludes the critical level: so many
   successes would be seen at that level with a probability of at most 2.5 % (exact binomial
   tail; 0.1 % from 200 events on). A band needs `band_n` events.
3. Failed: at least `least_n` events, and the whole 95 % Wilson interval misses the objective.
4. Otherwise inconclusive, with how many more events would settle it.

No data is never a pass: whatever is missing is inconclusive, and says what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from gonogo.criteria import Metric, Rules
from gonogo.judge.evidence import (
    critical_by_part,
    critical_recently,
    excludes,
    settling_n,
    unproven_part,
    worsening,
)
from gonogo.judge.statistics import wilson
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Outcome, Role
from gonogo.model.limit import Limit
from gonogo.model.measurement import Count, Measurement
from gonogo.show import show_count, show_interval, show_value

Answer = tuple[Outcome, str]


def judge(
    role: Role, metric: Metric, measurement: Measurement, rules: Rules, environment: Environment
) -> Finding:
    """Answer one check.

    Args:
        role: What is asked.
        metric: The limits.
        measurement: What was counted.
        rules: The numbers of the evidence rule.
        environment: Whose objective applies.
    """
    asked = _asked(role, metric, environment)
    outcome, reason = _answer(role, metric, measurement, rules, environment)
    interval = None
    if metric.kind == "rate" and measurement.count and measurement.count.n:
        interval = wilson(measurement.count)
    warned = outcome is Outcome.INCONCLUSIVE and _warned(role, metric, measurement)
    return Finding(metric.id, role, outcome, asked, reason, interval, warned)


def _warned(role: Role, metric: Metric, measurement: Measurement) -> bool:
    """Whether the figures are past the warning level, whatever stands against judging them."""
    if role is not Role.ALERT or not metric.warning or _nothing_to_judge(metric, measurement):
        return False
    return metric.warning.holds(_point(measurement))


def _asked(role: Role, metric: Metric, environment: Environment) -> str:
    """The limit as the reader knows it."""
    if role is Role.CRITERION:
        return metric.objective[environment].text
    if role is Role.TRIGGER and metric.trigger:
        return metric.trigger.text
    levels = {"warning": metric.warning, "critical": metric.critical}
    return ", ".join(f"{name} {limit.text}" for name, limit in levels.items() if limit)


def _answer(
    role: Role, metric: Metric, measurement: Measurement, rules: Rules, environment: Environment
) -> Answer:
    if nothing := _nothing_to_judge(metric, measurement):
        return nothing
    if role is Role.CRITERION:
        return _criterion(metric, measurement, rules, metric.objective[environment])
    by_role: Mapping[Role, Callable[[Metric, Measurement, Rules], Answer]] = {
        Role.ALERT: _alert,
        Role.TRIGGER: _trigger,
    }
    return by_role[role](metric, measurement, rules)


def _nothing_to_judge(metric: Metric, measurement: Measurement) -> Answer | None:
    """The answer where there are no figures; None where there are."""
    if measurement.left_out:
        return Outcome.LEFT_OUT, measurement.left_out
    if measurement.missing:
        return Outcome.INCONCLUSIVE, f"no data: {measurement.missing}"
    if measurement.count is None and measurement.value is None:
        return Outcome.INCONCLUSIVE, "no data: neither a count nor a value was measured"
    if measurement.count and not measurement.count.n:
        if metric.empty == "none":
            return Outcome.MET, "0 of 0: none"
        return Outcome.INCONCLUSIVE, "no data: 0 of 0, and there must be some"
    return None


def _criterion(metric: Metric, measurement: Measurement, rules: Rules, objective: Limit) -> Answer:
    if metric.kind == "rate" and measurement.count:
        return _rate(metric, measurement.count, rules, objective)
    shown = show_value(metric, measurement)
    why = _because(measurement)
    if objective.holds(_point(measurement)):
        if measurement.degraded:
            return Outcome.WARNING, f"{shown}, but {measurement.degraded}"
        return Outcome.MET, f"{shown} meets {objective.text}{why}"
    missed = Outcome.INCONCLUSIVE if metric.unmet == "inconclusive" else Outcome.FAILED
    return missed, f"{shown} misses {objective.text}{why}"


def _rate(metric: Metric, count: Count, rules: Rules, objective: Limit) -> Answer:
    share, interval = _share(count), wilson(count)
    limits = metric.limits
    shown = f"{show_count(count, limits)}, 95 % interval {show_interval(interval, limits)}"
    for name, level in (("trigger", metric.trigger), ("critical", metric.critical)):
        if level and level.holds(share) and count.n >= rules.least_n:
            return Outcome.FAILED, f"{shown}, is past {name} {level.text}"
    meets = objective.holds(share)
    critical = metric.critical or metric.trigger
    if meets and objective.is_band and count.n >= rules.band_n:
        return Outcome.MET, f"{shown}, lies within {objective.text}"
    if (
        meets
        and not objective.is_band
        and (not critical or excludes(count, critical, rules.tail(count.n)))
    ):
        return Outcome.MET, f"{shown}, meets {objective.text}"
    if count.n >= rules.least_n and objective.excludes(interval):
        return Outcome.FAILED, f"{shown}, misses {objective.text}"
    return Outcome.INCONCLUSIVE, f"{shown}: {_unsettled(count, rules, objective, critical)}"


def _unsettled(count: Count, rules: Rules, objective: Limit, critical: Limit | None) -> str:
    """Why a rate is neither met nor failed, and how many events would settle it."""
    needed = settling_n(count, rules, objective, critical)
    settle = (
        f"; about {needed - count.n} more events at this rate would settle it" if needed else ""
    )
    if not objective.holds(_share(count)):
        return f"misses {objective.text}, but not beyond doubt{settle}"
    if objective.is_band:
        return f"too few events: {rules.band_n} are needed{settle}"
    level = critical.text if critical else objective.text
    return f"too few events to exclude {level}{settle}"


def _alert(metric: Metric, measurement: Measurement, rules: Rules) -> Answer:
    point, shown = _point(measurement), show_value(metric, measurement)
    if critical := metric.critical and _critical(metric, metric.critical, measurement, rules):
        return critical
    if metric.warning and metric.warning.holds(point):
        return Outcome.WARNING, f"{shown} is past warning {metric.warning.text}"
    if trend := worsening(metric, measurement):
        return Outcome.WARNING, trend
    return Outcome.MET, f"{shown} is past no level{_because(measurement)}"


def _critical(
    metric: Metric, level: Limit, measurement: Measurement, rules: Rules
) -> Answer | None:
    """What the critical level says: whole, by part and of late; None when it is not past."""
    worst = critical_by_part(metric, measurement, rules) or critical_recently(metric, measurement)
    if worst:
        return Outcome.CRITICAL, worst
    shown = show_value(metric, measurement)
    if level.holds(_point(measurement)):
        if measurement.count and measurement.count.n < rules.least_n:
            few = f"past critical {level.text}, but only {measurement.count.n} counted"
            return Outcome.INCONCLUSIVE, f"{shown}: {few}"
        return Outcome.CRITICAL, f"{shown} is past critical {level.text}"
    if measurement.recent_missing:
        return Outcome.INCONCLUSIVE, f"no data of the newest events: {measurement.recent_missing}"
    if unproven := unproven_part(metric, measurement, rules):
        return Outcome.INCONCLUSIVE, unproven
    return None


def _trigger(metric: Metric, measurement: Measurement, rules: Rules) -> Answer:
    if metric.trigger is None:
        return Outcome.MET, "no trigger"
    point, shown = _point(measurement), show_value(metric, measurement)
    if not metric.trigger.holds(point):
        return Outcome.MET, f"{shown} does not fire at {metric.trigger.text}"
    if measurement.count and measurement.count.n < rules.least_n:
        few = f"past {metric.trigger.text}, but only {measurement.count.n} counted"
        return Outcome.INCONCLUSIVE, f"{shown}: {few}"
    return Outcome.FIRED, f"{shown} fires at {metric.trigger.text}{_because(measurement)}"


def _point(measurement: Measurement) -> Fraction:
    if measurement.count:
        return _share(measurement.count)
    return measurement.value if measurement.value is not None else Fraction(0)


def _share(count: Count) -> Fraction:
    return count.share or Fraction(0)


def _because(measurement: Measurement) -> str:
    return f" ({'; '.join(measurement.notes)})" if measurement.notes else ""
