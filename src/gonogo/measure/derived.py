"""Metrics derived from several surveys or from moments: pure functions of the surveys' tables.

A derivation finds every survey of its metric's `sources`, and each of them answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction

from gonogo.criteria import Derived, Metric
from gonogo.measure.cube import total
from gonogo.measure.surveys import Table, naive
from gonogo.model.measurement import Measurement, Remark, Window
from gonogo.model.reasons import Says
from gonogo.postgres.readonly import Row

Tables = Mapping[str, Table]
Derivation = Callable[[Metric, Tables, Window], Measurement]
DAY = timedelta(days=1)
EMPTY = Remark(Says.EMPTY_WINDOW)


def longest_gap(metric: Metric, tables: Tables, window: Window) -> Measurement:
    """Longest stretch of the window without an event, whole and by each part of `parts_in`.

    The cube holds each hour's first and last moment, so a gap is exact as soon as it crosses the
    end of a slice; one within a slice is shorter than an hour and never the limit's business.
    """
    if not window.covered:
        return Measurement(metric.id, missing=EMPTY)
    rows, by = tables[metric.survey].rows, metric.by or ""
    parts = tables[metric.parts_in].rows if metric.parts_in else ()
    names = sorted({str(row[by]) for row in parts})
    gaps = {name: _gap([row for row in rows if row[by] == name], window) for name in names}
    whole = _gap(rows, window)
    worst = max([whole, *gaps.values()])
    return Measurement(
        metric.id,
        value=_seconds(worst),
        breakdown={name: int(gap.total_seconds()) for name, gap in gaps.items()},
    )


def per_day(metric: Metric, tables: Tables, window: Window) -> Measurement:
    """The sum of `value`, per thing that `per` counts and per day that the window covers."""
    if not window.covered:
        return Measurement(metric.id, missing=EMPTY)
    events = total(tables[metric.survey].rows, metric.value or "")
    things = _sum(tables, metric.per)
    if not things:
        named = "empty_reason" in metric.model_fields_set
        summed = " and ".join(f"{column} of {name}.sql" for name, column in metric.per.items())
        reason = Remark(Says.TEAM, detail=metric.empty_reason)
        return Measurement(
            metric.id, missing=reason if named else Remark(Says.DIVIDED_BY_NONE, summed)
        )
    days = _seconds(window.covered) / _seconds(DAY)
    return Measurement(metric.id, value=Fraction(events, things) / days)


def sum_of_all(metric: Metric, tables: Tables, _window: Window) -> Measurement:
    """The sum of `value` and of each column that `plus` adds from a further survey."""
    own = total(tables[metric.survey].rows, metric.value or "")
    return Measurement(metric.id, value=Fraction(own + _sum(tables, metric.plus)))


def _sum(tables: Tables, columns: Mapping[str, str]) -> int:
    return sum(total(tables[survey].rows, column) for survey, column in columns.items())


def _gap(rows: Iterable[Row], window: Window) -> timedelta:
    edges: list[tuple[datetime, datetime]] = []
    for row in rows:
        first, last = row["first_at"], row["last_at"]
        if isinstance(first, datetime) and isinstance(last, datetime):
            edges.append((first, last))
    newest, longest = naive(window.start), timedelta()
    for first, last in sorted(edges):
        if first > newest:
            longest = max(longest, first - newest)
        newest = max(newest, last)
    return max(longest, naive(window.end) - newest)


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 1_000_000)


DERIVATIONS: Mapping[Derived, Derivation] = {
    "longest_gap": longest_gap,
    "per_day": per_day,
    "sum": sum_of_all,
}
