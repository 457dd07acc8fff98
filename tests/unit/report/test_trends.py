"""A series in the space of a word, and records along a line of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from gonogo.model.measurement import Count
from gonogo.model.parts import MainRate
from gonogo.report.scales import LEAST_APART, line, places, trends

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)


def rate(k: int, metric: str = "a.rate") -> MainRate:
    """K of 100."""
    return MainRate(metric=metric, title=f"The {metric}", count=Count(k, 100))


def test_a_trend_tells_first_lowest_and_last() -> None:
    """Of each rate over the records that have it."""
    told = trends([[rate(95), rate(1, "b.rate")], [rate(80)], [], [rate(90)]])
    a, b = told
    assert (a.title, a.first.k, a.lowest.k, a.last.k) == ("The a.rate", 95, 80, 90)
    assert a.path.count("L") == 2
    assert (b.metric, b.path) == ("b.rate", "")


def test_no_records_have_no_trend() -> None:
    """Nothing is drawn."""
    assert trends([]) == ()
    assert line([]) == line([0.5]) == line([None, 0.5]) == ""


@pytest.mark.parametrize("hours", [[0], [0, 48], [48, 0, 1, 24]])
def test_records_lie_by_their_time(hours: list[int]) -> None:
    """The oldest at the left, the newest at the right end."""
    told = places(BEGAN + timedelta(hours=hour) for hour in hours)
    assert [hour for _, hour in sorted(zip(told, hours, strict=True))] == sorted(hours)
    assert min(told) == 0
    assert max(told) == (100 if len(hours) > 1 else 0)


def test_records_of_the_same_minute_lie_side_by_side() -> None:
    """Also at the end of a long time, and within the line."""
    moments = [BEGAN, *(BEGAN + timedelta(days=9, seconds=second) for second in range(5))]
    told = places(moments)
    gaps = [after - before for before, after in pairwise(told)]
    assert min(gaps) > LEAST_APART * 0.85
    assert max(told) <= 100


def test_hundreds_of_records_stay_within_the_line() -> None:
    """They move closer together."""
    told = places(BEGAN + timedelta(seconds=second) for second in range(400))
    assert 0 <= min(told) < max(told) <= 100
