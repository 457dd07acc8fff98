"""Observation and verdict → the document that record.json holds. Pure; recomputes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from gonogo.criteria import Criteria, Metric
from gonogo.gate.facts import subject_of
from gonogo.gate.setting import Observation, Setting
from gonogo.model.finding import Finding, HealthScore, Verdict
from gonogo.model.measurement import Count, LedgerEvent, Measurement, Window
from gonogo.model.window import format_duration, format_moment
from gonogo.report.english import limits_text, reason_of, remark_of, verdict_reasons
from gonogo.report.numbers import show_value

Json = dict[str, object]


def header(setting: Setting, started_at: datetime, reproduce: str) -> Json:
    """What is known before the first check runs: an aborted run leaves just this.

    Args:
        setting: From `resolve`.
        started_at: When the run began, by our clock.
        reproduce: The exact command.
    """
    asked = format_duration(setting.window_asked)
    return {
        "kind": "gate",
        "title": f"{setting.environment.capitalize()} gate, {asked}",
        "environment": setting.environment.value,
        "simulated": setting.simulated,
        "started_at": format_moment(started_at),
        "expected": [f"{role}:{metric.id}" for role, metric in setting.expected],
        "reproduce": reproduce,
        "verdict": None,
        "outcome": None,
        "steps": [],
    }


def document(
    setting: Setting,
    observation: Observation,
    findings: Iterable[Finding],
    verdict: Verdict,
    score: HealthScore | None,
) -> Json:
    """Everything that was measured and judged, beside the record's `header`.

    Args:
        setting: From `resolve`.
        observation: From `observe`.
        findings: Those that a check of this run asserted.
        verdict: The decision.
        score: The health score; None when nothing was measured.
    """
    metrics, findings = setting.criteria.metrics, tuple(findings)
    return {
        "as_of_age_s": int((observation.taken_at - observation.window.end).total_seconds()),
        "verdict": _verdict(verdict, findings, metrics),
        "window": _window(observation.window),
        "score": _score(score),
        "headings": _headings(setting.criteria),
        "findings": [
            _finding(finding, metrics[finding.metric], observation.measurements[finding.metric])
            for finding in findings
        ],
        "measurements": {
            metric.id: _measurement(metric, observation.measurements[metric.id])
            for metric in metrics.values()
            if metric.kind != "top"
        },
        "top_errors": _top_errors(setting.criteria, observation),
        "timeline": [_event(event) for event in observation.timeline],
        "subject": subject_of(setting, observation),
    }


def unmeasured(verdict: Verdict) -> Json:
    """The document of a run that ended before anything was measured."""
    return {
        "as_of_age_s": 0,
        "verdict": _verdict(verdict, (), {}),
        "window": None,
        "score": None,
        "findings": [],
        "measurements": {},
        "top_errors": [],
        "subject": None,
        "facts": {},
    }


def _headings(criteria: Criteria) -> list[Json]:
    return [
        {"title": heading, "metrics": [metric.id for metric in found if metric.kind != "top"]}
        for heading, found in criteria.by_heading().items()
    ]


def _top_errors(criteria: Criteria, observation: Observation) -> list[Json]:
    return [
        {"source": metric.title, "message": message, "count": count}
        for metric in criteria.metrics.values()
        if metric.kind == "top"
        for message, count in observation.measurements[metric.id].breakdown.items()
    ]


def _verdict(verdict: Verdict, findings: Iterable[Finding], metrics: Mapping[str, Metric]) -> Json:
    given = tuple(findings)
    return {
        "kind": verdict.kind.value,
        "exit_code": verdict.kind.exit_code,
        "reasons": list(verdict_reasons(verdict.reasons, given, metrics)),
        "warnings": list(verdict_reasons(verdict.warnings, given, metrics)),
        "not_run": list(verdict.not_run),
    }


def _window(window: Window) -> Json:
    return {
        "asked_s": int(window.asked.total_seconds()),
        "start": format_moment(window.start),
        "end": format_moment(window.end),
        "covered_s": int(window.covered.total_seconds()),
        "complete": window.complete,
        "deployed_at": format_moment(window.deployed_at) if window.deployed_at else None,
    }


def _score(score: HealthScore | None) -> Json | None:
    if score is None:
        return None
    parts = [{"name": name, "got": got, "of": of} for name, (got, of) in score.parts.items()]
    return {
        "points": score.points,
        "measured": score.measured,
        "band": score.band,
        "parts": parts,
    }


def _finding(finding: Finding, metric: Metric, measurement: Measurement) -> Json:
    interval = finding.interval
    return {
        "id": finding.id,
        "metric": finding.metric,
        "role": finding.role.value,
        "group": metric.group,
        "title": metric.title,
        "outcome": finding.outcome.value,
        "limit": limits_text(finding.limits),
        "reason": reason_of(finding, metric),
        "worsened": finding.worsened,
        "value": None
        if measurement.missing
        else show_value(metric, measurement.count, measurement.value),
        "count": _count(measurement.count),
        "interval": {"low": interval.low, "high": interval.high} if interval else None,
        "recommendation": {
            "means": metric.means,
            "first": metric.first,
            "query": metric.query.strip(),
        },
    }


def _measurement(metric: Metric, measurement: Measurement) -> Json:
    return {
        "title": metric.title,
        "unit": metric.unit or ("%" if measurement.count else ""),
        "value": None
        if measurement.missing
        else show_value(metric, measurement.count, measurement.value),
        "missing": remark_of(measurement.missing) if measurement.missing else None,
        "count": _count(measurement.count),
        "by_part": {name: _count(count) for name, count in measurement.by_part.items()},
        "hourly": [
            {"start": format_moment(hour.start), "k": hour.count.k, "n": hour.count.n}
            for hour in measurement.hourly
        ],
        "hourly_parts": {name: list(counts) for name, counts in measurement.hourly_parts.items()},
        "breakdown": dict(measurement.breakdown),
        "notes": list(map(remark_of, measurement.notes)),
    }


def _event(event: LedgerEvent) -> Json:
    at = format_moment(event.at)
    return {"at": at, "kind": event.kind, "title": event.title, "note": event.note}


def _count(count: Count | None) -> Json | None:
    return {"k": count.k, "n": count.n} if count else None
