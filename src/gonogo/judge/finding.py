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
from gonogo.judge.changes import fell
from gonogo.judge.coverage import hole, trickle
from gonogo.judge.evidence import (
    Judgement,
    excludes,
    newest_past_critical,
    part_past_critical,
    settling_n,
    unproven_part,
    wilson,
)
from gonogo.judge.presence import judge_presence
from gonogo.model.finding import Figures, Finding, LevelLimit
from gonogo.model.kinds import Environment, Level, Outcome, Reason, Role, Says
from gonogo.model.limit import Limit
from gonogo.model.measurement import Count, Measurement, Remark


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
    asked = limits_of(role, metric, environment)
    fallen = None
    if role is Role.ALERT and not _nothing_to_judge(metric, measurement):
        fallen = fell(metric, measurement, rules, environment)
    outcome, reason, figures = _answer(role, metric, measurement, rules, asked, fallen)
    interval = None
    if (
        role is not Role.PRESENCE
        and metric.kind == "rate"
        and measurement.count
        and measurement.count.n
    ):
        interval = wilson(measurement.count)
    warned = outcome is Outcome.INCONCLUSIVE and _warned(role, metric, measurement)
    return Finding(
        metric.id, role, outcome, asked, reason, figures, interval, warned, fallen is not None
    )


def limits_of(role: Role, metric: Metric, environment: Environment) -> tuple[LevelLimit, ...]:
    """The limits that a check asks for: the objective, the trigger, or the alert's levels."""
    longest_silence = metric.presence.critical if metric.presence else None
    levels: Mapping[Role, tuple[tuple[Level, Limit | None], ...]] = {
        Role.CRITERION: ((Level.OBJECTIVE, metric.objective.get(environment)),),
        Role.ALERT: ((Level.WARNING, metric.warning), (Level.CRITICAL, metric.critical)),
        Role.TRIGGER: ((Level.TRIGGER, metric.trigger),),
        Role.PRESENCE: ((Level.CRITICAL, longest_silence),),
    }
    return tuple(LevelLimit(level, limit) for level, limit in levels[role] if limit)


def _warned(role: Role, metric: Metric, measurement: Measurement) -> bool:
    """Whether the figures are past the warning level, whatever stands against judging them."""
    if role is not Role.ALERT or not metric.warning or _nothing_to_judge(metric, measurement):
        return False
    return metric.warning.holds(_point(measurement))


def _answer(
    role: Role,
    metric: Metric,
    measurement: Measurement,
    rules: Rules,
    asked: tuple[LevelLimit, ...],
    fallen: Judgement | None,
) -> Judgement:
    if role is Role.PRESENCE:
        return _absence(metric, measurement, rules)
    if nothing := _nothing_to_judge(metric, measurement):
        return nothing
    if role is Role.ALERT:
        return _alert(metric, measurement, rules, fallen)
    if not asked:
        return Outcome.MET, Reason.NO_LIMIT, _figures(measurement)
    by_role: Mapping[Role, Callable[[Metric, Measurement, Rules, LevelLimit], Judgement]] = {
        Role.CRITERION: _criterion,
        Role.TRIGGER: _trigger,
    }
    return by_role[role](metric, measurement, rules, asked[0])


def _absence(metric: Metric, measurement: Measurement, rules: Rules) -> Judgement:
    """Whether the stream flows; an empty window is no excuse, for what must come is absent."""
    nothing = _nothing_to_judge(metric, measurement)
    if nothing and nothing[1] in {Reason.LEFT_OUT, Reason.NO_DATA}:
        return nothing
    if missing := measurement.streams_missing:
        return Outcome.INCONCLUSIVE, Reason.NO_DATA, Figures(remark=missing)
    judgement = judge_presence(metric, measurement, rules)
    if judgement[0] is Outcome.MET and (lacking := hole(measurement.streams, rules.overdue_n)):
        return Outcome.INCONCLUSIVE, Reason.NOT_COVERED, lacking
    if judgement[0] is Outcome.MET and (few := trickle(measurement.streams, rules.overdue_n)):
        return Outcome.INCONCLUSIVE, Reason.TRICKLES, few
    return judgement


def _nothing_to_judge(metric: Metric, measurement: Measurement) -> Judgement | None:
    """The answer where there are no figures; None where there are."""
    if measurement.left_out:
        return Outcome.LEFT_OUT, Reason.LEFT_OUT, Figures(remark=measurement.left_out)
    missing = measurement.missing
    if not missing and measurement.count is None and measurement.value is None:
        missing = Remark(Says.NOTHING_MEASURED)
    if missing:
        return Outcome.INCONCLUSIVE, Reason.NO_DATA, Figures(remark=missing)
    if measurement.count and not measurement.count.n:
        if metric.empty == "none":
            return Outcome.MET, Reason.NONE, Figures(count=measurement.count)
        return Outcome.INCONCLUSIVE, Reason.NONE_OF_NONE, Figures(count=measurement.count)
    return None


def _criterion(
    metric: Metric, measurement: Measurement, rules: Rules, objective: LevelLimit
) -> Judgement:
    if metric.kind == "rate" and measurement.count:
        return _rate(metric, measurement.count, rules, objective)
    figures = _figures(measurement, objective)
    if objective.limit.holds(_point(measurement)):
        if measurement.degraded:
            figures = _figures(measurement, objective, measurement.degraded)
            return Outcome.WARNING, Reason.DEGRADED, figures
        return Outcome.MET, Reason.MEETS, figures
    missed = Outcome.INCONCLUSIVE if metric.unmet == "inconclusive" else Outcome.FAILED
    return missed, Reason.MISSES, figures


def _rate(metric: Metric, count: Count, rules: Rules, objective: LevelLimit) -> Judgement:
    share, limit = _share(count), objective.limit
    for level, worst in ((Level.TRIGGER, metric.trigger), (Level.CRITICAL, metric.critical)):
        if worst and worst.holds(share) and count.n >= rules.least_n:
            past = Figures(count=count, passed=LevelLimit(level, worst))
            return Outcome.FAILED, Reason.PAST_LEVEL, past
    figures = Figures(count=count, passed=objective)
    meets = limit.holds(share)
    critical = metric.critical or metric.trigger
    if meets and limit.is_band and count.n >= rules.band_n:
        return Outcome.MET, Reason.MEETS, figures
    if (
        meets
        and not limit.is_band
        and (not critical or excludes(count, critical, rules.tail(count.n)))
    ):
        return Outcome.MET, Reason.MEETS, figures
    if count.n >= rules.least_n and limit.excludes(wilson(count)):
        return Outcome.FAILED, Reason.MISSES, figures
    return Outcome.INCONCLUSIVE, *_unsettled(metric, count, rules, objective)


def _unsettled(
    metric: Metric, count: Count, rules: Rules, objective: LevelLimit
) -> tuple[Reason, Figures]:
    """Why a rate is neither met nor failed, and how many events would settle it."""
    critical = metric.critical or metric.trigger
    enough = settling_n(count, rules, objective.limit, critical)
    more = enough - count.n if enough else None
    if not objective.limit.holds(_share(count)):
        return Reason.NOT_BEYOND_DOUBT, Figures(count=count, passed=objective, more=more)
    if objective.limit.is_band:
        figures = Figures(count=count, passed=objective, more=more, needed=rules.band_n)
        return Reason.TOO_FEW_FOR_BAND, figures
    level = Level.CRITICAL if metric.critical else Level.TRIGGER
    excluded = LevelLimit(level, critical) if critical else objective
    return Reason.TOO_FEW, Figures(count=count, passed=excluded, more=more)


def _alert(
    metric: Metric, measurement: Measurement, rules: Rules, fallen: Judgement | None
) -> Judgement:
    critical = metric.critical and _critical(metric, metric.critical, measurement, rules)
    if critical and critical[0] is Outcome.CRITICAL:
        return critical
    if worse := fallen or critical:
        return worse
    if metric.warning and metric.warning.holds(_point(measurement)):
        figures = _figures(measurement, LevelLimit(Level.WARNING, metric.warning))
        return Outcome.WARNING, Reason.PAST_LEVEL, figures
    return Outcome.MET, Reason.NO_LEVEL_PASSED, _figures(measurement)


def _critical(
    metric: Metric, limit: Limit, measurement: Measurement, rules: Rules
) -> Judgement | None:
    """What the critical level says: whole, by part and of late; None when it is not passed."""
    worst = part_past_critical(metric, measurement, rules)
    if worst := worst or newest_past_critical(metric, measurement):
        return worst
    if limit.holds(_point(measurement)):
        figures = _figures(measurement, LevelLimit(Level.CRITICAL, limit))
        if measurement.count and measurement.count.n < rules.least_n:
            return Outcome.INCONCLUSIVE, Reason.PAST_LEVEL_BUT_FEW, figures
        return Outcome.CRITICAL, Reason.PAST_LEVEL, figures
    if measurement.recent_missing:
        figures = Figures(remark=measurement.recent_missing)
        return Outcome.INCONCLUSIVE, Reason.NEWEST_UNKNOWN, figures
    return unproven_part(metric, measurement, rules)


def _trigger(_: Metric, measurement: Measurement, rules: Rules, trigger: LevelLimit) -> Judgement:
    figures = _figures(measurement, trigger)
    if not trigger.limit.holds(_point(measurement)):
        return Outcome.MET, Reason.DOES_NOT_FIRE, figures
    if measurement.held_back:
        figures = _figures(measurement, trigger, measurement.held_back)
        return Outcome.INCONCLUSIVE, Reason.HELD_BACK, figures
    if measurement.count and measurement.count.n < rules.least_n:
        return Outcome.INCONCLUSIVE, Reason.PAST_LEVEL_BUT_FEW, figures
    return Outcome.FIRED, Reason.FIRES, figures


def _figures(
    measurement: Measurement, passed: LevelLimit | None = None, remark: Remark | None = None
) -> Figures:
    return Figures(
        count=measurement.count,
        value=measurement.value,
        passed=passed,
        remark=remark,
        notes=measurement.notes,
    )


def _point(measurement: Measurement) -> Fraction:
    if measurement.count:
        return _share(measurement.count)
    return measurement.value if measurement.value is not None else Fraction(0)


def _share(count: Count) -> Fraction:
    return count.share or Fraction(0)
