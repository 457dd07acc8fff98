"""How values read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gonogo.model.measurement import Count
from gonogo.report import text

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("Grüße, 日本, مرحبا", "Grüße, 日本, مرحبا"),
        ("\x00\t\x7f\x85", "\\x00\\t\\x7f\\x85"),
        ("\u200f\u2028\ufeff\udcff\U000e0001", "\\u200f\\u2028\\ufeff\\udcff\\U000e0001"),
        (12, "12"),
    ],
)
def test_nothing_hides(value: object, shown: str) -> None:
    """Letters of every script stay; what cannot be seen is spelt out."""
    assert text.visible(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (12, "12"),
    ],
)
def test_evidence_reads_in_words(value: object, shown: str) -> None:
    """As a person writes a single value."""
    assert text.plain(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (1.24, "1.2 s"),
        (59, "59 s"),
        (960, "16 min"),
        (3661, "1 h 1 min"),
        (172800, "48 h"),
        (1209600, "14 d"),
        (360000, "4 d 4 h"),
    ],
)
def test_lengths_of_time_read_in_two_units(seconds: float, shown: str) -> None:
    """As people say them."""
    assert text.span(seconds) == shown


def test_a_share_is_cut_off_not_rounded_up() -> None:
    """94.99 % must never look as if it met a limit of 95 %."""
    assert text.share(Count(9499, 10000)) == "94.9 %"
    assert text.share(Count(0, 0)) == "-"


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 3, 1, 1, 2, 3, tzinfo=UTC), "1 Mar 2026, 01:02:03 UTC"),
        (datetime(2026, 3, 1, 1, 2, 3, 999000, tzinfo=EAST), "28 Feb 2026, 23:02:03 UTC"),
        (None, "unknown"),
    ],
)
def test_moments_read_in_utc(moment: datetime | None, shown: str) -> None:
    """Whatever zone they were written in; what nobody knows says so."""
    assert text.moment(moment) == shown
