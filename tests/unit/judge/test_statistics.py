"""The statistics, held against scipy's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from gonogo.judge.evidence import Z95, Z99, lower_tail, upper_tail, wilson
from gonogo.model.measurement import Count


@st.composite
def counts(draw: st.DrawFn, least: int = 1, most: int = 5_000) -> Count:
    """K of n with 0 <= k <= n."""
    n = draw(st.integers(least, most))
    return Count(draw(st.integers(0, n)), n)


SHARES = st.floats(0.001, 0.999)


@given(counts(), st.sampled_from([(Z95, 0.95), (Z99, 0.99)]))
def test_the_interval_is_wilsons(count: Count, level: tuple[float, float]) -> None:
    """Both ends are those of scipy's binomtest."""
    expected = binomtest(count.k, count.n).proportion_ci(level[1], method="wilson")
    interval = wilson(count, level[0])
    assert interval.low == pytest.approx(expected.low, abs=1e-9)
    assert interval.high == pytest.approx(expected.high, abs=1e-9)


@given(counts(most=10**12))
def test_the_interval_holds_the_share_and_stays_within_0_and_1(count: Count) -> None:
    """Also for counts far larger than any table."""
    interval = wilson(count)
    assert 0 <= interval.low <= count.k / count.n <= interval.high <= 1


def test_nothing_seen_says_nothing() -> None:
    """0 of 0 may be any share at all."""
    assert (wilson(Count(0, 0)).low, wilson(Count(0, 0)).high) == (0.0, 1.0)


@given(counts(), SHARES)
def test_the_upper_tail_is_the_binomials(count: Count, share: float) -> None:
    """Above the mean it is scipy's; at or below it, where nothing is excluded, it reads 1."""
    tail = upper_tail(count, share)
    if count.k > count.n * share:
        assert tail == pytest.approx(binom.sf(count.k - 1, count.n, share), rel=1e-6, abs=1e-12)
    else:
        assert tail == 1.0


@given(counts(), SHARES)
def test_the_lower_tail_is_the_binomials(count: Count, share: float) -> None:
    """Below the mean it is scipy's."""
    tail = lower_tail(count, share)
    if count.n - count.k > count.n * (1 - share):
        assert tail == pytest.approx(binom.cdf(count.k, count.n, share), rel=1e-6, abs=1e-12)
    else:
        assert tail == 1.0


@pytest.mark.parametrize("tail", [upper_tail, lower_tail])
def test_what_lies_exactly_on_the_mean_is_no_evidence(
    tail: Callable[[Count, float], float],
) -> None:
    """Three of four at 75 % are what was to be expected."""
    assert tail(Count(3, 4), 0.75) == 1.0


@pytest.mark.parametrize(
    ("k", "excluded"), [(3, False), (16, False), (17, True), (18, True)], ids=str
)
def test_seventeen_of_seventeen_exclude_80_percent(k: int, *, excluded: bool) -> None:
    """At 80 % so many in a row would be seen less than once in forty times; 16 of 16 would not."""
    assert (upper_tail(Count(k, k), 0.8) <= 0.025) is excluded


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_tails_at_the_ends_are_certain(share: float) -> None:
    """A share of 0 or 1 leaves nothing to chance, and no logarithm of 0."""
    assert upper_tail(Count(5, 10), share) == share
    assert lower_tail(Count(5, 10), share) == 1 - share


def test_ten_million_events_are_no_burden() -> None:
    """The sum ends when its terms no longer count, also where they are too small for a float."""
    assert upper_tail(Count(9_700_000, 10_000_000), 0.8) == 0.0
    assert upper_tail(Count(8_002_000, 10_000_000), 0.8) == pytest.approx(
        binom.sf(8_001_999, 10_000_000, 0.8), rel=1e-6
    )
