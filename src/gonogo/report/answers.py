"""What page and terminal show of a record: findings, verdict and figures in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gonogo.model.finding import Finding, LevelLimit, VerdictReason
from gonogo.model.kinds import Outcome, Role, Why
from gonogo.model.limit import Interval
from gonogo.model.measurement import Count, Measurement
from gonogo.model.record import MetricEntry, Record
from gonogo.report.english import (
    limits_text,
    reason_of,
    remark_of,
    show_share,
    show_value,
    silence_text,
    verdict_reasons,
    whose,
)
from gonogo.report.sentences import MORE
from gonogo.report.text import of, share


@dataclass(frozen=True, slots=True)
class Answer:
    """A finding with what a reader needs beside it.

    Args:
        finding: What was judged.
        entry: The metric's name, limits and recommendation.
        measurement: What was counted.
    """

    finding: Finding
    entry: MetricEntry
    measurement: Measurement

    @property
    def id(self) -> str:
        """Role and metric."""
        return self.finding.id

    @property
    def metric(self) -> str:
        """The metric's id."""
        return self.finding.metric

    @property
    def role(self) -> Role:
        """What was asked."""
        return self.finding.role

    @property
    def outcome(self) -> Outcome:
        """The answer."""
        return self.finding.outcome

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of a rate."""
        return self.finding.interval

    @property
    def limits(self) -> tuple[LevelLimit, ...]:
        """What was asked for."""
        return self.finding.limits

    @property
    def count(self) -> Count | None:
        """K of n; not of a presence, which counts no share."""
        return None if self.role is Role.PRESENCE else self.measurement.count

    @property
    def title(self) -> str:
        """What the metric is called."""
        return self.entry.title

    @property
    def value(self) -> str | None:
        """What was measured, with its counts; None where there is nothing."""
        return silence_text(self.finding) or value_of(self.entry, self.measurement)

    @property
    def limit(self) -> str:
        """The limits as the criteria file writes them."""
        return limits_text(self.finding.limits)

    @property
    def reason(self) -> str:
        """Why the outcome is what it is."""
        return reason_of(self.finding, self.entry)


def answers(record: Record) -> tuple[Answer, ...]:
    """The findings of a record, in the order of the criteria file."""
    return tuple(
        Answer(one, record.metrics[one.metric], record.measurements[one.metric])
        for one in record.findings
    )


def value_of(entry: MetricEntry, measurement: Measurement) -> str | None:
    """What was measured, with its counts; None where it is missing."""
    if measurement.missing:
        return None
    return show_value(entry, measurement.count, measurement.value)


def alone(entry: MetricEntry, measurement: Measurement) -> str:
    """What was measured, without its counts."""
    count = measurement.count
    if measurement.missing or count is None or count.share is None:
        return value_of(entry, measurement) or "no data"
    return show_share(count.share, entry.limits)


def missing_of(measurement: Measurement) -> str | None:
    """Why there is nothing to show; None when there is."""
    return remark_of(measurement.missing) if measurement.missing else None


def notes_of(measurement: Measurement) -> tuple[str, ...]:
    """What else there is to say of a measurement, and whose its failures are."""
    return (*map(remark_of, measurement.notes), *whose(measurement))


def reasons(record: Record, *, named: bool = False, of_findings: bool = True) -> tuple[str, ...]:
    """Why the verdict is what it is.

    Args:
        record: Any.
        named: Whether a metric is called by its title instead of its id.
        of_findings: Whether findings are among them; they stand elsewhere with their sentences.
    """
    given = record.verdict.reasons if record.verdict else ()
    names = {name: entry.title for name, entry in record.metrics.items()} if named else {}
    return _sentences(record, given, names, of_findings=of_findings)


def warnings(record: Record, *, of_findings: bool = True) -> tuple[str, ...]:
    """What does not change the verdict.

    Args:
        record: Any.
        of_findings: Whether findings are among them.
    """
    given = record.verdict.warnings if record.verdict else ()
    return _sentences(record, given, {}, of_findings=of_findings)


def _sentences(
    record: Record,
    given: Iterable[VerdictReason],
    names: Mapping[str, str],
    *,
    of_findings: bool,
) -> tuple[str, ...]:
    shown = [one for one in given if of_findings or one.why is not Why.FINDING]
    return verdict_reasons(shown, record.findings, record.metrics, names)


NO_HEADING = "Other figures"
SECONDS = frozenset({"min", "h", "d"})
TOP = "top"
MOST_PARTS = 50


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a figure: of one part, one state, one reason."""

    name: str
    count: str
    share: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric.

    Args:
        metric: Its id.
        title: What it is called.
        value: Without the counts; why there is none, where there is none.
        of: K of n; empty for what is no share.
        is_missing: Whether there are no data.
        parts: What it consists of, the parts of `by` first.
        notes: What else there is to say.
    """

    metric: str
    title: str
    value: str
    of: str
    is_missing: bool
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and its figures."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class TopError:
    """One of the most frequent error messages."""

    source: str
    message: str
    count: int


def headings(record: Record) -> tuple[Heading, ...]:
    """All measurements, each under one heading, in the record's order."""
    known = {metric for one in record.headings for metric in one.metrics}
    placed = [(one.title, one.metrics) for one in record.headings]
    placed.append((NO_HEADING, tuple(name for name in record.measurements if name not in known)))
    return tuple(
        Heading(title, figures)
        for title, metrics in placed
        if (figures := _figures(record, metrics))
    )


def top_errors(record: Record) -> tuple[TopError, ...]:
    """The most frequent messages of each kind, in the record's order."""
    names = dict.fromkeys(metric for one in record.headings for metric in one.metrics)
    return tuple(
        TopError(record.metrics[name].title, message, count)
        for name in {**names, **dict.fromkeys(record.measurements)}
        if name in record.measurements and record.metrics[name].kind == TOP
        for message, count in _most(
            sorted(record.measurements[name].breakdown.items(), key=lambda one: (-one[1], one[0]))
        )
    )


def _most(parts: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The first of many, and how many more there are: record.json has each."""
    yield from parts[:MOST_PARTS]
    if rest := parts[MOST_PARTS:]:
        yield MORE.format(n=len(rest)), sum(count for _, count in rest)


def _figures(record: Record, metrics: Sequence[str]) -> tuple[Figure, ...]:
    there = [metric for metric in metrics if metric in record.measurements]
    return tuple(
        _figure(metric, record.metrics[metric], record.measurements[metric])
        for metric in there
        if record.metrics[metric].kind != TOP
    )


def _figure(metric: str, entry: MetricEntry, measurement: Measurement) -> Figure:
    count, missing = measurement.count, missing_of(measurement)
    if missing is None and count is None and measurement.value is None:
        missing = "left out" if measurement.left_out else "nothing was measured"
    return Figure(
        metric,
        entry.title,
        f"no data: {missing}" if missing else alone(entry, measurement),
        of(count) if count else "",
        bool(missing),
        tuple(_parts(entry, measurement)),
        notes_of(measurement),
    )


def _parts(entry: MetricEntry, measurement: Measurement) -> Iterator[Part]:
    for name, count in measurement.by_part.items():
        yield Part(name, of(count), share(count))
    whole, unit = _whole(measurement), _unit(entry, measurement)
    # Counts the largest first; lengths and percentiles by what they are of.
    by_size = measurement.count is not None
    parts = measurement.breakdown.items()
    for name, n in _most(sorted(parts, key=lambda part: (-part[1] * by_size, part[0]))):
        yield Part(name, f"{n:,} {unit}".strip(), share(Count(n, whole)) if whole else "")


def _whole(measurement: Measurement) -> int | None:
    """What a breakdown is a share of: its n or k, whichever the parts add up to."""
    count, total = measurement.count, sum(measurement.breakdown.values())
    return total if count and total and total in {count.n, count.k} else None


def _unit(entry: MetricEntry, measurement: Measurement) -> str:
    """Of a breakdown's figures: a share is broken down into counts, a length of time in seconds."""
    if measurement.count and not entry.unit:
        return ""
    return "s" if entry.unit in SECONDS else entry.unit.replace("%", "")
