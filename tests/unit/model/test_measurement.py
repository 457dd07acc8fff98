"""Moments, lengths of time, and the window that a deployment cuts off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.errors import UsageError
from gonogo.model.kinds import Environment
from gonogo.model.measurement import (
    DEFAULT_WINDOW,
    clip,
    format_duration,
    format_moment,
    parse_duration,
    parse_moment,
)

AS_OF = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ASKED = timedelta(hours=48)
SECOND = timedelta(seconds=1)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's clocks are Japan's."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_staging_is_judged_by_two_days_and_production_by_one() -> None:
    """Unless a window is asked for."""
    assert {
        Environment.STAGING: timedelta(hours=48),
        Environment.PRODUCTION: timedelta(hours=24),
    } == DEFAULT_WINDOW


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("48h", timedelta(hours=48)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        (" 14d ", timedelta(days=14)),
        ("366d", timedelta(days=366)),
    ],
)
def test_a_length_of_time_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    """Minutes, hours, days and weeks, up to a year."""
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "48", "h", "0h", "-1h", "1.5h", "48 h", "48H", "48s", "367d", "٤٨h", "9999999h"]
)
def test_what_is_no_length_of_time_is_a_usage_error(text: str) -> None:
    """The message names the option, what was written, and how it is meant."""
    with pytest.raises(UsageError, match=r"--window=.*write it like") as caught:
        parse_duration(text)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T12:00:00Z", AS_OF),
        ("2026-11-23T13:00:00+01:00", AS_OF),
        ("2026-11-23T12:00", AS_OF),
        ("2026-11-23", AS_OF.replace(hour=0)),
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
@pytest.mark.usefixtures("in_tokyo")
def test_a_moment_is_utc_unless_it_says_otherwise(text: str, moment: datetime) -> None:
    """An offset is converted, a missing one is UTC: never the machine's own zone."""
    assert parse_moment(text) == moment
    assert parse_moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "23.11.2026",
        "2026-13-01",
        "1969-12-31T23:59:59.999999Z",
        "0001-01-01T00:00+23:00",
    ],
)
def test_what_is_no_moment_is_a_usage_error(text: str) -> None:
    """Also one so early that no window could reach back from it."""
    with pytest.raises(UsageError, match=r"--deployed-at=.*write it like"):
        parse_moment(text, "--deployed-at")


@given(st.text() | st.datetimes().map(str) | st.datetimes().map(datetime.isoformat))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    """Whatever somebody types, no other error comes of it, and a window fits before the moment."""
    with suppress(UsageError):
        parse_duration(text)
    with suppress(UsageError):
        clip(timedelta(days=366), parse_moment(text), None)


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001  # hypothesis wants it naive
def test_a_moment_reads_back_as_it_was_written(moment: datetime) -> None:
    """What a record prints can be passed to ``--as-of`` again."""
    assert parse_moment(format_moment(moment)) == moment


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=1), "1m"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=1), "1h"),
        (timedelta(hours=48), "48h"),
        (timedelta(days=3), "3d"),
        (timedelta(days=14), "14d"),
    ],
)
def test_a_length_is_written_as_people_ask_for_it(length: timedelta, text: str) -> None:
    """Two days read 48h, longer stretches read in days."""
    assert format_duration(length) == text


@pytest.mark.parametrize(
    ("deployed_ago", "covered"),
    [
        (None, ASKED),
        (timedelta(days=9), ASKED),
        (ASKED, ASKED),
        (ASKED - SECOND, ASKED - SECOND),
        (timedelta(hours=31), timedelta(hours=31)),
        (timedelta(), timedelta()),
        (-timedelta(hours=1), timedelta()),
    ],
)
def test_a_window_does_not_reach_back_before_the_deployment(
    deployed_ago: timedelta | None, covered: timedelta
) -> None:
    """Cut off at its end, complete only when nothing was, and never negative."""
    deployed_at = None if deployed_ago is None else AS_OF - deployed_ago
    window = clip(ASKED, AS_OF, deployed_at)
    assert window.covered == covered
    assert window.complete is (covered == ASKED)
    assert (window.start, window.end) == (AS_OF - covered, AS_OF)
