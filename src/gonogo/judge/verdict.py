"""What a run comes to: findings → verdict, measurements → health score. Pure.

An expected check without an answer is never a pass. The score is 0 to 100 over what could be
measured: each weighted metric is full at its target, zero at its critical level, linear between; a
band is zero 20 points outside it; the jobs' part is the share of fresh footprints. What has no data
is left out and the rest rescaled, and the score says that it is partial.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from gonogo.criteria import Criteria, Metric
from gonogo.model.finding import (
    Decidable,
    Finding,
    HealthScore,
    JudgedMember,
    ScorePart,
    Verdict,
    VerdictReason,
)
from gonogo.model.kinds import Band, Environment, Outcome, Reason, Says, VerdictKind, Why
from gonogo.model.limit import EARLIEST, Limit
from gonogo.model.measurement import LONGEST, Count, Measurement, Window

# Leaving out these on purpose is stated in the record; leaving out anything else caps at HOLD.
MAY_BE_LEFT_OUT = frozenset({"endpoints", "ledger"})
# Of one database of a fleet: what has not come may be what would have failed.
LACKING = frozenset({Reason.OVERDUE, Reason.NOT_COVERED, Reason.TRICKLES})
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAY_HOURS = 24


def unsettled(measurements: Mapping[str, Measurement]) -> tuple[VerdictReason, ...]:
    """Why a cluster's figures may not hold: hours that are over, and still change."""
    notes = (note for one in measurements.values() for note in one.notes)
    moved = (one.subject for one in notes if one.says in {Says.HOURS_MOVED, Says.READ_ONCE})
    return tuple(VerdictReason(Why.HOURS_MOVED, survey) for survey in dict.fromkeys(moved))


def decide(
    expected: Sequence[str],
    findings: Iterable[Finding],
    window: Window | None,
    *,
    strict: bool = False,
    hold: Sequence[VerdictReason] = (),
    members: Sequence[JudgedMember] = (),
) -> Verdict:
    """Decide what the evidence allows.

    A fleet is judged by the findings on all its databases together; triggers look at these alone.
    One database by itself makes the verdict worse, never better:

    - past a critical level or a trigger by its own evidence: NO-GO, for the others may be well;
    - not judged (out of reach, behind, of another revision): HOLD;
    - lacking events that should have come, by its own days before: HOLD;
    - missing an objective by its own evidence: a warning.

    What is merely too little evidence in one database is what the others' evidence is for.

    Args:
        expected: Ids of every check of the environment, known before the first one ran.
        findings: The answers of the checks that ran.
        window: What was judged; None when nothing could be.
        strict: Whether a warning is NO-GO.
        hold: Further reasons why this run cannot be GO.
        members: The databases of a fleet; empty where it is one.
    """
    answers = {finding.id: finding for finding in findings}
    not_run = tuple(name for name in expected if name not in answers)
    given = [answers[name] for name in expected if name in answers]
    warnings = _findings(given, Outcome.WARNING) + tuple(_alone(members, _misses))
    if fired := _findings(given, Outcome.FIRED):
        return Verdict(VerdictKind.ROLLBACK, fired, not_run, warnings)
    failed = _findings(given, Outcome.FAILED) + _findings(given, Outcome.CRITICAL)
    failed += tuple(_alone(members, _is_past))
    if strict:
        # Past critical, but of too few to be so: that is past the warning level all the same.
        failed += warnings + tuple(_finding(finding) for finding in given if finding.warned)
    if failed:
        return Verdict(VerdictKind.NO_GO, failed, not_run, warnings)
    undecided = _findings(given, Outcome.INCONCLUSIVE) + _unfinished(window) + tuple(hold)
    undecided += tuple(_not_judged(members)) + tuple(_alone(members, lacks_events))
    if not_run:
        undecided += (VerdictReason(Why.NOT_ANSWERED, count=Count(len(not_run), len(expected))),)
    if not any(finding.outcome is Outcome.MET for finding in given):
        undecided += (VerdictReason(Why.NONE_MET),)
    if undecided:
        return Verdict(VerdictKind.HOLD, undecided, not_run, warnings)
    return Verdict(VerdictKind.GO, (VerdictReason(Why.ALL_MET),), (), warnings)


def lacks_events(finding: Finding) -> Why | None:
    """Why one database holds the verdict of its fleet: events of it that should have come."""
    return Why.MEMBER_LACKS_EVENTS if finding.reason in LACKING else None


def _is_past(finding: Finding) -> Why | None:
    past = finding.outcome in {Outcome.CRITICAL, Outcome.FIRED}
    return Why.MEMBER_PAST_LEVEL if past else None


def _misses(finding: Finding) -> Why | None:
    return Why.MEMBER_MISSES if finding.outcome is Outcome.FAILED else None


def _alone(
    members: Iterable[JudgedMember], asks: Callable[[Finding], Why | None]
) -> Iterator[VerdictReason]:
    """What the databases' own evidence says, of each metric once."""
    for member in members:
        found = {one.metric: (why, one) for one in member.findings[::-1] if (why := asks(one))}
        for why, finding in reversed(found.values()):
            yield VerdictReason(why, member=member.name, finding=finding)


def _not_judged(members: Iterable[JudgedMember]) -> Iterator[VerdictReason]:
    for one in members:
        if one.problem:
            yield VerdictReason(Why.MEMBER_NOT_JUDGED, member=one.name, remark=one.problem)


def _findings(findings: Iterable[Finding], outcome: Outcome) -> tuple[VerdictReason, ...]:
    return tuple(_finding(finding) for finding in findings if finding.outcome is outcome)


def _finding(finding: Finding) -> VerdictReason:
    return VerdictReason(Why.FINDING, finding.id)


def _unfinished(window: Window | None) -> tuple[VerdictReason, ...]:
    if window is None:
        return (VerdictReason(Why.NOTHING_MEASURED),)
    if window.complete:
        return ()
    covered, asked = (int(length.total_seconds()) for length in (window.covered, window.asked))
    why = Why.SOAK_INCOMPLETE if window.covered >= MINUTE else Why.SOAK_BEGUN
    return (VerdictReason(why, covered_s=covered, asked_s=asked),)


def decidable(
    verdict: Verdict,
    findings: Iterable[Finding],
    measurements: Mapping[str, Measurement],
    window: Window | None,
) -> Decidable | None:
    """When a HOLD is expected to be decidable, at the rate of the last hours; None for no HOLD.

    Args:
        verdict: The decision.
        findings: The answers that it rests on.
        measurements: By metric.
        window: What was judged; None when nothing could be.
    """
    if verdict.kind is not VerdictKind.HOLD:
        return None
    answers = {finding.id: finding for finding in findings}
    found: list[Decidable] = []
    # That no check is met yet follows from the others.
    for reason in (one for one in verdict.reasons if one.why is not Why.NONE_MET):
        if window and reason.why in {Why.SOAK_BEGUN, Why.SOAK_INCOMPLETE}:
            found.append(Decidable(at=window.end + window.asked - window.covered))
        elif window and reason.why is Why.FINDING:
            answer = answers[reason.subject]
            found.append(_settled(answer, measurements[answer.metric], window))
        else:
            found.append(Decidable())
    waits = [one for one in found if one.at]
    stuck = len(found) - len(waits)
    latest = max(waits, key=lambda one: one.at or EARLIEST, default=Decidable())
    return replace(latest, at=None if stuck else latest.at, open=stuck)


def _settled(finding: Finding, measurement: Measurement, window: Window) -> Decidable:
    """When so many more events will have come as would settle a finding."""
    figures, count = finding.figures, finding.figures.count
    more = figures.more or ((figures.needed or 0) - (count.n if count else 0))
    hours = measurement.hours_by_part.get(figures.part, ())
    newest = (hours if figures.part else measurement.hourly)[-DAY_HOURS:]
    came, took = sum(hour.count.n for hour in newest), len(newest) * HOUR
    if not newest and count:
        # Counted without hours, such as what came since the deployment.
        came, took = count.n, window.end - (window.deployed_at or window.start)
    if more <= 0 or not came or (wait := took * (more / came)) > LONGEST:
        return Decidable()
    return Decidable(window.end + wait, finding.metric, more)


BAND_SLOPE = Fraction(20, 100)


def health_score(
    criteria: Criteria, measurements: Mapping[str, Measurement], environment: Environment
) -> HealthScore | None:
    """Weigh the measurements; None when nothing was measured.

    Args:
        criteria: Weights, targets, bands.
        measurements: By metric.
        environment: Whose objectives are the targets.
    """
    parts: dict[str, tuple[Fraction, int]] = {}
    for metric in criteria.metrics.values():
        measurement = measurements.get(metric.id)
        if metric.weight and measurement and not (measurement.missing or measurement.left_out):
            fullness = _fullness(metric, measurement, environment)
            if fullness is not None:
                parts[metric.title] = (fullness * metric.weight, metric.weight)
    jobs = _jobs(criteria, measurements, environment)
    if jobs is not None:
        parts["Background jobs"] = (jobs * criteria.score.jobs, criteria.score.jobs)
    measured = sum(weight for _, weight in parts.values())
    if not measured:
        return None
    points = sum((got for got, _ in parts.values()), Fraction(0)) * 100 / measured
    shown = tuple(
        ScorePart(name, round(float(got), 2), weight) for name, (got, weight) in parts.items()
    )
    # Cut off, not rounded: 89.96 is Good, and must not read 90.0.
    shown_points = math.floor(points * 10) / 10
    return HealthScore(shown_points, measured, _band(criteria, points), shown)


def _fullness(
    metric: Metric, measurement: Measurement, environment: Environment
) -> Fraction | None:
    share = measurement.count.share if measurement.count else None
    if share is None:
        return None
    objective = metric.objective.get(environment)
    target = objective or metric.warning
    if target is None:
        return None
    if target.is_band:
        return _clamped(1 - _outside(target, share) / BAND_SLOPE)
    full = target.first.bound
    zero = metric.critical.first.bound if metric.critical else full
    if zero == full:
        # A target is to be met, a warning level not to be passed.
        return Fraction(target.holds(share) is (objective is not None))
    return _clamped((share - zero) / (full - zero))


def _outside(band: Limit, share: Fraction) -> Fraction:
    low, high = band.first.bound, band.first.upper or band.first.bound
    return max(low - share, share - high, Fraction(0))


def _jobs(
    criteria: Criteria, measurements: Mapping[str, Measurement], environment: Environment
) -> Fraction | None:
    fresh = []
    for metric in criteria.metrics.values():
        measurement = measurements.get(metric.id)
        if not metric.footprint or not measurement or measurement.missing:
            continue
        value = measurement.count.share if measurement.count else measurement.value
        if value is not None and environment in metric.objective:
            fresh.append(metric.objective[environment].holds(value))
    return Fraction(sum(fresh), len(fresh)) if fresh else None


def _band(criteria: Criteria, points: Fraction) -> Band:
    ladder = sorted(criteria.score.bands.items(), key=lambda item: item[1], reverse=True)
    return next(name for name, least in ladder if points >= least)


def _clamped(value: Fraction) -> Fraction:
    return min(max(value, Fraction(0)), Fraction(1))
