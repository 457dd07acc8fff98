"""Trickles: what still comes of a stream that flows no more, and what is merely quiet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.judge.coverage import trickle
from gonogo.model.measurement import Stream

# A Thursday at noon.
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEAST = 20


def stream(rate: Callable[[datetime], int], *, dying_h: int = 0, left: int = 1) -> Stream:
    """Eight days of so many an hour, and so few in the last hours."""
    starts = [NOON - (hour + 1) * HOUR for hour in range(192)]
    hours = tuple(left if hour < dying_h else rate(at) for hour, at in enumerate(starts))
    first_s, last_s = (tuple(second if n else 0 for n in hours) for second in (30, 3570))
    return Stream(NOON, NOON - HOUR / 120, hours, first_s, last_s, 48)


def by_day(at: datetime) -> int:
    """Forty an hour by day, two by night."""
    return 40 if 7 <= at.hour < 23 else 2


@pytest.mark.parametrize("hours", [3, 12, 30])
def test_a_row_an_hour_is_no_flow(hours: int) -> None:
    """Since the last hour that had more; the worst part is named."""
    dying = stream(lambda _: 40, dying_h=hours)
    found = trickle({"": stream(by_day), "a": dying}, LEAST)
    assert found
    assert found.since == NOON - hours * HOUR - HOUR / 120
    assert (found.part, found.silence is not None) == ("a", True)


@pytest.mark.parametrize("rate", [by_day, lambda at: 700 if at.hour in {3, 15} else 0, lambda _: 9])
def test_what_flows_as_ever_is_no_trickle(rate: Callable[[datetime], int]) -> None:
    """Nights, a job that runs each twelve hours, and a stream too thin to be thinned."""
    assert trickle({"": stream(rate)}, LEAST) is None


def test_of_few_events_nothing_is_said() -> None:
    """A row an hour of nine is not beyond what chance may bring."""
    assert trickle({"": stream(lambda _: 9, dying_h=6)}, LEAST) is None
