"""What is known of a fleet before and beside its figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from gonogo import criteria as criteria_file
from gonogo.gate.fleet import _with_clocks
from gonogo.model.kinds import Says
from gonogo.model.measurement import DatabaseIdentity, Measurement, Remark
from gonogo.model.step import Member, Provenance
from gonogo.record.canonical import database_of
from record_examples import IDENTITY, provenance

ROOT = Path(__file__).parents[3]
CRITERIA = criteria_file.load(ROOT / "checks" / "criteria.toml", ROOT / "checks" / "sql")
(CLOCK,) = (metric.id for metric in CRITERIA.metrics.values() if metric.clock)
SAME = Measurement(CLOCK, value=Fraction(0))


def fleet(*names: str, database: DatabaseIdentity | None = IDENTITY) -> Provenance:
    """The provenance of a fleet's record."""
    members = tuple(
        Member(name=name, connection=f"host={name} dbname=app user=gate", database=database)
        for name in names
    )
    return provenance(database=None, connection="", members=members)


def test_one_member_more_or_less_is_another_fleet() -> None:
    """Whether or not each answered; in any order."""
    assert database_of(fleet("a", "b")) == database_of(fleet("b", "a", database=None))
    assert database_of(fleet("a", "b")) != database_of(fleet("a", "b", "c"))
    assert database_of(fleet("a")) != database_of(provenance())


@pytest.mark.parametrize(
    ("other", "is_another"),
    [
        (fleet("a", "b"), False),
        (fleet("a"), True),
        (fleet("a", "c"), True),
        (fleet("a", "b", database=replace(IDENTITY, system_identifier="7")), True),
        (fleet("a", "b", database=None), False),
        (provenance(), True),
        (provenance(database=None), False),
    ],
)
def test_a_record_of_a_fleet_is_of_no_other_database(
    other: Provenance, *, is_another: bool
) -> None:
    """Neither of another fleet, nor of one database alone; what names none may be any."""
    assert fleet("a", "b").is_of_another(other) is is_another
    assert other.is_of_another(fleet("a", "b")) is is_another


@pytest.mark.parametrize(
    ("minutes", "value"), [(1, 0), (3, 180), (-7, 420)], ids=["alike", "ahead", "behind"]
)
def test_a_servers_clock_that_differs_counts_as_rows_from_the_future(
    minutes: int, value: int
) -> None:
    """Its window is another one; the clock metric's limit judges by how much."""
    clocks = {"a": timedelta(), "b": timedelta(minutes=minutes)}
    found = _with_clocks(CRITERIA, {CLOCK: SAME}, clocks)[CLOCK]
    assert found.value == value
    note = Remark(Says.SERVER_CLOCK, number=abs(minutes), member="b")
    assert found.notes == ((note,) if value else ())
