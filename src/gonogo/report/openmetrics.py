"""A gate's figures as OpenMetrics, for the textfile collector of Prometheus' node_exporter.

Gauges alone, and no moment beside a sample: that collector reads no others. Whoever scrapes has the
age of a record from ``time() - gonogo_record_timestamp_seconds``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from gonogo.model.kinds import Level, VerdictKind
from gonogo.model.limit import Limit
from gonogo.model.record import MetricEntry, Record
from gonogo.record.files import write_whole

# Read by another user, who collects.
MODE = 0o644
HELP = {
    "gonogo_verdict": "1 for the verdict of the newest record, 0 for the others.",
    "gonogo_record_timestamp_seconds": "When the newest record was closed, in Unix time.",
    "gonogo_window_timestamp_seconds": "The end of the window that it judges, in Unix time.",
    "gonogo_coverage_ratio": "How much of the window that was asked for has data.",
    "gonogo_health_score_points": "The health score, 0 to 100.",
    "gonogo_health_score_measured_points": "The weight that had data, 0 to 100.",
    "gonogo_rate_ratio": "A rate: k of n.",
    "gonogo_rate_k": "How many of them.",
    "gonogo_rate_n": "How many in all.",
    "gonogo_limit_ratio": "Where a rate meets its objective or reaches a level, by operator.",
    "gonogo_check": "1 for the outcome of each check, which is named by role and metric.",
}
ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
Sample = tuple[str, Mapping[str, str], float | Fraction]


def write_metrics(record: Record, directory: Path) -> str | None:
    """Write ``gonogo_<environment>.prom`` in one piece; an aborted run leaves it as it is.

    Args:
        record: A gate's record.
        directory: Where the collector looks; made when it is missing.

    Returns:
        Why it could not be written, in one line; None when all is well.
    """
    if not record.is_whole:
        return None
    file = directory / f"gonogo_{record.environment}.prom"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(file, openmetrics(record).encode(), MODE)
    except OSError as error:
        return f"the metrics could not be written: {file}: {error.strerror}"
    return None


def openmetrics(record: Record) -> str:
    """The text: valid OpenMetrics, and valid in Prometheus' own older format.

    Args:
        record: A gate's record.
    """
    samples: dict[str, list[str]] = {name: [] for name in HELP}
    for name, labels, value in _samples(record):
        every = {"environment": record.environment, **labels}
        shown = ",".join(f'{key}="{text.translate(ESCAPED)}"' for key, text in every.items())
        samples[name].append(f"{name}{{{shown}}} {float(value)!r}")
    lines: list[str] = []
    for name, found in samples.items():
        if found:
            lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge", *found]
    return "\n".join([*lines, "# EOF", ""])


def _samples(record: Record) -> Iterator[Sample]:
    for kind in VerdictKind:
        given = record.verdict is not None and record.verdict.kind is kind
        yield "gonogo_verdict", {"verdict": kind}, given
    if record.finished_at:
        yield "gonogo_record_timestamp_seconds", {}, record.finished_at.timestamp()
    if window := record.window:
        yield "gonogo_window_timestamp_seconds", {}, window.end.timestamp()
        yield "gonogo_coverage_ratio", {}, window.covered / window.asked
    if score := record.score:
        yield "gonogo_health_score_points", {}, score.points
        yield "gonogo_health_score_measured_points", {}, score.measured
    for name, measured in record.measurements.items():
        if (count := measured.count) is None:
            continue
        yield "gonogo_rate_k", {"metric": name}, count.k
        yield "gonogo_rate_n", {"metric": name}, count.n
        # Of none nothing can be said.
        if count.share is not None:
            yield "gonogo_rate_ratio", {"metric": name}, count.share
        for labels, bound in _limits(record, record.metrics[name]):
            yield "gonogo_limit_ratio", {"metric": name, **labels}, bound
    for found in record.findings:
        labels = {"metric": found.metric, "role": found.role, "outcome": found.outcome}
        yield "gonogo_check", labels, 1


def _limits(record: Record, entry: MetricEntry) -> Iterator[tuple[Mapping[str, str], Fraction]]:
    """Each bound of each level; a band has two."""
    levels: dict[Level, Limit | None] = {
        Level.OBJECTIVE: entry.objective.get(record.environment),
        Level.WARNING: entry.warning,
        Level.CRITICAL: entry.critical,
        Level.TRIGGER: entry.trigger,
    }
    for level, limit in levels.items():
        for one in limit.comparisons if limit else ():
            if one.upper is None:
                yield {"level": level, "operator": one.operator}, one.bound
            else:
                yield {"level": level, "operator": ">="}, one.bound
                yield {"level": level, "operator": "<="}, one.upper
