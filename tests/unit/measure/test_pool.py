"""What the tables of several databases add up to, by kind of figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.criteria import Criteria, Metric
from gonogo.measure.histogram import with_means
from gonogo.measure.pool import Pool, measured
from gonogo.measure.surveys import Surveyed, Table
from gonogo.measure.take import Plan
from gonogo.model.kinds import Environment, Says
from gonogo.model.limit import parse_limit
from gonogo.model.measurement import Count, Measurement, Remark, clip

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = {
    "least_n": 10,
    "band_n": 30,
    "excluded_at": 0.025,
    "many_n": 200,
    "excluded_of_many": 0.001,
    "recent": [2],
}
Rows = list[dict[str, Any]]


def metric(kind: str = "quantity", **more: Any) -> Metric:
    """One of the survey `s`, whose value is the column `v`."""
    own = {"id": "a.m", "title": "M", "kind": kind, "survey": "s", "value": "v"}
    return Metric.model_validate(own | more)


def plan_for(one: Metric) -> Plan:
    """A plan that asks one metric."""
    criteria = Criteria.model_validate(
        {"rules": RULES, "score": {"bands": {"Poor": 0}}, "metric": {one.id: one}}
    )
    window = clip(timedelta(hours=4), NOON, None)
    return Plan(criteria, Path(), Environment.STAGING, window, (), pooled=True)


def together(one: Metric, *found: Rows | Remark, survey: str = "s") -> Measurement:
    """What a metric measures of databases that brought these rows, or a reason for none."""
    plan = plan_for(one)
    pool = Pool(plan)
    for number, rows in enumerate(found):
        table = Table(missing=rows) if isinstance(rows, Remark) else Table(tuple(rows))
        recent = {one.recency: {"": table}} if one.recency else {}
        brought = Surveyed({"s": Table(), survey: table}, recent, {})
        pool.add(f"member-{number}", brought, measured(plan, brought))
    return pool.measured()[one.id]


@pytest.mark.parametrize(
    ("asks", "values", "pooled"),
    [
        ({}, [1, 2, 3], 6),
        ({}, [Decimal(1), 2], 3),
        ({}, [1.5, Decimal("0.5")], 2),
        ({"unit": "h"}, [60, 7200], 7200),
        ({"pick": "max"}, [4, 1], 4),
        ({"unit": "h", "pool": "min"}, [60, None, 30], 30),
        ({"unit": "min", "pool": "max"}, [None, -3, 8], 8),
        ({"unit": "h", "pool": "sum"}, [10, 20], 30),
        ({"unit": "h"}, [60, None], None),
        ({"unit": "h", "pool": "min"}, [None, None], None),
    ],
)
def test_a_quantity_of_a_fleet(asks: Any, values: list[Any], pooled: int | None) -> None:
    """A count adds up, of times the longest stands, unless `pool` says otherwise.

    What one does not know is unknown of all, but where `pool` is said: the newest is the newest.
    """
    found = together(metric(**asks), *([{"v": value}] for value in values))
    assert found.value == pooled
    assert bool(found.missing) is (pooled is None)


@pytest.mark.parametrize(
    ("limits", "values", "pooled"),
    [
        ({"objective": "yes"}, [1, 0, 1], 0),
        ({"objective": "yes"}, [1, 1], 1),
        ({"objective": "no"}, [False, True], 1),
        ({"warning": "no"}, [1, 0], 0),
        ({"critical": "yes"}, [0, 1], 1),
    ],
)
def test_an_answer_of_a_fleet_is_the_worse(limits: Any, values: list[Any], pooled: int) -> None:
    """Whichever answer that is: one database that says no is none that says yes."""
    assert together(metric("answer", **limits), *([{"v": one}] for one in values)).value == pooled


def test_counts_add_up_by_what_they_are_counted_by() -> None:
    """A part that one database alone has is a part of the fleet."""
    rate = metric("rate", value=None, part={"ok": [True]}, whole={}, by="part")
    found = together(
        rate,
        [{"part": "x", "ok": True, "n": 3}, {"part": "x", "ok": False, "n": 1}],
        [{"part": "x", "ok": True, "n": 4}, {"part": "y", "ok": False, "n": 2}],
    )
    assert found.count == Count(7, 10)
    assert found.by_part == {"x": Count(7, 8), "y": Count(0, 2)}


def test_messages_add_up_before_the_most_frequent_are_chosen() -> None:
    """One that is sixth in each database may be first in all."""
    each = [[{"message": f"own {n}-{m}", "n": 9} for m in range(5)] for n in range(2)]
    found = together(metric("top"), *([*own, {"message": "shared", "n": 8}] for own in each))
    assert len(found.breakdown) == 5
    assert found.breakdown["shared"] == 16


def test_the_newest_events_are_the_newest_of_all() -> None:
    """By the moment that each survey brings with them."""
    rate = metric("rate", value=None, part="ok", whole="n", recency="r", critical="< 80 %")
    old, newer = (
        [{"ok": ok, "n": 1, "at": NOON + timedelta(minutes=ago)} for ago in (minutes, minutes - 1)]
        for ok, minutes in ((1, 0), (0, 60))
    )
    assert together(rate, old, newer).recent == {"": (Count(0, 2),)}


def test_newest_events_without_a_moment_are_unknown_of_the_fleet() -> None:
    """Nobody could say which are the newest."""
    rate = metric("rate", value=None, part="ok", whole="n", recency="r", critical="< 80 %")
    found = together(rate, [{"ok": 1, "n": 1}])
    assert found.recent_missing == Remark(Says.NO_MOMENT, "at", member="member-0")


def test_what_one_database_does_not_bring_is_unknown_of_the_fleet() -> None:
    """Its name is told."""
    missing = Remark(Says.TIMED_OUT, "s", number=25)
    found = together(metric(), [{"v": 1}], missing)
    assert found.missing == Remark(Says.TIMED_OUT, "s", number=25, member="member-1")


def test_what_cannot_be_counted_in_one_database_is_not_made_up_for_by_another() -> None:
    """More successes than syncs in one, and fewer in the other, are no rate."""
    rate = metric("rate", value=None, part="k", whole="n")
    found = together(rate, [{"k": 3, "n": 2}], [{"k": 1, "n": 9}])
    assert found.missing
    assert (found.missing.says, found.missing.member) == (Says.BAD_VALUE, "member-0")


VALUES = st.lists(st.lists(st.integers(0, 50), max_size=8), min_size=1, max_size=4)


@given(VALUES)
def test_percentiles_of_a_fleet_are_those_of_all_values(databases: list[list[int]]) -> None:
    """As `percentile_cont` has them; never a mean of percentiles."""
    mean = metric(
        value="mean_ms", unit="ms", pick="mean", histogram="h", columns=["p50_ms"], by="part"
    )
    rows = ([{"part": "x", "ms": one, "n": 1} for one in values] for values in databases)
    found = together(mean, *rows, survey="h")
    every = sorted(one for values in databases for one in values)
    if not every:
        assert found.missing
        return
    rounded = int(Fraction(sum(every), len(every)) + Fraction(1, 2))
    assert found.value == Fraction(rounded, 1000)
    middle = Fraction(every[(len(every) - 1) // 2] + every[len(every) // 2], 2)
    assert found.breakdown["x p50_ms"] == int(middle + Fraction(1, 2))


def test_a_mean_without_a_histogram_shows_no_percentile_of_a_fleet() -> None:
    """The mean itself is weighed by how many each database has."""
    mean = metric(value="mean_ms", unit="ms", pick="mean", columns=["p50_ms"], by="part")
    found = together(
        mean,
        [{"part": "x", "mean_ms": 100, "p50_ms": 90, "n": 1}],
        [{"part": "x", "mean_ms": 200, "p50_ms": 10, "n": 3}],
    )
    assert (found.value, found.breakdown) == (Fraction(175, 1000), {})


def test_a_histogram_that_lacks_a_column_says_so() -> None:
    """It is the team's own survey."""
    mean = metric(value="mean_ms", unit="ms", pick="mean", histogram="h")
    criteria = plan_for(mean).criteria
    made = with_means(criteria, {"h": Table(({"n": 1},))})
    assert made["s"].missing == Remark(Says.NO_COLUMN, "h", "'ms'")


def test_clocks_are_judged_by_each_servers_own_order() -> None:
    """The worst stands; one of which nothing is known is noted, with its name."""
    clock = metric(
        value=None, derived="write_order", objective=parse_limit("<= 10 min").text, unit="min"
    )
    found = together(clock, [], [])
    assert found.left_out
    assert found.left_out.member == "member-0"
