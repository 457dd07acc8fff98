"""How values read."""

import pytest

from gonogo.report import text


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
    ("seconds", "shown"),
    [
        (None, "unknown"),
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
def test_lengths_of_time_read_in_two_units(seconds: float | None, shown: str) -> None:
    """As people say them; what is unknown says so."""
    assert text.span(seconds) == shown


def test_a_share_is_cut_off_not_rounded_up() -> None:
    """94.99 % must never look as if it met a limit of 95 %."""
    assert text.share({"k": 9499, "n": 10000}) == "94.9 %"
    assert text.share({"k": 0, "n": 0}) == "-"


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-03-01T01:02:03Z", "1 Mar 2026, 01:02:03 UTC"),
        ("2026-03-01T01:02:03.999+02:00", "28 Feb 2026, 23:02:03 UTC"),
        (None, "unknown"),
        ("soon\x00", "soon\\x00"),
    ],
)
def test_moments_read_in_utc(moment: str | None, shown: str) -> None:
    """Whatever zone they were written in; what is no moment stands as it is."""
    assert text.moment(moment) == shown


def test_a_value_does_not_repeat_its_counts() -> None:
    """They stand in a column of their own."""
    count = {"k": 195, "n": 200}
    assert text.value_alone({"value": "97.5 % (195 of 200)", "count": count}) == "97.5 %"
    assert text.value_alone({"value": "26.5 h", "count": None}) == "26.5 h"
    assert text.value_alone({"value": None, "count": None}) == "no data"
