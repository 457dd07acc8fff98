"""Metrics that are no plain sum."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from gonogo.criteria import Metric
from gonogo.measure.cube import DERIVATIONS, longest_gap, per_day, sum_of_all
from gonogo.measure.surveys import Table
from gonogo.model.kinds import Says
from gonogo.model.measurement import Remark, Window
from gonogo.postgres.readonly import Row

END = datetime(2026, 11, 23, tzinfo=UTC)
START = END - timedelta(hours=48)
WINDOW = Window(timedelta(hours=48), START, END)
EMPTY = Window(timedelta(hours=48), END, END)
GAP = Metric(
    id="traffic.longest_gap",
    title="Longest stretch without a sync",
    kind="quantity",
    survey="sync_cube",
    derived="longest_gap",
    by="integration",
    parts_in="schedule_states",
)
FREQUENCY = Metric(
    id="webhook.frequency",
    title="Notifications per subscription and day",
    kind="quantity",
    survey="webhook_cube",
    derived="per_day",
    value="n",
    per={"webhook_subscriptions": "active"},
    empty_reason="there is no active subscription",
)
ERRORS = Metric(
    id="errors.critical",
    title="Critical error messages",
    kind="quantity",
    survey="sync_errors",
    derived="sum",
    value="critical",
    plus={"webhook_errors": "critical", "sync_cube": "critical", "webhook_cube": "critical"},
)
BOTH = ("google_calendar", "google_contacts")


def at(hours: float) -> datetime:
    """So many hours into the window, as the database's columns hold it."""
    return (START + timedelta(hours=hours)).replace(tzinfo=None)


def seen(integration: str, *stretches: tuple[float, float]) -> list[Row]:
    """Cube rows whose first and last sync lie at these hours."""
    return [
        {"integration": integration, "first_at": at(first), "last_at": at(last)}
        for first, last in stretches
    ]


def gap(rows: list[Row], connected: tuple[str, ...] = BOTH) -> tuple[float, dict[str, float]]:
    """Longest stretch in hours, and by integration."""
    connections = tuple({"integration": name, "connections": 1} for name in connected)
    tables = {"sync_cube": Table(tuple(rows)), "schedule_states": Table(connections)}
    measurement = longest_gap(GAP, tables, WINDOW)
    assert measurement.value is not None
    parts = {name: seconds / 3600 for name, seconds in measurement.breakdown.items()}
    return float(measurement.value) / 3600, parts


@pytest.mark.parametrize(
    ("stretches", "hours"),
    [
        ([(0, 1), (1, 48)], 0),
        ([(0, 48)], 0),
        ([(0, 10), (24, 48)], 14),
        ([(13.5, 48)], 13.5),
        ([(0, 21)], 27),
        ([(0, 30), (5, 6), (7, 40)], 8),
        ([], 48),
    ],
)
def test_the_longest_gap_counts_the_ends_of_the_window(
    stretches: list[tuple[float, float]], hours: float
) -> None:
    """Before the first sync, between two, after the last; overlapping rows leave none."""
    assert gap(seen("google_calendar", *stretches), ("google_calendar",))[0] == hours


def test_one_integration_that_fell_silent_is_seen() -> None:
    """Contacts go on all the time; calendar has been still for 27 hours."""
    rows = seen("google_contacts", (0, 48)) + seen("google_calendar", (0, 21))
    assert gap(rows) == (27, {"google_calendar": 27, "google_contacts": 0})


def test_an_integration_with_connections_and_no_sync_is_a_gap_of_the_whole_window() -> None:
    """It has no row to show it; its connections do."""
    assert gap(seen("google_contacts", (0, 48)))[1]["google_calendar"] == 48


def test_an_integration_without_connections_has_no_gap() -> None:
    """Nobody uses it any more."""
    rows = seen("google_contacts", (0, 48)) + seen("google_calendar", (0, 1))
    assert gap(rows, ("google_contacts",)) == (0, {"google_contacts": 0})


@pytest.mark.parametrize("metric", [GAP, FREQUENCY], ids=lambda metric: metric.derived)
def test_an_empty_window_tells_nothing(metric: Metric) -> None:
    """Right after the deployment no gap has been and nothing is frequent: no data, not zero."""
    derive = DERIVATIONS[metric.derived or "sum"]
    measurement = derive(metric, {name: Table() for name in metric.sources}, EMPTY)
    assert measurement.missing == Remark(Says.EMPTY_WINDOW)


def test_the_frequency_is_per_subscription_and_day() -> None:
    """480 notifications of 24 subscriptions in two days are ten; ignored ones count as well."""
    tables = {
        "webhook_cube": Table(({"result": "success", "n": 400}, {"result": "ignored", "n": 80})),
        "webhook_subscriptions": Table(({"active": 24},)),
    }
    assert per_day(FREQUENCY, tables, WINDOW).value == Fraction(10)
    day = Window(timedelta(hours=48), END - timedelta(hours=24), END)
    assert per_day(FREQUENCY, tables, day).value == Fraction(20)


def test_no_active_subscription_is_no_data() -> None:
    """Zero rows where there must be some."""
    tables = {"webhook_cube": Table(), "webhook_subscriptions": Table(({"active": 0},))}
    measurement = per_day(FREQUENCY, tables, WINDOW)
    assert measurement.missing == Remark(Says.TEAM, detail="there is no active subscription")


def test_critical_errors_of_every_result_are_counted_once() -> None:
    """Failures come with the most frequent messages, all other rows from the two cubes."""
    tables = {
        "sync_errors": Table(({"n": 9, "critical": None}, {"n": None, "critical": 3})),
        "webhook_errors": Table(({"n": None, "critical": 4},)),
        "sync_cube": Table(({"critical": 0}, {"critical": 1})),
        "webhook_cube": Table(({"critical": 2},)),
    }
    assert sum_of_all(ERRORS, tables, WINDOW).value == 10
