"""The ends of the window, and clocks that do not run on UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from golden_world import World
from gonogo.model.measurement import Count

EVENTS: dict[str, Callable[[Any, str], object]] = {
    "sync.success_rate": lambda world, at: world.sync("success", at=at),
    "sync.skip_rate": lambda world, at: world.sync("skipped", at=at),
    "sync.broken_users": lambda world, at: world.sync("failure", at=at, times=2),
    "sync.manual_share": lambda world, at: world.sync("failure", at=at, sync_type="manual"),
    "sync.duration": lambda world, at: world.sync("success", at=at, duration_ms=1),
    "sync.api_calls_saved": lambda world, at: world.sync("skipped", at=at, api_calls_saved=1),
    "sync.errors": lambda world, at: world.sync("failure", at=at),
    "webhook.success_rate": lambda world, at: world.notification("success", at=at),
    "webhook.errors": lambda world, at: world.notification("failure", at=at),
    "onboarding.success_rate": lambda world, at: world.connected(1, at=at),
    "errors.critical": lambda world, at: world.sync("failure", at=at, error_message="deadlock"),
    "incident.critical": lambda world, at: world.incident("critical", opened=at, closed="+1d"),
}


@pytest.mark.parametrize(
    ("at", "seen"), [("-48h-1us", False), ("-48h", True), ("-1us", True), ("0", False)]
)
@pytest.mark.parametrize("metric", EVENTS)
def test_the_start_belongs_to_the_window_and_the_end_does_not(
    world: World, metric: str, at: str, *, seen: bool
) -> None:
    """A microsecond decides whether an event is counted; its stream has earlier days as well."""
    # So that the integration is a part, whatever is connected now.
    world.connected(2, at="-9d", new=False)
    before = replace(world.measured(metric), streams={})
    EVENTS[metric](world, at)
    assert (replace(world.measured(metric), streams={}) != before) is seen


@pytest.mark.parametrize(("at", "n"), [("-31h-17m-3us", 1), ("-31h-17m-4us", 0)])
def test_the_deployment_is_an_end_like_any_other(world: World, at: str, n: int) -> None:
    """However it lies within its hour; the oldest slice is shorter, and no event lies in two."""
    world.sync(at=at)
    world.sync(at="-31h")
    told = world.measured("sync.success_rate", deployed="-31h-17m-3us")
    assert told.count == Count(n + 1, n + 1)
    assert [hour.count.n for hour in told.hourly] == [n, 1, *[0] * 30]


def test_slices_neither_lose_nor_repeat_an_event(world: World) -> None:
    """On both sides of each whole hour before an end that is none, on the slice's own start."""
    world.as_of += timedelta(minutes=7, microseconds=1)
    for hours in range(1, 5):
        world.sync(at=f"-{hours}h")
        world.sync(at=f"-{hours}h-1us")
    told = world.measured("sync.success_rate", window="4h")
    assert told.count == Count(7, 7)
    assert [hour.count.n for hour in told.hourly] == [2, 2, 2, 1]


@pytest.mark.parametrize(
    "as_of", [datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)]
)
def test_a_day_of_23_or_25_hours_has_24_here(world: World, as_of: datetime) -> None:
    """On the days on which Berlin's clocks change, whoever measures there counts UTC."""
    world.as_of = as_of
    world.connected(1)
    for half_hours in range(1, 49):
        world.sync(at=f"-{30 * half_hours}m")
    there = {"window": "1d", "options": "-c timezone=Europe/Berlin"}
    told = world.measured("sync.success_rate", **there)
    assert [hour.count for hour in told.hourly] == [Count(2, 2)] * 24
    assert world.measured("traffic.longest_gap", **there).value == 30 * 60


def test_no_number_depends_on_the_settings_of_the_session(world: World) -> None:
    """In another time zone and date style every metric is what it is in UTC."""
    for number, add in enumerate(EVENTS.values()):
        add(world, f"-{number}h-7m")
    world.subscription(1, at="-48h", expires="+1us")
    world.token("expired")
    world.connected(2, due="-24h-1us")
    world.breaker("open", retry="-24h-1us")
    world.notice(at="-7d-26h-1us")
    world.job("renewal", "-1h", succeeded=False)
    options = "-c timezone=Asia/Kolkata -c datestyle=SQL,DMY -c intervalstyle=sql_standard"
    assert world.everything(options=options) == world.everything()


def test_a_table_of_the_same_name_elsewhere_is_never_measured(own_world: World) -> None:
    """Be its schema the first on the path: what stands beside the application's users counts."""
    own_world.run(
        "create schema elsewhere; create table elsewhere.sync_metrics (like sync_metrics)"
    )
    own_world.sync("failure", times=3)
    own_world.run("insert into elsewhere.sync_metrics select * from sync_metrics")
    own_world.run("update elsewhere.sync_metrics set result = 'success'")
    path = "-c search_path=elsewhere,public"
    assert own_world.measured("sync.success_rate", options=path).count == Count(0, 3)
