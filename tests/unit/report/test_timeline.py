"""A soak over time: which of its moments have a record, and how rates and records are drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gonogo.model.kinds import Environment
from gonogo.model.measurement import Count
from gonogo.model.step import MainRate
from gonogo.report.timeline import SoakLook, continuity, line, trends

BEGAN = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION


def states(environment: Environment, end_h: float, *looks_h: float) -> dict[str, str]:
    """The state of every moment, so many hours after the deployment."""
    looks = [SoakLook(BEGAN + hours * HOUR, "20261121T141500Z_GO") for hours in looks_h]
    marks = continuity(environment, BEGAN, BEGAN + end_h * HOUR, looks)
    return {mark.name: mark.state for mark in marks}


def test_staging_is_watched_for_48_hours_and_production_for_14_days() -> None:
    """Hours 1, 4, 8, 12, 24 and day 2; in production each day up to the 14th."""
    hours = ["hour 1", "hour 4", "hour 8", "hour 12", "hour 24"]
    assert list(states(STAGING, 0)) == [*hours, "day 2"]
    assert list(states(PRODUCTION, 0)) == [*hours, *(f"day {day}" for day in range(2, 15))]


def test_a_moment_has_the_first_record_before_the_next_one() -> None:
    """At the moment itself or later; one that comes with the next moment is too late."""
    found = states(STAGING, 50, 0.99, 1, 8, 24, 47.9, 48.5)
    wanted = ["present", "missing", "present", "missing", "present", "present"]
    assert list(found.values()) == wanted


def test_what_can_still_come_is_not_missing() -> None:
    """Between a moment and the next one it is due; before it, ahead."""
    found = states(STAGING, 5, 1.5)
    assert list(found.values()) == ["present", "due", "ahead", "ahead", "ahead", "ahead"]
    assert states(STAGING, 8, 1.5)["hour 4"] == "missing"


@pytest.mark.parametrize("environment", Environment)
def test_the_last_moment_is_never_too_late(environment: Environment) -> None:
    """A final record may be made whenever somebody makes it."""
    assert list(states(environment, 999).values())[-1] == "due"
    assert list(states(environment, 999, 998).values())[-1] == "present"


def test_a_mark_names_its_record() -> None:
    """The earliest one, when it was, and when it had to be."""
    first, second = "20261121T161500Z_HOLD", "20261121T171500Z_HOLD"
    looks = [SoakLook(BEGAN + 3 * HOUR, second), SoakLook(BEGAN + 2 * HOUR, first)]
    mark = continuity(STAGING, BEGAN, BEGAN + 4 * HOUR, looks)[0]
    assert mark.record == first
    assert mark.at == BEGAN + 2 * HOUR
    assert mark.due_at == BEGAN + HOUR


def rate(k: int, metric: str = "a.rate") -> MainRate:
    """K of 100."""
    return MainRate(metric=metric, title=f"The {metric}", count=Count(k, 100))


def test_a_trend_has_first_lowest_and_last() -> None:
    """Of each rate over the records that have it."""
    shown = trends([[rate(95), rate(1, "b.rate")], [rate(80)], [], [rate(90)]])
    a, b = shown
    assert (a.title, a.first.k, a.lowest.k, a.last.k) == ("The a.rate", 95, 80, 90)
    assert a.path.count("L") == 2
    assert (b.metric, b.path) == ("b.rate", "")


def test_no_records_have_no_trend() -> None:
    """Nothing is drawn."""
    assert trends([]) == ()
    assert line([]) == line([0.5]) == line([None, 0.5]) == ""
