"""One snapshot, one judgement: every expected check gets its finding here.

A database that is out of reach makes every check inconclusive, never an error: its record is
written all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gonogo.application.endpoints import down, is_silent, measure_endpoints
from gonogo.config.application import MAIL, Endpoints
from gonogo.config.sections import versions
from gonogo.criteria import ENDPOINTS, Criteria, Metric
from gonogo.errors import DatabaseError
from gonogo.gate.closing import has_answered
from gonogo.gate.setting import LEDGER, Observation, Options, Setting
from gonogo.judge.coverage import lessened
from gonogo.judge.finding import judge
from gonogo.masking import Mask
from gonogo.measure.ledger_facts import LedgerFacts, read_ledger, read_timeline
from gonogo.measure.take import Plan, take
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark, clip
from gonogo.model.step import LedgerEvent
from gonogo.postgres.readonly import Session
from gonogo.postgres.snapshot import in_snapshot, read_identity

V = TypeVar("V")
MOST_AHEAD = timedelta(minutes=2)
# Surveys of error messages cut them there, before anything could mask them.
CUT_AT_BYTES = 1000


def observe(setting: Setting, answers: Mapping[str, Measurement]) -> Observation:
    """Measure once and judge every expected check.

    Args:
        setting: From `resolve`.
        answers: Measurements of what no survey measures (the endpoints), by metric.
    """
    if setting.members and not setting.problem:
        from gonogo.gate.fleet import observe_fleet  # noqa: PLC0415  # only a fleet enters it

        return observe_fleet(setting, answers)
    if setting.problem:
        return unreachable(setting, answers, setting.problem)
    try:
        return in_snapshot(
            setting.settings,
            setting.options.manners,
            lambda session: _observe(session, setting, answers),
        )
    except DatabaseError as error:
        return unreachable(setting, answers, str(error))


def _observe(session: Session, setting: Setting, answers: Mapping[str, Measurement]) -> Observation:
    options = setting.options
    identity, now = read_identity(session)
    lost = session.lost_anchor
    ahead = datetime.now(UTC) - now
    facts, events = read_facts(session, setting)
    plan = plan_of(setting, facts, options.as_of or now)
    window = plan.window
    measured = with_our_clock(setting.criteria, take(session, plan), ahead)
    seen = Observation(window, now, facts, identity, measured, {}, events, lost)
    return with_answers(setting, seen, answers)


def with_answers(
    setting: Setting, seen: Observation, answers: Mapping[str, Measurement]
) -> Observation:
    """Judge what was seen together with what the application answered.

    Args:
        setting: From `resolve`.
        seen: Without findings.
        answers: As `observe` takes them.
    """
    silent = {
        setting.mask(one.missing.subject)
        for one in answers.values()
        if one.missing and is_silent(one)
    }
    if silent and has_answered(setting, seen, silent):
        answers = down(answers)
    return judged(setting, replace(seen, measurements={**seen.measurements, **answers}))


def with_our_clock(
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


def read_facts(session: Session, setting: Setting) -> tuple[LedgerFacts, tuple[LedgerEvent, ...]]:
    """What the ledger says, and its events; nothing where it is left out on purpose."""
    if LEDGER in setting.options.without:
        return LedgerFacts(problem="left out on purpose"), ()
    return read_ledger(session, setting.environment), read_timeline(session, setting.environment)


def plan_of(setting: Setting, facts: LedgerFacts, as_of: datetime) -> Plan:
    """What is measured: the window ends at `as_of`, and begins after the deployment.

    Args:
        setting: From `resolve`.
        facts: What the ledger says of the deployment.
        as_of: The window's end.
    """
    options = setting.options
    deployed = max(filter(None, (facts.deployed_at, options.deployed_at)), default=None)
    return Plan(
        setting.criteria,
        setting.project.sql_dir,
        setting.environment,
        clip(setting.window_asked, as_of, deployed),
        versions(
            options.migrations_dir or setting.project.migrations_dir,
            first=options.migrations_from,
            last=options.migrations_to,
        ),
    )


def unreachable(setting: Setting, answers: Mapping[str, Measurement], problem: str) -> Observation:
    """What stands in a record where no database could be asked."""
    now = datetime.now(UTC)
    window = clip(setting.window_asked, setting.options.as_of or now, setting.options.deployed_at)
    missing = {
        metric_id: Measurement(metric_id, missing=Remark(Says.UNREACHABLE, detail=problem))
        for metric_id in setting.criteria.metrics
    }
    facts = LedgerFacts(problem=problem)
    return judged(setting, Observation(window, now, facts, None, {**missing, **answers}, {}))


def judged(setting: Setting, observation: Observation) -> Observation:
    """Every expected check's finding, on what was measured."""
    observation = masked(observation, setting.mask)
    measurements = {
        metric.id: _left_out(metric, setting.options)
        or observation.measurements.get(metric.id)
        or Measurement(metric.id, missing=_not_asked(metric, setting.options.endpoints))
        for metric in setting.criteria.metrics.values()
    }
    findings = [
        judge(role, metric, measurements[metric.id], setting.criteria.rules, setting.environment)
        for role, metric in setting.expected
    ]
    by_id = {finding.id: finding for finding in findings}
    window = lessened(observation.window, findings)
    return replace(observation, measurements=measurements, findings=by_id, window=window)


def _left_out(metric: Metric, options: Options) -> Measurement | None:
    names = sorted(metric.groups & options.without)
    return Measurement(metric.id, left_out=Remark(Says.LEFT_OUT, names[0])) if names else None


def _not_asked(metric: Metric, endpoints: Endpoints) -> Remark:
    if metric.survey != ENDPOINTS:
        return Remark(Says.NOT_ASKED)
    if metric.id not in {one.metric for one in endpoints.asked_by("gate")}:
        return Remark(Says.NO_ENDPOINT)
    return Remark(Says.NO_ADDRESS, endpoints.base_url or "")


def masked(observation: Observation, mask: Mask) -> Observation:
    """An observation in which no text holds a secret; made before anything is judged by it.

    Args:
        observation: What one snapshot showed.
        mask: The session's secrets.
    """
    ledger = observation.ledger
    measurements = observation.measurements
    return replace(
        observation,
        ledger=replace(
            ledger, revision=mask(ledger.revision), problem=ledger.problem and mask(ledger.problem)
        ),
        measurements={name: _measurement(one, mask) for name, one in measurements.items()},
        timeline=tuple(
            replace(event, title=mask(event.title), note=mask(event.note))
            for event in observation.timeline
        ),
    )


def _measurement(one: Measurement, mask: Mask) -> Measurement:
    # Of what becomes the same, the counts add up.
    breakdown: dict[str, int] = {}
    for name, count in one.breakdown.items():
        clean = _message(name, mask)
        breakdown[clean] = breakdown.get(clean, 0) + count
    return replace(
        one,
        missing=_remark(one.missing, mask),
        degraded=_remark(one.degraded, mask),
        held_back=_remark(one.held_back, mask),
        recent_missing=_remark(one.recent_missing, mask),
        parts_missing=_remark(one.parts_missing, mask),
        streams=_named(one.streams, mask),
        streams_missing=_remark(one.streams_missing, mask),
        by_part=_named(one.by_part, mask),
        recent=_named(one.recent, mask),
        hours_by_part=_named(one.hours_by_part, mask),
        hourly_parts=_named(one.hourly_parts, mask),
        breakdown=breakdown,
        worst=tuple(
            replace(worst, name=MAIL.sub("<e-mail address>", _message(worst.name, mask)))
            for worst in one.worst
        ),
        notes=tuple(filter(None, (_remark(note, mask) for note in one.notes))),
    )


def _message(text: str, mask: Mask) -> str:
    # By bytes, as a server without an encoding counts: a few that are whole are masked so too.
    length = len(text.encode("utf-8", "backslashreplace"))
    return _spelled(mask.of_cut(text) if length >= CUT_AT_BYTES else mask(text))


def _spelled(text: str) -> str:
    r"""Bytes that are no text, spelled out as the record has them: ``\udc80``."""
    return text.encode("utf-8", "backslashreplace").decode()


def _named(values: Mapping[str, V], mask: Mask) -> dict[str, V]:
    """Names that become the same are kept apart: nothing that was counted is lost."""
    clean: dict[str, V] = {}
    for name, value in values.items():
        free = _spelled(mask(name))
        while free in clean:
            free += " (another)"
        clean[free] = value
    return clean


def _remark(one: Remark | None, mask: Mask) -> Remark | None:
    return one and replace(one, subject=mask(one.subject), detail=mask(one.detail))


def ask_endpoints(setting: Setting, environ: Mapping[str, str]) -> dict[str, Measurement]:
    """Ask the application, always now.

    Args:
        setting: From `resolve`; what it leaves out is not asked.
        environ: Holds the application's address and, optionally, tokens.

    Returns:
        One measurement for each metric that an endpoint feeds; empty when there is no address.
    """
    left_out = ENDPOINTS in setting.options.without
    return {} if left_out else measure_endpoints(setting.options.endpoints, environ)
