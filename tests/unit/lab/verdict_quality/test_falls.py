"""Falls and wrong clocks as they are simulated, and the bound that delays are compared with."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.verdict_quality import clocks, falls, shapes
from lab.verdict_quality.traffic import Seasons, nights_and_weekends, wave

WEEK = np.arange(7 * 24)


def test_a_fall_is_seen_sooner_than_without_the_search_for_it() -> None:
    """And never later, run by run."""
    seen = falls.seen(falls.WHOLE, 1_000, 10)
    assert all(now <= before for now, before in zip(seen.now_h, seen.before_h, strict=True))
    assert np.median(seen.now_h) < 5 < np.median(seen.before_h)
    assert seen.go.k < seen.go_before.k


def test_a_healthy_look_is_go_with_the_search_only_where_it_was_without() -> None:
    """Of all hourly looks at some weeks."""
    held = falls.held("a daily wave of 92 to 98 %, 5,000 syncs", 2)
    assert held["before"].k <= held["now"].k < held["now"].n / 20
    assert held["now"].n == 2 * 121


def test_the_bound_is_lordens() -> None:
    """ln(events between false alarms) nats, of which each event brings 0.225."""
    bound = falls.bound(5_000, 400)
    hourly = 5_000 / 48
    events = bound.least_h * hourly
    information = 0.8 * math.log(0.8 / 0.97) + 0.2 * math.log(0.2 / 0.03)
    assert information == pytest.approx(0.225, abs=0.001)
    assert events * information == pytest.approx(math.log(hourly / bound.false_alarm))
    assert bound.false_alarm < 0.001


def test_a_drawn_window_weighs_what_it_is_less_likely_at_a_steady_rate() -> None:
    """The weights of all that is drawn come to one on average."""
    rng, weights = np.random.default_rng(7), []
    n = np.full(48, 3)
    for _ in range(20_000):
        rates = np.full(48, shapes.HEALTHY)
        rates[-rng.choice(falls.TRIED_H) :] = rng.choice(falls.TRIED)
        weights.append(falls.weight(rng.binomial(n, rates), n))
    assert np.mean(weights) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("seasons", [wave, nights_and_weekends])
def test_seasons_keep_the_mean_of_a_week(seasons: Seasons) -> None:
    """So that so many syncs in 48 hours are that on average."""
    assert seasons(WEEK).mean() == pytest.approx(1)


def test_nights_and_weekends_are_quiet() -> None:
    """A night has a twentieth of the day's traffic, a Saturday a third of a Friday's."""
    levels = nights_and_weekends(WEEK).reshape(7, 24)
    assert levels[0, 3] == pytest.approx(levels[0, 12] / 20)
    assert levels[5, 12] == pytest.approx(levels[4, 12] / 3)


def test_a_clock_that_is_right_changes_nothing() -> None:
    """And an outage that all writers date five hours back is seen all the same."""
    right = clocks.clocked("right", "every sync fails", 5)
    assert right.counts["GO"] == clocks.clocked("all five hours behind", "nothing", 5).red.k == 0
    assert clocks.clocked("right", "nothing", 5).counts["GO"] > 2
