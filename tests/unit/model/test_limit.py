"""Limits: parsed exactly, compared exactly, and refused in plain words."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.limit import UNITS, Interval, Limit, parse_limit

ABOVE_95 = parse_limit("> 95 %")
BAND = parse_limit("70 % .. 85 %")
FREQUENCY = parse_limit("< 5 or > 50 per day")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("> 95 %", Fraction(95, 100), False),
        ("> 95 %", Fraction(96, 100), True),
        ("> 95 %", Fraction(950_001, 1_000_000), True),
        ("< 80 %", Fraction(80, 100), False),
        ("< 80 %", Fraction(79, 100), True),
        ("<= 5 %", Fraction(5, 100), True),
        (">= 5 %", Fraction(5, 100), True),
        ("> 0.1 %", Fraction(1, 1000), False),
        ("70 % .. 85 %", Fraction(70, 100), True),
        ("70 % .. 85 %", Fraction(85, 100), True),
        ("70 .. 85 %", Fraction(85, 100), True),
        ("70 % .. 85 %", Fraction(699_999, 1_000_000), False),
        ("70 % .. 85 %", Fraction(850_001, 1_000_000), False),
        ("<= 26 h", Fraction(26 * 3600), True),
        ("<= 26 h", Fraction(26 * 3600) + Fraction(1, 1_000_000), False),
        ("<= 5 min", Fraction(300), True),
        ("<= 250 ms", Fraction(1, 4), True),
        ("<= 5 min", Fraction(301), False),
        ("<= 250 ms", Fraction(251, 1000), False),
        ("<= 2 d", Fraction(172_800), True),
        ("<= 2 d", Fraction(172_801), False),
        ("= 0", Fraction(0), True),
        ("= 0", Fraction(1), False),
        ("yes", Fraction(1), True),
        ("no", Fraction(1), False),
        ("< 5 or > 50 per day", Fraction(4), True),
        ("< 5 or > 50 per day", Fraction(5), False),
        ("< 5 or > 50 per day", Fraction(50), False),
        ("< 5 or > 50 per day", Fraction(51), True),
    ],
)
def test_a_limit_compares_exactly(text: str, value: Fraction, *, holds: bool) -> None:
    """95 of 100 is not above 95 %, and both ends of a band are in it."""
    assert parse_limit(text).holds(value) is holds


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_no_count_is_rounded_over_its_limit(n: int, k: int) -> None:
    """A share is above 95 % exactly when 100 k > 95 n in whole numbers."""
    k = min(k, n)
    assert ABOVE_95.holds(Fraction(k, n)) is (100 * k > 95 * n)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "95 %",
        "> %",
        "> 95 % or",
        "> 95 %%",
        "85 % .. 70 %",
        "70 % .. 70 %",
        "70 % .. 85 h",
        "70 h .. 85 %",
        "~ 5",
        "> -5 %",
        "< 5 % or > 50 h",
        "maybe",
        "> 9 parsecs",
    ],
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    """Two units, an empty band, a missing operator or number: an error, never a guess."""
    with pytest.raises(ValueError, match=r"write it like|lower end first"):
        parse_limit(text)


@given(st.text())
def test_any_text_is_a_limit_or_a_value_error(text: str) -> None:
    """Whatever somebody types into criteria.toml, nothing but ValueError comes of it."""
    with suppress(ValueError):
        assert isinstance(parse_limit(text), Limit)


@given(
    st.sampled_from(["<", "<=", ">", ">=", "="]),
    st.decimals(0, 10**6, places=3),
    st.sampled_from(sorted(UNITS)),
)
def test_a_well_formed_limit_keeps_its_number_and_unit(
    operator: str, number: object, unit: str
) -> None:
    """Operator, number and unit come out as they were written, scaled to the base unit."""
    limit = parse_limit(f"{operator} {number} {unit}".strip())
    assert limit.first.operator == operator
    assert limit.first.bound == Fraction(str(number)) * UNITS[unit][1]
    assert (limit.unit, limit.base_unit) == (unit, UNITS[unit][0])


@pytest.mark.parametrize(
    ("limit", "interval", "contains", "excludes"),
    [
        (ABOVE_95, Interval(0.96, 0.99), True, False),
        (ABOVE_95, Interval(0.94, 0.99), False, False),
        (ABOVE_95, Interval(0.90, 0.95), False, True),
        (BAND, Interval(0.71, 0.84), True, False),
        (BAND, Interval(0.60, 0.69), False, True),
        (BAND, Interval(0.86, 0.90), False, True),
        (BAND, Interval(0.60, 0.71), False, False),
        (BAND, Interval(0.50, 0.99), False, False),
        (FREQUENCY, Interval(6, 49), False, True),
        (FREQUENCY, Interval(4, 51), False, False),
        (FREQUENCY, Interval(1, 4), True, False),
    ],
)
def test_an_interval_lies_within_a_limit_beside_it_or_across(
    limit: Limit, interval: Interval, *, contains: bool, excludes: bool
) -> None:
    """Contains asks every point of the interval, excludes none; across its edge, neither holds."""
    assert limit.contains(interval) is contains
    assert limit.excludes(interval) is excludes


def test_not_a_number_satisfies_no_limit() -> None:
    """NaN lies on no side of anything: it can neither meet an objective nor pass for 0."""
    nan = float("nan")
    assert not any(limit.holds(nan) for limit in (ABOVE_95, BAND, FREQUENCY, parse_limit("= 0")))
