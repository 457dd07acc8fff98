"""Metrics that are no plain sum: pure functions of the surveys' tables, named in the criteria.

A derivation finds every survey that its metric names, in ``survey`` and ``also``, and answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction

from gonogo.measure.cube import integer, total
from gonogo.measure.surveys import Table, naive
from gonogo.model.measurement import Measurement, Window
from gonogo.postgres.reading import Row

Tables = Mapping[str, Table]
Derivation = Callable[[str, Tables, Window], Measurement]
DAY = timedelta(days=1)
EMPTY = "the window is empty: nothing has happened yet"


def longest_gap(metric: str, tables: Tables, window: Window) -> Measurement:
    """Longest stretch of the window without a sync, whole and by integration with connections.

    The cube holds each hour's first and last moment, so a gap is exact as soon as it crosses the
    end of a slice; one within a slice is shorter than an hour and never the limit's business.
    """
    if not window.covered:
        return Measurement(metric, missing=EMPTY)
    rows = tables["sync_cube"].rows
    names = sorted({str(row["integration"]) for row in tables["schedule_states"].rows})
    gaps = {
        name: _gap([row for row in rows if row["integration"] == name], window) for name in names
    }
    whole = _gap(rows, window)
    worst = max([whole, *gaps.values()])
    return Measurement(
        metric,
        value=_seconds(worst),
        breakdown={name: int(gap.total_seconds()) for name, gap in gaps.items()},
    )


def webhook_frequency(metric: str, tables: Tables, window: Window) -> Measurement:
    """Notifications per active subscription and day, over what the window covers."""
    if not window.covered:
        return Measurement(metric, missing=EMPTY)
    active = sum(integer(row["active"]) for row in tables["webhook_subscriptions"].rows)
    notifications = sum(integer(row["n"]) for row in tables["webhook_cube"].rows)
    if not active:
        return Measurement(metric, missing="there is no active subscription")
    days = _seconds(window.covered) / _seconds(DAY)
    return Measurement(metric, value=Fraction(notifications, active) / days)


def critical_errors(metric: str, tables: Tables, _window: Window) -> Measurement:
    """Rows with a critical message: failures, and those of another result that the cubes count."""
    failed = total(tables["critical_errors"].rows, "n")
    others = sum(total(tables[name].rows, "critical") for name in ("sync_cube", "webhook_cube"))
    return Measurement(metric, value=Fraction(failed + others))


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


DERIVATIONS: Mapping[str, Derivation] = {
    "critical_errors": critical_errors,
    "longest_gap": longest_gap,
    "webhook_frequency": webhook_frequency,
}
