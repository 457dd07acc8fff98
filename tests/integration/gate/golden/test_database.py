"""Golden figures of what would make every other number wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.model import Outcome

MINUTE = 60


@pytest.mark.parametrize(
    ("sync", "notification", "ahead_s"),
    [
        ("-1h", "-2h", -60 * MINUTE),
        ("-2h", "+4m", 4 * MINUTE),
        ("+9m", None, 9 * MINUTE),
        (None, "+6m", 6 * MINUTE),
    ],
)
def test_the_newest_row_of_both_tables_is_held_against_the_end(
    world: Any, sync: str | None, notification: str | None, ahead_s: int
) -> None:
    """Seconds that it lies ahead; negative when it lies behind."""
    if sync:
        world.sync(at="-9h")
        world.sync(at=sync)
    if notification:
        world.notification("ignored", at=notification)
    assert world.measured("db.clock_skew").value == ahead_s


def test_rows_after_a_past_end_are_no_skew(world: Any) -> None:
    """The server's clock is later than the end: what was written since is not from the future."""
    world.as_of = world.as_of.replace(year=2020)
    world.sync(at="+1h")
    assert world.found("db.clock_skew").outcome is Outcome.MET


@pytest.mark.parametrize(
    ("zone", "overrides"),
    [("Europe/Berlin", 1), ("UTC", 0), ("Etc/UTC", 0), ("utc", 0), ("GMT", 0), ("-2", 1)],
)
def test_another_time_zone_of_the_database_is_an_override(
    own_world: Any, zone: str, overrides: int
) -> None:
    """By any of its names UTC is none."""
    name = own_world.connection.info.dbname
    own_world.run(f"alter database {name} set timezone to '{zone}'")
    assert own_world.measured("db.time_zone").value == overrides


def test_another_time_zone_of_a_role_is_an_override(
    own_world: Any, role: Callable[[], str]
) -> None:
    """In this database; what it says of another is none of ours."""
    name, dbname = role(), own_world.connection.info.dbname
    own_world.run(f"grant insert on sync_metrics to {name}")
    own_world.run(f"alter role {name} in database postgres set timezone to 'Asia/Tokyo'")
    own_world.run(f"alter role {name} in database {dbname} set work_mem to '8MB'")
    assert own_world.measured("db.time_zone").value == 0
    own_world.run(f"alter role {name} in database {dbname} set timezone to 'Asia/Tokyo'")
    assert own_world.measured("db.time_zone").value == 1
    assert own_world.found("db.time_zone").outcome is Outcome.INCONCLUSIVE


def test_a_role_that_cannot_write_may_live_in_any_time_zone(
    own_world: Any, role: Callable[[], str]
) -> None:
    """An analyst's clock shifts no row; a group's rights are its members' too."""
    analyst, writers = role(), role()
    own_world.run(f"grant select on sync_metrics to {analyst}")
    own_world.run(f"alter role {analyst} set timezone to 'Asia/Tokyo'")
    assert own_world.measured("db.time_zone").value == 0
    own_world.run(f"grant insert on sync_metrics to {writers}; grant {writers} to {analyst}")
    assert own_world.measured("db.time_zone").value == 1


def test_tables_that_hide_rows_from_the_role_are_counted(
    own_world: Any, role: Callable[[], str]
) -> None:
    """Two of the measured tables hide theirs, a third one is none of the measured."""
    assert own_world.measured("db.row_security").value == 0
    name = role()
    for table in ("sync_metrics", "token_health", "users"):
        own_world.run(f"alter table {table} enable row level security")
    own_world.run(f"grant select on all tables in schema public to {name}")
    assert own_world.measured("db.row_security").value == 0
    assert own_world.measured("db.row_security", options=f"-c role={name}").value == 2


def test_a_primary_is_behind_nobody(world: Any) -> None:
    """There is nothing to lag, and the record says why."""
    told = world.measured("db.replica_lag")
    assert (told.value, told.notes) == (0, ("this is the primary",))
    assert world.found("db.replica_lag").outcome is Outcome.MET
