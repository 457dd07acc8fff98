"""One snapshot, one judgement: every expected check gets its finding here.

A database that is out of reach makes every check inconclusive, never an error: its record is
written all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gonogo.config import Endpoints
from gonogo.criteria import ENDPOINTS, Criteria, Metric
from gonogo.errors import DatabaseError
from gonogo.gate.masking import masked
from gonogo.gate.setting import LEDGER, Observation, Options, Setting
from gonogo.judge.finding import judge
from gonogo.ledger.migration import versions
from gonogo.measure.ledger_facts import LedgerFacts, read_ledger, read_timeline
from gonogo.measure.take import Plan, take
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark
from gonogo.model.window import clip
from gonogo.postgres.identity import read_identity
from gonogo.postgres.readonly import Session
from gonogo.postgres.snapshot import in_snapshot

MOST_AHEAD = timedelta(minutes=2)


def observe(setting: Setting, answers: Mapping[str, Measurement]) -> Observation:
    """Measure once and judge every expected check.

    Args:
        setting: From `resolve`.
        answers: Measurements of what no survey tells (the endpoints), by metric.
    """
    if setting.problem:
        return _unreachable(setting, answers, setting.problem)
    try:
        return in_snapshot(
            setting.settings,
            setting.options.manners,
            lambda session: _observe(session, setting, answers),
        )
    except DatabaseError as error:
        return _unreachable(setting, answers, str(error))


def _observe(session: Session, setting: Setting, answers: Mapping[str, Measurement]) -> Observation:
    options = setting.options
    identity, now = read_identity(session)
    ahead = datetime.now(UTC) - now
    facts = _facts(session, setting)
    deployed = max(filter(None, (facts.deployed_at, options.deployed_at)), default=None)
    window = clip(setting.window_asked, options.as_of or now, deployed)
    plan = Plan(
        setting.criteria,
        setting.project.sql_dir,
        setting.environment,
        window,
        versions(
            options.migrations_dir or setting.project.migrations_dir,
            first=options.migrations_from,
        ),
    )
    told_ledger = LEDGER not in options.without
    events = read_timeline(session, setting.environment) if told_ledger else ()
    measured = take(session, plan)
    told = {**_with_our_clock(setting.criteria, measured, ahead), **answers}
    return _judged(setting, Observation(window, now, facts, identity, told, {}, events))


def _with_our_clock(
    criteria: Criteria, measured: Mapping[str, Measurement], ahead: timedelta
) -> Mapping[str, Measurement]:
    """Say so when our clock is not the server's: no number rests on it, a signature's time does.

    Args:
        criteria: Which metric judges the clocks.
        measured: By metric.
        ahead: How far our clock is ahead of the server's.
    """
    metric = next((one for one in criteria.metrics.values() if one.clock), None)
    found = measured.get(metric.id) if metric else None
    if found is None or abs(ahead) < MOST_AHEAD:
        return measured
    says = Says.CLOCK_AHEAD if ahead > timedelta() else Says.CLOCK_BEHIND
    note = Remark(says, number=round(abs(ahead) / timedelta(minutes=1)))
    return {**measured, found.metric: replace(found, notes=(*found.notes, note))}


def _facts(session: Session, setting: Setting) -> LedgerFacts:
    if LEDGER in setting.options.without:
        return LedgerFacts(problem="left out on purpose")
    return read_ledger(session, setting.environment)


def _unreachable(setting: Setting, answers: Mapping[str, Measurement], problem: str) -> Observation:
    now = datetime.now(UTC)
    window = clip(setting.window_asked, setting.options.as_of or now, setting.options.deployed_at)
    missing = {
        metric_id: Measurement(metric_id, missing=Remark(Says.UNREACHABLE, detail=problem))
        for metric_id in setting.criteria.metrics
    }
    facts = LedgerFacts(problem=problem)
    return _judged(setting, Observation(window, now, facts, None, {**missing, **answers}, {}))


def _judged(setting: Setting, observation: Observation) -> Observation:
    observation = masked(observation, setting.mask)
    measurements = {
        metric.id: _left_out(metric, setting.options)
        or observation.measurements.get(metric.id)
        or Measurement(metric.id, missing=_nobody_asked(metric, setting.options.endpoints))
        for metric in setting.criteria.metrics.values()
    }
    findings = [
        judge(role, metric, measurements[metric.id], setting.criteria.rules, setting.environment)
        for role, metric in setting.expected
    ]
    by_id = {finding.id: finding for finding in findings}
    return replace(observation, measurements=measurements, findings=by_id)


def _left_out(metric: Metric, options: Options) -> Measurement | None:
    names = sorted(metric.groups & options.without)
    return Measurement(metric.id, left_out=Remark(Says.LEFT_OUT, names[0])) if names else None


def _nobody_asked(metric: Metric, endpoints: Endpoints) -> Remark:
    if metric.survey != ENDPOINTS:
        return Remark(Says.NOT_ASKED)
    if metric.id not in {one.metric for one in endpoints.asked_by("gate")}:
        return Remark(Says.NO_ENDPOINT)
    return Remark(Says.NO_ADDRESS, endpoints.base_url or "")
