"""Falls are found in hourly counts, and what only looks like one is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_criteria import CRITERIA
from gonogo.judge.changes import Fall, Stretch, fall_in, fell
from gonogo.model.kinds import Environment, Outcome, Reason
from gonogo.model.limit import parse_limit
from gonogo.model.measurement import Count, HourCount, Measurement

RULES = CRITERIA.rules
SYNC = CRITERIA.metrics["sync.success_rate"]
STAGING = Environment.STAGING
ABOVE_90, BELOW_10 = parse_limit("> 90 %"), parse_limit("< 10 %")
START = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
CHANCE = 0.002


def hours(counts: Iterable[Count]) -> tuple[HourCount, ...]:
    """One count an hour."""
    return tuple(
        HourCount(START + timedelta(hours=hour), count) for hour, count in enumerate(counts)
    )


def of(*stretches: tuple[int, float], n: int = 100) -> tuple[HourCount, ...]:
    """Stretches of so many hours at a rate, with `n` events an hour."""
    return hours(Count(round(n * rate), n) for length, rate in stretches for _ in range(length))


def found(hourly: Sequence[HourCount]) -> Fall | None:
    """The fall of a rate that must be above 90 %."""
    return fall_in(hourly, ABOVE_90, CHANCE)


def since(hourly: Sequence[HourCount]) -> int | None:
    """The hour since which there is a fall, from the window's first."""
    fall = found(hourly)
    return (fall.after.since - START) // timedelta(hours=1) if fall else None


def test_a_fall_is_found_with_its_hour_and_both_counts() -> None:
    """Six hours ago, from 97 to 80 %."""
    fall = found(of((42, 0.97), (6, 0.80)))
    assert fall
    assert fall.before == Count(42 * 97, 4200)
    assert fall.after == Stretch(START + timedelta(hours=42), Count(480, 600)) == fall.newest


@pytest.mark.parametrize("length", [1, 2, 6, 24, 40, 47])
def test_a_fall_is_found_whenever_it_was(length: int) -> None:
    """In the newest hour alone, or since the first."""
    assert since(of((48 - length, 0.97), (length, 0.80))) == 48 - length


@pytest.mark.parametrize(
    "hourly",
    [
        of((48, 0.97)),
        of((48, 0.80)),
        of((48, 1.0)),
        of((48, 0.0)),
        of((24, 0.80), (24, 0.97)),
        of((24, 0.60), (24, 0.85)),
        of((24, 0.99), (24, 0.92)),
        of((1, 0.80)),
        of(),
        hours([Count(0, 0)] * 48),
        of((45, 0.97), (3, 0.80), n=5),
    ],
    ids=[
        "good",
        "bad",
        "all",
        "none",
        "rise",
        "rise to 85 %",
        "above 90 %",
        "hour",
        "empty",
        "no event",
        "few",
    ],
)
def test_what_is_steady_rises_stays_above_or_is_too_little_is_no_fall(
    hourly: Sequence[HourCount],
) -> None:
    """Whatever the level: a rate that was never better has not fallen."""
    assert found(hourly) is None


def test_a_dip_that_has_healed_is_no_fall() -> None:
    """However deep and long ago it was."""
    assert found(of((20, 0.97), (6, 0.50), (22, 0.97))) is None
    assert found(of((38, 0.97), (8, 0.0), (2, 0.97))) is None


def test_a_dip_has_healed_only_beyond_doubt_and_above_the_objective() -> None:
    """Not with the first ten good events, and not while a tenth and more still fails."""
    before, dip = [Count(97, 100)] * 30, [Count(60, 100)] * 6
    assert since(hours([*before, *dip, Count(10, 10)])) == 30
    assert since(hours([*before, *dip, *[Count(88, 100)] * 4])) == 30


def test_a_fall_after_a_dip_that_has_healed_is_found() -> None:
    """Held against the good hours, of which there are some before the dip and some after."""
    fall = found(of((20, 0.97), (4, 0.20), (18, 0.97), (6, 0.80)))
    assert fall
    assert fall.before == Count(38 * 97, 3800)
    assert fall.after.since == START + timedelta(hours=42)


def test_a_fall_after_a_bad_start_is_found() -> None:
    """What lies before a rise does not hide it."""
    assert since(of((8, 0.60), (34, 0.97), (6, 0.80))) == 42


def test_a_second_step_down_is_found() -> None:
    """The first one stays above the objective."""
    assert since(of((24, 0.99), (18, 0.93), (3, 0.80))) == 42


def test_it_is_told_since_the_first_hour_below_the_objective() -> None:
    """It fell further since."""
    fall = found(of((30, 0.97), (17, 0.80), (1, 0.40)))
    assert fall
    assert fall.before == Count(30 * 97, 3000)
    assert fall.after.since == START + timedelta(hours=30)


def test_a_daily_wave_that_stays_above_the_objective_is_no_fall() -> None:
    """From 99 to 91 %, in whichever phase; to 81 % it is one while it lasts."""
    phases = [2 * np.pi * np.arange(hour, hour + 48) / 24 for hour in range(24)]
    for wave in phases:
        assert found(hours(Count(round(950 + 40 * np.sin(at)), 1000) for at in wave)) is None
    deep = [found(hours(Count(round(900 + 90 * np.sin(at)), 1000) for at in w)) for w in phases]
    assert 6 < sum(fall is not None for fall in deep) < 18


def test_a_rate_that_misses_by_chance_as_every_day_at_these_hours_is_no_fall() -> None:
    """89.5 % of 200 do not miss 90 % beyond doubt: it takes better hours on the days before."""
    night, day = [Count(179, 200)] * 1, [Count(198, 200)] * 23
    assert found(hours([*day, *night] * 2)) is None
    assert since(hours([*day, *[Count(198, 200)], *day, *night])) == 47


def test_nights_are_held_against_all_nights_of_the_window() -> None:
    """Also those that lie before a day on which the rate is better: 89.5 % are usual then."""
    night, day, silence = (
        [count] * 12 for count in (Count(179, 200), Count(199, 200), Count(0, 0))
    )
    assert found(hours([*night, *day, *silence, *day, *night])) is None
    assert since(hours([*silence, *day, *silence, *day, *night])) == 48


def test_on_the_first_day_no_hour_is_usual() -> None:
    """88 % of 400 may be 90 %, but not what was usual: nothing was."""
    assert since(of((10, 0.97), (4, 0.88))) == 10


def test_a_dip_that_has_healed_makes_no_hour_of_the_day_bad() -> None:
    """88.5 % are not usual then because of an outage at the same hours of the day before."""
    assert since(of((20, 0.97), (4, 0.50), (20, 0.97), (4, 0.885), n=200)) == 44


def test_hours_without_an_event_say_nothing() -> None:
    """A fall is the same with a night in which nothing happened."""
    events = [Count(97, 100)] * 42 + [Count(80, 100)] * 6
    silent = [*events[:30], *[Count(0, 0)] * 8, *events[30:44], Count(0, 0), *events[44:]]
    with_silence, without = found(hours(silent)), found(hours(events))
    assert with_silence
    assert without
    assert with_silence.before == without.before
    assert with_silence.after.count == without.after.count


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_a_share_that_should_be_small_falls_upwards(counts: list[tuple[int, int]]) -> None:
    """The same hours, counted by what failed: the same fall."""
    good = found(hours(Count(k, k + failed) for k, failed in counts))
    bad = fall_in(hours(Count(failed, k + failed) for k, failed in counts), BELOW_10, CHANCE)
    assert (good and good.after.since) == (bad and bad.after.since)


def test_failures_in_bursts_are_no_fall() -> None:
    """Every second hour half of the events fail: the newest is no worse than the others."""
    assert found(hours([Count(99, 100), Count(50, 100)] * 24)) is None
    assert since(of((47, 0.99), (1, 0.50))) == 47


def test_what_is_beyond_doubt_depends_on_how_much_hours_differ() -> None:
    """Where every second hour is nine points worse, one hour at 50 % may be chance; two are not."""
    restless = [Count(97, 100), Count(88, 100)] * 23
    assert found(hours([*restless, Count(50, 100)])) is None
    assert since(hours([*restless, *[Count(50, 100)] * 2])) == 46


def test_an_outage_does_not_pass_for_bursts() -> None:
    """One that has healed leaves the search as sharp as it was."""
    assert since(of((20, 0.97), (2, 0.0), (22, 0.97), (4, 0.80), n=40)) == 44


@pytest.mark.parametrize("rate", [0.91, 0.95, 0.98])
@pytest.mark.parametrize("n", [2, 20, 200])
@pytest.mark.parametrize("length", [12, 48])
def test_a_steady_rate_seldom_seems_to_have_fallen(rate: float, n: int, length: int) -> None:
    """In 1,000 looks, at a chance of 5 %, with a daily wave of traffic: in fewer than 5 %."""
    rng = np.random.default_rng([length, n, int(rate * 100)])
    expected = n * (1 + 0.45 * np.sin(np.arange(length) / 24 * 2 * np.pi))
    events = rng.poisson(expected, (1_000, length))
    good = rng.binomial(events, rate)
    looks = (
        hours(Count(int(k), int(m)) for k, m in zip(ks, ms, strict=True))
        for ks, ms in zip(good, events, strict=True)
    )
    assert sum(fall_in(look, ABOVE_90, 0.05) is not None for look in looks) < 0.05 * 1_000


def test_past_the_critical_level_beyond_doubt_a_fall_is_critical() -> None:
    """At 50 % of 300 it is; at 78 % it may still lie above 80 %."""
    good = of((48, 0.97))
    measurement = Measurement(SYNC.id, hourly=good)
    assert fell(SYNC, measurement, RULES, STAGING) is None
    for after, outcome, reason in (
        (0.50, Outcome.CRITICAL, Reason.FELL_PAST_LEVEL),
        (0.78, Outcome.INCONCLUSIVE, Reason.FELL),
    ):
        fallen = fell(SYNC, replace(measurement, hourly=of((45, 0.97), (3, after))), RULES, STAGING)
        assert fallen
        assert fallen[:2] == (outcome, reason)


def test_fewer_events_than_count_as_past_a_level_are_not_critical() -> None:
    """Nine of nine failed: that is a fall, and the level is left to more events."""
    nine = hours([*[Count(97, 100)] * 45, Count(0, RULES.least_n - 1)])
    ten = hours([*[Count(97, 100)] * 45, Count(0, RULES.least_n)])
    outcomes = [
        found and found[0]
        for found in (
            fell(SYNC, Measurement(SYNC.id, hourly=one), RULES, STAGING) for one in (nine, ten)
        )
    ]
    assert outcomes == [Outcome.INCONCLUSIVE, Outcome.CRITICAL]


@pytest.mark.parametrize(
    ("newest", "critical"),
    [
        (of((20, 0.99), (18, 0.93), (3, 0.40)), True),
        (of((40, 0.97), (2, 0.20), (4, 0.86)), False),
        (of((40, 0.97), (6, 0.87), (2, 0.30), (3, 0.87)), False),
    ],
    ids=["worse and worse", "better, not well", "a dip of a fallen rate"],
)
def test_it_is_the_newest_stretch_that_is_past_the_critical_level(
    newest: tuple[HourCount, ...], *, critical: bool
) -> None:
    """Whatever the mean of all hours since the fall."""
    fallen = fell(SYNC, Measurement(SYNC.id, hourly=newest), RULES, STAGING)
    assert fallen
    assert (fallen[0] is Outcome.CRITICAL) is critical


def test_a_critical_fall_is_told_of_its_newest_stretch() -> None:
    """One hour of 20 % after many of 80 %: 20 of 100 are what is critical."""
    hourly = of((30, 0.97), (17, 0.80), (1, 0.20))
    fallen = fell(SYNC, Measurement(SYNC.id, hourly=hourly), RULES, STAGING)
    assert fallen
    assert fallen[0] is Outcome.CRITICAL
    assert (fallen[2].count, fallen[2].since) == (Count(20, 100), hourly[-1].start)
    assert fallen[2].before == Count(30 * 97, 3000)


def test_the_fall_of_one_part_is_found_in_a_good_whole() -> None:
    """And it is named; a critical one before one that is not."""
    whole = of((48, 0.97))
    parts = {"a": of((42, 0.97), (6, 0.85)), "b": of((42, 0.97), (6, 0.30)), "c": whole}
    first = fell(SYNC, Measurement(SYNC.id, hourly=whole, hours_by_part=parts), RULES, STAGING)
    del parts["b"]
    second = fell(SYNC, Measurement(SYNC.id, hourly=whole, hours_by_part=parts), RULES, STAGING)
    assert first
    assert second
    assert [(one[0], one[2].part) for one in (first, second)] == [
        (Outcome.CRITICAL, "b"),
        (Outcome.INCONCLUSIVE, "a"),
    ]


def test_hours_that_overlap_are_nearly_one_search() -> None:
    """A ratio of exp(8.1) is beyond doubt; after 48 searches on their own it would not be."""
    assert since(of((46, 0.97), (2, 0.80), n=25)) == 46


def test_more_parts_make_each_search_more_careful() -> None:
    """The chance of a false alarm is shared out among the whole and its parts."""
    hourly = of((44, 0.97), (2, 0.80), n=30)
    alone = Measurement(SYNC.id, hourly=hourly)
    assert fell(SYNC, alone, RULES, STAGING)
    among = replace(alone, hours_by_part={str(part): of((46, 0.97)) for part in range(400)})
    assert fell(SYNC, among, RULES, STAGING) is None


def test_what_asks_for_no_falls_or_has_no_objective_here_has_none() -> None:
    """However it falls: its hours are only shown."""
    falling = Measurement(SYNC.id, hourly=of((42, 0.97), (6, 0.0)))
    unasked = SYNC.model_copy(update={"falls": False})
    elsewhere = SYNC.model_copy(update={"objective": {Environment.PRODUCTION: ABOVE_90}})
    assert fell(SYNC, falling, RULES, STAGING)
    assert fell(unasked, falling, RULES, STAGING) is None
    assert fell(elsewhere, falling, RULES, STAGING) is None


def test_without_a_critical_level_a_fall_is_never_critical() -> None:
    """It holds the verdict."""
    metric = SYNC.model_copy(update={"critical": None})
    falling = Measurement(SYNC.id, hourly=of((42, 0.97), (6, 0.0)))
    fallen = fell(metric, falling, RULES, STAGING)
    assert fallen
    assert fallen[0] is Outcome.INCONCLUSIVE
