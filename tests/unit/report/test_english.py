"""Figures as people read them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gonogo.criteria import Metric
from gonogo.model.kinds import Reason, Says, Why
from gonogo.model.limit import Interval, parse_limit
from gonogo.model.measurement import Count, Measurement, Worst
from gonogo.report.english import (
    MOSTLY,
    show_count,
    show_interval,
    show_share,
    show_value,
    whose,
)
from gonogo.report.sentences import REASONS, REMARKS, WHYS


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Fraction(0), "0.0 %"),
        (Fraction(1), "100.0 %"),
        (Fraction(975, 1000), "97.5 %"),
        (Fraction(9499, 10_000), "94.9 %"),
        (Fraction(949_999, 1_000_000), "94.9 %"),
        (Fraction(999_999, 1_000_000), "99.9 %"),
    ],
)
def test_a_share_is_cut_off_never_rounded_up(share: Fraction, text: str) -> None:
    """94.99 % does not read 95.0 %, and one failure in a million does not read 100 %."""
    assert show_share(share) == text


def test_a_count_shows_what_it_is_made_of() -> None:
    """The share and k of n; 0 of 0 has no share."""
    assert show_count(Count(195, 200)) == "97.5 % (195 of 200)"
    assert show_count(Count(0, 0)) == "0 of 0"


@pytest.mark.parametrize(
    ("kind", "unit", "value", "text"),
    [
        ("quantity", "h", Fraction(26 * 3600), "26 h"),
        ("quantity", "h", Fraction(9540), "2.6 h"),
        ("quantity", "min", Fraction(-60), "-1 min"),
        ("quantity", "min", Fraction(-1, 3), "0.0 min"),
        ("quantity", "ms", Fraction(1, 4), "250 ms"),
        ("quantity", "per day", Fraction(25, 2), "12.5 per day"),
        ("quantity", "", Fraction(3), "3"),
        ("answer", "", Fraction(1), "yes"),
        ("answer", "", Fraction(0), "no"),
        ("quantity", "", None, "no data"),
    ],
)
def test_a_value_reads_in_the_unit_of_its_limits(
    kind: str, unit: str, value: Fraction | None, text: str
) -> None:
    """Seconds become hours where the limit is in hours; an answer is a word; nothing is no 0."""
    metric = Metric.model_validate(
        {"id": "a.b", "title": "A", "kind": kind, "survey": "s", "value": "v", "unit": unit}
    )
    assert show_value(metric, None, value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction("26.04") * 3600, "26.04 h"),
        (Fraction("25.96") * 3600, "25.96 h"),
        (Fraction("26.0004") * 3600, "26.0004 h"),
        (Fraction("26.1") * 3600, "26.1 h"),
        (Fraction("12.96") * 3600, "12.96 h"),
        (Fraction("4.04") * 3600, "4.0 h"),
    ],
)
def test_a_value_beside_a_limit_never_reads_as_if_on_it(seconds: Fraction, text: str) -> None:
    """26.04 h against at most 26 h reads 26.04 h; far from any limit one digit is enough."""
    metric = Metric.model_validate(
        {
            "id": "a.b",
            "title": "A",
            "kind": "quantity",
            "survey": "s",
            "value": "v",
            "unit": "h",
            "objective": "<= 26 h",
            "warning": "> 13 h",
        }
    )
    assert show_value(metric, None, seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (Count(2004, 10_000), "20.04 % (2004 of 10000)"),
        (Count(2000, 10_000), "20.0 % (2000 of 10000)"),
        (Count(1996, 10_000), "19.9 % (1996 of 10000)"),
        (Count(1001, 10_000), "10.01 % (1001 of 10000)"),
        (Count(200_001, 1_000_000), "20.0001 % (200001 of 1000000)"),
    ],
)
def test_a_share_beside_a_limit_never_reads_as_if_on_it(count: Count, text: str) -> None:
    """20.04 % is past 20 %, and reads so; only 20 % itself reads 20.0 %."""
    assert show_count(count, [parse_limit("> 10 %"), parse_limit("> 20 %")]) == text


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from(["> 20 %", "70 % .. 85.25 %"]))
@example(704, 1000, "70 % .. 85.25 %")
def test_what_is_shown_lies_where_the_share_lies(k: int, n: int, limit: str) -> None:
    """Whoever holds the shown figure against the limit comes to the exact figure's answer."""
    share, asked = Fraction(min(k, n), n), parse_limit(limit)
    shown = Fraction(show_share(share, [asked]).removesuffix(" %")) / 100
    assert asked.holds(shown) == asked.holds(share)


def test_an_interval_that_ends_beside_a_limit_reads_so() -> None:
    """An interval whose upper end just misses the objective does not read as if it reached it."""
    interval = Interval(0.85, 0.89996)
    assert show_interval(interval) == "85.0 to 90.0 %"
    assert show_interval(interval, [parse_limit(">= 90 %")]) == "85.0 to 89.996 %"


USER = Worst("user", "4711", Count(2600, 2650), Count(1736, 1786))


def test_whose_failures_they_are_is_a_sentence() -> None:
    """How many of all, and the rate without them; the name is cut where it is long."""
    assert whose(Measurement("a.b", worst=(USER,))) == (
        "one user (4711) accounts for 2,600 of 2,650 failures; without that user 97.2 %",
    )
    unknown = Worst("message", "x" * 200, Count(1, 4), None)
    (said,) = whose(Measurement("a.b", worst=(unknown,)))
    assert said.startswith(f"one message ({'x' * 80}… (200 characters))")
    assert said.endswith("accounts for 1 of 4 failures")


def test_who_accounts_for_few_is_no_recommendation() -> None:
    """From half of all failures on."""
    few = Worst("message", "gone", Count(49, 100))
    assert whose(Measurement("a.b", worst=(few, USER)), MOSTLY) == whose(
        Measurement("a.b", worst=(USER,))
    )


BY_METRIC = {Reason.MEETS, Reason.MISSES, Reason.PAST_LEVEL, Reason.PAST_LEVEL_BUT_FEW}


def test_every_code_has_its_sentence() -> None:
    """But for those that read otherwise for a rate, a band or an answer, which `english` has."""
    assert set(REASONS) | BY_METRIC == set(Reason)
    assert set(REMARKS) == set(Says)
    assert set(WHYS) | {Why.FINDING, Why.ALL_MET} == set(Why)
