"""A record's findings, measurements and verdict in words: what every page and terminal shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gonogo.model.finding import Finding, LevelLimit, VerdictReason
from gonogo.model.kinds import Outcome, Role, Why
from gonogo.model.limit import Interval
from gonogo.model.measurement import Count, Measurement
from gonogo.model.parts import MetricEntry
from gonogo.model.record import Record
from gonogo.report.english import limit_text, limits_text, reason_of, remark_of, verdict_reasons
from gonogo.report.numbers import show_share, show_value


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
        """K of n."""
        return self.measurement.count

    @property
    def title(self) -> str:
        """What the metric is called."""
        return self.entry.title

    @property
    def value(self) -> str | None:
        """What was measured, with its counts; None where there is nothing."""
        return value_of(self.entry, self.measurement)

    @property
    def value_alone(self) -> str:
        """What was measured, without the counts that stand in a column of their own."""
        return alone(self.entry, self.measurement)

    @property
    def limit(self) -> str:
        """The limits as the criteria file writes them."""
        return limits_text(self.finding.limits)

    @property
    def limit_parts(self) -> tuple[str, ...]:
        """The same, each of its own."""
        return tuple(map(limit_text, self.finding.limits))

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
    """What else there is to say of a measurement."""
    return tuple(map(remark_of, measurement.notes))


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
