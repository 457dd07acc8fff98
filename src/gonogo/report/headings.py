"""What was measured, by heading: the figures that the page and the terminal both tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.report.text import of, share

Json = Mapping[str, Any]
NO_HEADING = "Other figures"
SECONDS = frozenset({"min", "h", "d"})


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


def headings(document: Json) -> tuple[Heading, ...]:
    """All measurements, each under one heading, in the record's order.

    Args:
        document: A record with all of its keys.
    """
    measurements: Json = document["measurements"]
    placed = [(one["title"], one["metrics"]) for one in document["headings"]]
    known = {metric for _, metrics in placed for metric in metrics}
    placed.append((NO_HEADING, [metric for metric in measurements if metric not in known]))
    return tuple(
        Heading(title, told) for title, metrics in placed if (told := _figures(document, metrics))
    )


def _figures(document: Json, metrics: Sequence[str]) -> tuple[Figure, ...]:
    measurements: Json = document["measurements"]
    there = [(metric, measurements[metric]) for metric in metrics if metric in measurements]
    return tuple(_figure(metric, measurement) for metric, measurement in there)


def _figure(metric: str, measurement: Json) -> Figure:
    count = measurement["count"]
    value = measurement["value"]
    missing = measurement["missing"] or (None if value else "not told")
    if missing is None and count:
        value = str(value).removesuffix(f" ({count['k']} of {count['n']})")
    return Figure(
        metric,
        measurement["title"],
        f"no data: {missing}" if missing else str(value),
        of(count) if count else "",
        bool(missing),
        tuple(_parts(measurement)),
        tuple(measurement["notes"]),
    )


def _parts(measurement: Json) -> Iterator[Part]:
    for name, count in measurement["by_part"].items():
        yield Part(name, of(count), share(count))
    breakdown: Mapping[str, int] = measurement["breakdown"]
    whole, unit = _whole(measurement), _unit(measurement["unit"])
    # Counts the largest first; lengths and percentiles by what they are of.
    by_size = measurement["count"] is not None
    for name, n in sorted(breakdown.items(), key=lambda part: (-part[1] * by_size, part[0])):
        told = share({"k": n, "n": whole}) if whole else ""
        yield Part(name, f"{n:,} {unit}".strip(), told)


def _whole(measurement: Json) -> int | None:
    """What a breakdown is a share of: its n or k, whichever the parts add up to."""
    count, total = measurement["count"], sum(measurement["breakdown"].values())
    return total if count and total and total in {count["n"], count["k"]} else None


def _unit(unit: str) -> str:
    """Of a breakdown's figures: a share is broken down into counts, a length of time in seconds."""
    return "" if unit == "%" else "s" if unit in SECONDS else unit
