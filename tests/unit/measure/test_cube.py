"""Sums over a survey's rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.criteria import Metric
from gonogo.measure import cube
from gonogo.measure.surveys import Table
from gonogo.model.kinds import Says
from gonogo.model.measurement import Count, Measurement, Remark, Worst
from gonogo.postgres.readonly import Row

HOURS = [datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in range(4)]
SUCCESS = {"result": ("success",)}
EXECUTED = {"result": ("success", "failure")}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "integration": st.sampled_from(["google_contacts", "google_calendar"]),
            "result": st.sampled_from(["success", "failure", "skipped"]),
            "n": st.integers(0, 10**9),
            "hour": st.sampled_from(HOURS),
        }
    )
)


@given(ROWS, ROWS)
def test_the_halves_of_a_cube_add_up_to_the_whole(one: list[Row], other: list[Row]) -> None:
    """Over shards, databases or hours: counts merge, whole, by integration and by hour."""
    both = [*one, *other]
    asked = (SUCCESS, EXECUTED)
    assert cube.count(one, *asked) + cube.count(other, *asked) == cube.count(both, *asked)
    parts = cube.by(both, "integration", *asked)
    assert sum(parts.values(), Count(0, 0)) == cube.count(both, *asked)
    hourly = cube.hourly(both, HOURS, *asked)
    assert sum((hour.count for hour in hourly), Count(0, 0)) == cube.count(both, *asked)
    for name, part in parts.items():
        mine = cube.by(one, "integration", *asked).get(name, Count(0, 0))
        theirs = cube.by(other, "integration", *asked).get(name, Count(0, 0))
        assert mine + theirs == part


@given(ROWS)
def test_what_is_counted_is_within_the_whole(rows: list[Row]) -> None:
    """A filter that asks for more never counts more."""
    counted = cube.count(rows, SUCCESS, EXECUTED)
    assert 0 <= counted.k <= counted.n <= cube.count(rows, {}, {}).n


@given(ROWS)
def test_a_breakdown_adds_up(rows: list[Row]) -> None:
    """Its sums are the whole, most first, and what is nothing is not shown."""
    sums = cube.breakdown(rows, "result", "n")
    assert sum(sums.values()) == cube.count(rows, "n", "n").n
    assert list(sums.values()) == sorted(sums.values(), reverse=True)
    assert 0 not in sums.values()


def test_every_hour_is_there_also_without_a_row() -> None:
    """A gap must be seen: an hour without traffic reads 0 of 0."""
    row = {"result": "success", "n": 3, "hour": HOURS[1]}
    told = cube.hourly([row], HOURS[:3], SUCCESS, EXECUTED)
    assert [(hour.start, hour.count) for hour in told] == [
        (HOURS[0], Count(0, 0)),
        (HOURS[1], Count(3, 3)),
        (HOURS[2], Count(0, 0)),
    ]


def test_a_row_passes_when_every_column_does() -> None:
    """Filters of several columns are joined by and, the values of one by or."""
    row = {"result": "failure", "sync_type": "manual", "n": 2}
    assert cube.amount(row, EXECUTED | {"sync_type": ("manual",)}) == 2
    assert cube.amount(row, EXECUTED | {"sync_type": ("full",)}) == 0
    assert cube.amount(row, "n") == 2
    assert cube.amount(row, {}) == 2


def test_null_is_no_integration_and_no_reason() -> None:
    """It is left out of the parts, and named in a breakdown."""
    rows = [{"integration": None, "result": "success", "n": 1}]
    assert cube.by(rows, "integration", SUCCESS, EXECUTED) == {}
    assert cube.breakdown(rows, "integration", "n") == {"none given": 1}


def test_values_that_share_a_name_are_summed_under_it() -> None:
    """Two reasons are adaptive; what nobody named, null included, is other."""
    rows = [
        {"reason": reason, "n": n}
        for reason, n in (("not_due", 2), ("adaptive_scheduling", 3), (None, 1), ("new", 3))
    ]
    names = {"adaptive": ("adaptive_scheduling", "not_due"), "invalid token": ("invalid_token",)}
    assert cube.breakdown(rows, "reason", "n", names) == {"adaptive": 5, "other": 4}


@pytest.mark.parametrize(("value", "n"), [(7, 7), (0, 0), (None, 0), (Decimal(7), 7)])
def test_a_count_is_a_whole_number_or_null(value: object, n: int) -> None:
    """Sums over no rows are null; a numeric sum is a count as well."""
    assert cube.integer(value) == n


@pytest.mark.parametrize("value", ["7", 7.5, Decimal("7.5"), Decimal("NaN"), HOURS[0]])
def test_anything_else_is_not_read_as_nothing(value: object) -> None:
    """Read as 0, a wrong column of bad things would look like health."""
    with pytest.raises(TypeError, match="is no whole number"):
        cube.integer(value)


@pytest.mark.parametrize("value", ["1e40", "-1e40", "1e9999"])
def test_what_no_record_has_room_for_is_no_count(value: str) -> None:
    """The gate would end without a record."""
    with pytest.raises(TypeError, match="is larger than anything that is counted"):
        cube.integer(Decimal(value))


@given(st.integers(1, 5), st.timedeltas(timedelta(), timedelta(hours=9)))
def test_hours_beyond_the_window_are_not_asked_for(hours: int, ahead: timedelta) -> None:
    """Only the given starts are listed, whatever rows there are."""
    rows = [{"result": "success", "n": 1, "hour": HOURS[0] + ahead}]
    told = cube.hourly(rows, HOURS[:hours], SUCCESS, EXECUTED)
    assert len(told) == min(hours, len(HOURS))


def test_whole_numbers_of_every_kind_are_summed() -> None:
    """Beside plain ones also those that a server's sum brings, and the null of no rows."""
    rows: list[Row] = [{"n": 1}, {"n": None}, {"n": Decimal(2)}]
    assert cube.total(rows, "n") == cube.total(rows, {}) == 3
    with pytest.raises(TypeError, match="no whole number"):
        cube.total([*rows, {"n": 0.5}], "n")


def rate(**more: object) -> Metric:
    """A rate whose failures two surveys distinguish."""
    users = {"survey": "users", "by": "user_id", "failures": "failures", "whole": "executed"}
    errors = {"survey": "errors", "by": "message", "failures": "n"}
    worst = {"user": users, "message": errors}
    known = {"title": "A", "kind": "rate", "survey": "a", "by": "shop", "worst": worst}
    return Metric.model_validate({"id": "a.b", **known, **more})


FOUND = Measurement(
    "a.b", count=Count(90, 100), by_part={"one": Count(49, 50), "two": Count(41, 50)}
)
TOTAL: Row = {"user_id": None, "failures": None, "executed": None}


def worst(metric: Metric, users: Table, errors: Table) -> Measurement:
    """The rate with whose failures it has."""
    return cube.with_worst(metric, {"users": users, "errors": errors}, FOUND)


def test_the_worst_of_each_is_named_and_taken_away() -> None:
    """Of users by what they have, of messages by what failed, of parts by the rate's own."""
    users = Table((TOTAL, {"user_id": 7, "failures": 8, "executed": 9}))
    errors = Table(({"message": "slow", "n": 3}, {"message": "gone", "n": 6}))
    assert worst(rate(), users, errors).worst == (
        Worst("user", "7", Count(8, 10), Count(89, 91)),
        Worst("message", "gone", Count(6, 10), Count(90, 94)),
        Worst("shop", "two", Count(9, 10), Count(49, 50)),
    )
    # Parts that overlap cannot be taken away.
    assert worst(rate(total_row=True), users, errors).worst[-1].without is None


def test_whose_failures_they_are_is_silent_where_other_things_were_counted() -> None:
    """More than there are; what could not be asked is noted, and the rate stands."""
    missing = Remark(Says.NO_RIGHT, "errors", "denied")
    users = Table(({"user_id": 7, "failures": 11, "executed": 11},))
    found = worst(rate(), users, Table(missing=missing))
    assert [one.name for one in found.worst] == ["two"]
    assert (found.count, found.notes, found.missing) == (FOUND.count, (missing,), None)
