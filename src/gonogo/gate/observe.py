"""One snapshot, one judgement: every expected check gets its finding here.

A database that is out of reach makes every check inconclusive, never an error: its record is
written all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gonogo.application.endpoints import down, is_silent, measure_endpoints
from gonogo.config.application import MAIL, Endpoints
from gonogo.criteria import ENDPOINTS, Criteria, Metric
from gonogo.errors import DatabaseError, RecordError
from gonogo.gate.closing import provenance
from gonogo.gate.setting import LEDGER, Observation, Options, Setting
from gonogo.judge.coverage import lessened
from gonogo.judge.finding import judge
from gonogo.ledger.migration import versions
from gonogo.masking import Mask
from gonogo.measure.ledger_facts import LedgerFacts, read_ledger, read_timeline
from gonogo.measure.take import Plan, take
from gonogo.model.kinds import Kind, Says
from gonogo.model.limit import Json
from gonogo.model.measurement import Measurement, Remark, clip
from gonogo.model.record import Record
from gonogo.postgres.readonly import Session
from gonogo.postgres.snapshot import in_snapshot, read_identity
from gonogo.record.canonical import database_of, read_record
from gonogo.record.listing import ArchivedRecord, list_records

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
    lost = session.lost_anchor
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
            last=options.migrations_to,
        ),
    )
    asked_ledger = LEDGER not in options.without
    events = read_timeline(session, setting.environment) if asked_ledger else ()
    measured = _with_our_clock(setting.criteria, take(session, plan), ahead)
    seen = Observation(window, now, facts, identity, measured, {}, events, lost)
    silent = {
        setting.mask(one.missing.subject)
        for one in answers.values()
        if one.missing and is_silent(one)
    }
    if silent and _has_answered(setting, seen, silent):
        answers = down(answers)
    return _judged(setting, replace(seen, measurements={**measured, **answers}))


def _has_answered(setting: Setting, observation: Observation, urls: Iterable[str]) -> bool:
    """Whether one of these addresses answered after the deployment, as the archive's records say.

    Each record that says so is read itself: an earlier listing's notes only find it.

    Args:
        setting: Whose archive.
        observation: Which database, and which deployment.
        urls: As records have them.
    """
    database = database_of(provenance(setting, observation))
    number, deployed_at = observation.ledger.deployment, observation.window.deployed_at

    def is_of_it(one: ArchivedRecord) -> bool:
        if one.environment != setting.environment or one.database != (database or None):
            return False
        looked = one.is_look and one.deployed_at == deployed_at is not None
        return looked or (one.kind is Kind.DEPLOYMENT and bool(number))

    with suppress(OSError):
        for one in filter(is_of_it, list_records(setting.archive_dir, quick=True)):
            with suppress(RecordError):
                record = read_record(one.directory)
                deployment = record.subject.deployment if record.subject else ""
                if deployment == number and not _addresses(record).isdisjoint(urls):
                    return True
    return False


def _addresses(record: Record) -> frozenset[str]:
    """The addresses that answered as they must, by a gate's record or a deployment's own steps."""
    of_gate = (
        note.subject
        for one in record.measurements.values()
        for note in one.notes
        if one.value and note.says is Says.ANSWERED
    )
    proofs = (step.evidence for step in record.steps if step.outcome == "succeeded")
    of_steps = (
        str(shown["url"])
        for proof in proofs
        for shown in (proof.get("answer"), *_several(proof.get("answers")))
        if isinstance(shown, Mapping) and shown.get("status")
    )
    return frozenset([*of_gate, *of_steps])


def _several(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


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
        ledger=replace(ledger, revision=mask(ledger.revision), problem=_line(ledger.problem, mask)),
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


def _line(text: str | None, mask: Mask) -> str | None:
    return None if text is None else mask(text)


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
