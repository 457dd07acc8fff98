"""What was measured, by heading: the figures that the page and the terminal both tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gonogo.model.measurement import Count, Measurement
from gonogo.model.parts import MetricEntry
from gonogo.model.record import Record
from gonogo.report.answers import alone, missing_of, notes_of
from gonogo.report.text import of, share

NO_HEADING = "Other figures"
SECONDS = frozenset({"min", "h", "d"})
TOP = "top"


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
        Heading(title, told) for title, metrics in placed if (told := _figures(record, metrics))
    )


def top_errors(record: Record) -> tuple[TopError, ...]:
    """The most frequent messages of each kind, in the record's order."""
    names = dict.fromkeys(metric for one in record.headings for metric in one.metrics)
    return tuple(
        TopError(record.metrics[name].title, message, count)
        for name in {**names, **dict.fromkeys(record.measurements)}
        if name in record.measurements and record.metrics[name].kind == TOP
        for message, count in sorted(
            record.measurements[name].breakdown.items(), key=lambda one: (-one[1], one[0])
        )
    )


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
    for name, n in sorted(parts, key=lambda part: (-part[1] * by_size, part[0])):
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
