"""Holes in the window: what data do not cover, and what is merely quiet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.judge.coverage import hole
from gonogo.model.measurement import Stream

# A Thursday, so that no weekend is near.
END = datetime(2030, 1, 17, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEAST = 20


def stream(hours: Sequence[int], judged: int = 48) -> Stream:
    """Events by the hour, newest first."""
    first_s, last_s = (tuple(second if n else 0 for n in hours) for second in (5, 3595))
    return Stream(END, END - HOUR / 60, tuple(hours), first_s, last_s, judged)


def found(hours: Sequence[int], judged: int = 48) -> tuple[float, float] | None:
    """How many hours ago a hole begins, and how long it is."""
    missing = hole({"": stream(hours, judged)}, LEAST)
    if missing is None or missing.since is None or missing.silence is None:
        return None
    return (END - missing.since) / HOUR, missing.silence.silent_s / 3600


def steady(rate: int, hours: int = 48, *, holes: Sequence[int] = ()) -> list[int]:
    """The same each hour, but for the hours in which nothing came."""
    return [0 if hour in holes else rate for hour in range(hours)]


@pytest.mark.parametrize("days", [2, 8])
@pytest.mark.parametrize("begin", [1, 12, 23])
def test_a_day_that_is_missing_is_a_hole(days: int, begin: int) -> None:
    """Wherever it lies, with and without days before the window."""
    hours = steady(800, days * 24, holes=range(begin, begin + 24))
    assert found(hours) == (begin + 24, 24)


def test_a_retention_shorter_than_the_window_is_a_hole() -> None:
    """Nothing is known from before; the hours after it show what is missing."""
    assert found(steady(40, 20) + steady(0, 172)) == (48, 28)
    assert found(steady(40, 9) + steady(0, 183)) == (48, 39)


def test_what_lies_before_the_window_is_no_hole_of_it() -> None:
    """A day that was missing last week is over."""
    assert found(steady(800, 192, holes=range(60, 90))) is None
    assert found(steady(800, 192, holes=range(40, 60))) == (48, 8)


def test_an_hour_is_enough_where_many_come() -> None:
    """A hundred an hour are missed, five are not."""
    assert found(steady(100, 192, holes=[7])) == (8, 1)
    assert found(steady(5, 192, holes=[7])) is None


def test_the_newest_silence_is_no_hole() -> None:
    """Whether it is too long is for presence to say."""
    assert found(steady(800, 192, holes=range(5))) is None


@pytest.mark.parametrize("days", [2, 8])
def test_nights_that_are_always_quiet_are_no_holes(days: int) -> None:
    """Neither in a window that knows two nights only."""
    quiet = [hour for hour in range(days * 24) if 9 <= hour % 24 < 14]
    assert found(steady(800, days * 24, holes=quiet)) is None
    assert found(steady(800, days * 24, holes=[*quiet, 20, 21, 22])) == (23, 3)


def test_a_job_that_runs_each_twelve_hours_leaves_no_hole() -> None:
    """However many rows it writes."""
    assert found([9_000 if hour % 12 == 3 else 0 for hour in range(192)]) is None


def test_a_hole_of_the_whole_is_said_before_one_of_a_part() -> None:
    """A part's own is said where the whole has none."""
    whole, part = steady(900, 48), steady(100, 48, holes=range(10, 20))
    missing = hole({"": stream(whole), "calendar": stream(part)}, LEAST)
    assert missing
    assert missing.part == "calendar"
    both = hole({"calendar": stream(part), "": stream(steady(900, 48, holes=range(10, 20)))}, LEAST)
    assert both
    assert both.part == ""


def test_a_stream_without_an_event_has_no_hole() -> None:
    """That none came at all is another finding."""
    assert hole({"": Stream(END, None, (), (), (), 48)}, LEAST) is None
