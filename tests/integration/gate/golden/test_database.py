"""Golden figures of what would make every other number wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from golden_world import World
from gonogo.model.kinds import Outcome, Says
from gonogo.model.measurement import Count, Measurement, Remark
from saying import team

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
    world: World, sync: str | None, notification: str | None, ahead_s: int
) -> None:
    """Seconds that it lies ahead; negative when it lies behind."""
    if sync:
        world.sync(at="-9h")
        world.sync(at=sync)
    if notification:
        world.notification("ignored", at=notification)
    assert world.measured("db.clock_skew").value == ahead_s


FUTURE: dict[str, Callable[[Any], None]] = {
    "a connection": lambda w: w.connected(1, at="+9m"),
    "a subscription": lambda w: w.subscription(1, at="+9m"),
    "what renewed one": lambda w: w.subscription(1, touched="+9m"),
    "a token's check": lambda w: w.token("valid", checked="+9m"),
    "a message": lambda w: w.notice(at="+9m"),
    "a reminder": lambda w: w.notice(at="-9d", reminded="+9m"),
    "what resolved a message": lambda w: w.notice(at="-9d", resolved="+9m"),
    "a breaker": lambda w: w.breaker("half_open", touched="+9m"),
}


@pytest.mark.parametrize("add", FUTURE.values(), ids=FUTURE)
def test_a_state_of_the_future_is_skew_as_well(world: World, add: Callable[[Any], None]) -> None:
    """A footprint that lies ahead would be fresh for as long as its writer's zone is wrong."""
    world.sync(at="-1h")
    add(world)
    assert world.measured("db.clock_skew").value == 9 * MINUTE
    assert world.found("db.clock_skew").outcome is Outcome.INCONCLUSIVE


def test_a_row_without_a_moment_hides_no_row_of_the_future(own_world: World) -> None:
    """Null sorts last of all moments, and is none."""
    own_world.run("alter table sync_metrics alter column created_at drop not null")
    own_world.sync(at="+9m")
    own_world.sync(at=None)
    assert own_world.measured("db.clock_skew").value == 9 * MINUTE


def test_rows_after_a_past_end_are_no_skew(world: World) -> None:
    """The server's clock is later than the end: what was written since is not from the future."""
    world.as_of = world.as_of.replace(year=2020)
    world.sync(at="+1h")
    assert world.found("db.clock_skew").outcome is Outcome.MET


@pytest.mark.parametrize(
    ("zone", "overrides"),
    [("Europe/Berlin", 1), ("UTC", 0), ("Etc/UTC", 0), ("utc", 0), ("GMT", 0), ("-2", 1)],
)
def test_another_time_zone_of_the_database_is_an_override(
    own_world: World, zone: str, overrides: int
) -> None:
    """By any of its names UTC is none."""
    name = own_world.connection.info.dbname
    own_world.run(f"alter database {name} set timezone to '{zone}'")
    assert own_world.measured("db.time_zone").value == overrides


def test_another_time_zone_of_a_role_is_an_override(
    own_world: World, role: Callable[[], str]
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
    own_world: World, role: Callable[[], str]
) -> None:
    """An analyst's clock shifts no row; a group's rights are its members' too."""
    analyst, writers = role(), role()
    own_world.run(f"grant select on sync_metrics to {analyst}")
    own_world.run(f"alter role {analyst} set timezone to 'Asia/Tokyo'")
    assert own_world.measured("db.time_zone").value == 0
    own_world.run(f"grant insert on sync_metrics to {writers}; grant {writers} to {analyst}")
    assert own_world.measured("db.time_zone").value == 1


def test_tables_that_hide_rows_from_the_role_are_counted(
    own_world: World, role: Callable[[], str]
) -> None:
    """Three of the measured tables hide theirs, a fourth one is none of the measured."""
    assert own_world.measured("db.row_security").value == 0
    name = role()
    for table in ("sync_metrics", "token_health", "users", "audit_logs"):
        own_world.run(f"alter table {table} enable row level security")
    own_world.run(f"grant select on all tables in schema public to {name}")
    assert own_world.measured("db.row_security").value == 0
    assert own_world.measured("db.row_security", options=f"-c role={name}").value == 3


Add = Callable[[Any, int, str | None], None]
LABELS: dict[str, tuple[str, str, tuple[str, ...], Add]] = {
    "db.sync_results": (
        "sync_metrics",
        "result",
        ("success", "failure", "skipped"),
        lambda w, _user, label: w.sync(label),
    ),
    "db.webhook_results": (
        "webhook_notifications",
        "result",
        ("success", "failure", "ignored"),
        lambda w, _user, label: w.notification(label),
    ),
    "db.token_states": (
        "token_health",
        "status",
        ("valid", "expiring_soon", "expired", "revoked", "unknown"),
        lambda w, user, label: w.token(label, user=user),
    ),
    "db.breaker_states": (
        "circuit_breaker_state",
        "state",
        ("closed", "open", "half_open"),
        lambda w, user, label: w.breaker(label, user=user),
    ),
}


@pytest.mark.parametrize("metric", LABELS)
def test_a_row_without_a_known_label_is_in_no_rate(own_world: World, metric: str) -> None:
    """All known ones are met; beside them a word of its own and null are not."""
    table, column, known, add = LABELS[metric]
    own_world.run(
        f"alter table {table} drop constraint {table}_{column}_check,"
        f" alter column {column} drop not null"
    )
    for user, label in enumerate((*known, "paused", None), start=1):
        add(own_world, user, label)
        counted = Count(min(user, len(known)), user)
        assert own_world.measured(metric).count == counted
        met = own_world.found(metric).outcome is Outcome.MET
        assert met is (label in known)


MOMENTS = (
    ("sync_metrics", "created_at"),
    ("webhook_notifications", "created_at"),
    ("sync_schedule", "next_sync_at"),
    ("sync_schedule", "created_at"),
    ("calendar_webhook_subscriptions", "expiration"),
    ("calendar_webhook_subscriptions", "created_at"),
    ("token_health", "last_checked"),
    ("token_health_notifications", "created_at"),
)


def test_a_row_without_its_moment_is_in_no_window(own_world: World) -> None:
    """By each moment that a survey asks for; what none asks for may lack it."""
    for table, column in MOMENTS:
        own_world.run(f"alter table {table} alter column {column} drop not null")
    own_world.connected(2, at=None, new=False)
    own_world.notice(user=2, at=None, resolved="-1h")
    own_world.notice(user=2, at=None, reminded="-1h")
    assert own_world.found("db.undated_rows").outcome is Outcome.MET
    own_world.sync()
    own_world.notification()
    own_world.connected(1)
    own_world.subscription(1)
    own_world.token("valid")
    own_world.notice(at="-1h")
    assert own_world.measured("db.undated_rows").value == 0
    for table, column in MOMENTS:
        mine = f"user_id = '{own_world.users[0]}'"
        own_world.run(f"update {table} set {column} = null where {mine}")
        assert own_world.found("db.undated_rows").outcome is Outcome.INCONCLUSIVE
        assert own_world.measured("db.undated_rows").value == 1
        own_world.run(f"update {table} set {column} = '2100-06-01' where {mine}")


def test_a_row_from_before_all_time_is_in_no_window(world: World) -> None:
    """By each moment at which a row counts as having come; an expiry may lie there."""
    world.sync()
    world.notification()
    world.connected(1)
    world.subscription(1, expires="-infinity")
    assert world.measured("db.undated_rows").value == 0
    for table in ("sync_metrics", "webhook_notifications", "sync_schedule"):
        world.run(f"update {table} set created_at = '-infinity'")
        assert world.found("db.undated_rows").outcome is Outcome.INCONCLUSIVE
        assert world.measured("db.undated_rows").value == 1
        world.run(f"update {table} set created_at = '2100-06-01'")


@pytest.mark.parametrize(
    "told",
    [
        lambda world: world.measured("db.replica_lag"),
        lambda world: world.measured("db.replica_paused"),
        lambda world: world.measured("db.replica_rows"),
    ],
)
def test_a_primary_is_behind_nobody(world: World, told: Callable[[Any], Measurement]) -> None:
    """There is nothing to lag, and the record says why."""
    found = told(world)
    assert found.value == 0
    assert found.notes == (team("this is the primary"),)
    assert world.found(found.metric).outcome is Outcome.MET


def write(world: World, number: int, delay: str = "") -> None:
    """The row of one minute of the last hour and a half, in a transaction of its own."""
    world.sync(at=f"-{90 - number}m{delay}")
    world.connection.commit()


def test_a_clock_that_is_behind_is_seen_by_the_order_of_writing(world: World) -> None:
    """Each fourth row is five hours behind the third before it; of two clocks the later counts."""
    for number in range(80):
        wrong = number % 4 == 3
        write(world, number - 3 if wrong else number, "-5h" if wrong else "")
    found = world.measured("db.write_order")
    assert found.value == 5 * 60 * MINUTE
    assert found.notes == (Remark(Says.WRITTEN_LATE, "sync_metrics", number=20),)
    assert world.found("db.write_order").outcome is Outcome.INCONCLUSIVE


def test_a_backfill_is_named_and_is_no_wrong_clock(world: World) -> None:
    """Old rows with delays of all lengths, and a hundred by one transaction, that span a day."""
    for number in range(60):
        write(world, number)
        if number > 2:
            write(world, number, f"-{number % 20 + 1}h")
    for hour in range(25):
        world.sync(at=f"-{hour + 2}h", times=4)
    found = world.found("db.write_order")
    assert found.outcome is Outcome.MET
    assert found.figures.notes == (Remark(Says.BACKFILLED, number=157),)


def test_few_transactions_do_not_tell_the_order_of_writing(world: World) -> None:
    """A table that one transaction filled says nothing of clocks: left out, and said."""
    world.sync(at="-9h", times=5_000)
    assert world.found("db.write_order").outcome is Outcome.LEFT_OUT
    for number in range(31):
        write(world, number)
    assert world.found("db.write_order").outcome is Outcome.LEFT_OUT
    write(world, 31)
    assert world.found("db.write_order").outcome is Outcome.MET


def test_a_table_of_parts_does_not_tell_the_order_of_writing(own_world: World) -> None:
    """The other stream alone is judged, and the record says so; without it nothing is."""
    for number in range(40):
        write(own_world, number)
    own_world.run("create table more_syncs () inherits (sync_metrics)")
    assert own_world.found("db.write_order").outcome is Outcome.LEFT_OUT
    for number in range(40):
        own_world.notification(at=f"-{90 - number}m")
        own_world.connection.commit()
    found = own_world.found("db.write_order")
    assert found.outcome is Outcome.MET
    assert found.figures.notes == (Remark(Says.ORDER_UNKNOWN, "sync_metrics"),)


def test_reused_pages_do_not_tell_the_order_of_writing(own_world: World) -> None:
    """Where vacuum made room in front, the newest rows lie there: left out, and said."""
    own_world.sync(at="-9h", times=30_000)
    own_world.connection.commit()
    ((pages,),) = own_world.ask("select pg_relation_size('sync_metrics') / 8192")
    assert isinstance(pages, int)
    # Between two groups of the pages that are looked at: what is written from now on goes there.
    near, far = (int(64 * (pages / 64) ** (group / 16)) for group in (14, 15))
    own_world.run(
        "delete from sync_metrics where (ctid::text::point)[0]"
        f" between {pages - far + 3} and {pages - near - 8}"
    )
    own_world.connection.commit()
    own_world.connection.autocommit = True
    own_world.run("vacuum sync_metrics")
    own_world.connection.autocommit = False
    for number in range(90):
        write(own_world, number)
        write(own_world, number)
    found = own_world.measured("db.write_order")
    assert found.left_out == Remark(Says.ORDER_REUSED, "sync_metrics")


PARTITIONED = """
alter table webhook_notifications rename to whole;
create table webhook_notifications (like whole) partition by range (created_at)"""
DAY_S = 24 * 3600


def test_what_no_partition_covers_is_counted(own_world: World) -> None:
    """From the window's start to noon, and a day that was detached; a default one has it all."""
    assert own_world.found("db.partitions").outcome is Outcome.MET
    own_world.run(PARTITIONED)
    assert own_world.measured("db.partitions").value == 2 * DAY_S
    for name, bounds in {
        "one": "from ('2100-05-30 18:30') to ('2100-05-31')",
        "two": "from ('2100-05-31') to ('2100-06-01')",
        "three": "from ('2100-06-01') to (maxvalue)",
    }.items():
        own_world.run(f"create table {name} partition of webhook_notifications for values {bounds}")
    assert own_world.measured("db.partitions").value == 6 * 3600
    own_world.run("alter table webhook_notifications detach partition two")
    found = own_world.measured("db.partitions")
    assert found.value == DAY_S + 6 * 3600
    assert found.breakdown == {"webhook_notifications": DAY_S + 6 * 3600}
    assert own_world.found("db.partitions").outcome is Outcome.INCONCLUSIVE
    own_world.run("create table rest partition of webhook_notifications default")
    assert own_world.found("db.partitions").outcome is Outcome.MET


def test_a_table_that_is_partitioned_otherwise_is_none_of_them(own_world: World) -> None:
    """By another column its partitions say nothing of moments."""
    own_world.run(PARTITIONED.replace("range (created_at)", "range (user_id)"))
    assert own_world.found("db.partitions").outcome is Outcome.MET
