"""Outages that show as absence, each of which was GO once; and the days before the window."""

from __future__ import annotations

from typing import Any

import pytest

from golden_world import World
from gonogo.model.kinds import Environment, Outcome, Reason
from gonogo.report.english import reason_of

BOTH = ("calendar", "contacts")


def flows(
    world: World,
    result: str = "success",
    *,
    start: str = "-48h",
    end: str = "0",
    every: str = "4 min",
    integration: str = "calendar",
) -> None:
    """Let syncs come at a steady pace from one moment to another."""
    world.run(
        f"""
        insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
        select '{world.users[0]}', 'google_{integration}', 'incremental', '{result}', at
        from generate_series(timestamp '{world.moment(start):%F %T}',
            timestamp '{world.moment(end):%F %T}' - interval '1 s', interval '{every}') as at"""
    )


def notified(world: World, result: str, *, start: str = "-48h", end: str = "0") -> None:
    """Let a notification come every six minutes."""
    world.run(
        f"""
        insert into webhook_notifications (user_id, channel_id, resource_state, result, created_at)
        select '{world.users[0]}', 'channel', 'exists', '{result}', at
        from generate_series(timestamp '{world.moment(start):%F %T}',
            timestamp '{world.moment(end):%F %T}' - interval '1 s', interval '6 min') as at"""
    )


def answer(world: World, metric: str, **how: Any) -> tuple[Outcome, Reason, str]:
    """What the presence of a metric answers, and of which part."""
    found = world.found(metric, "presence", **how)
    return found.outcome, found.reason, found.figures.part


def test_syncs_that_flow_are_present(world: World) -> None:
    """Executed and skipped ones, of both integrations, up to the window's end."""
    for integration in BOTH:
        world.connected(1, integration=integration, new=False)
        flows(world, integration=integration)
        flows(world, "skipped", integration=integration, every="2 min")
    for metric in ("sync.success_rate", "sync.skip_rate", "jobs.adaptive_sync"):
        assert answer(world, metric)[:2] == (Outcome.MET, Reason.FLOWS)


def test_nothing_executed_for_19_hours_is_seen_beside_skipped_rows(world: World) -> None:
    """The skipped ones show that the scheduler runs, and hide that nothing is done."""
    flows(world, end="-19h")
    flows(world, "skipped", every="2 min")
    assert answer(world, "sync.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)
    assert answer(world, "sync.skip_rate")[:2] == (Outcome.MET, Reason.FLOWS)


def test_the_reason_says_what_is_usual_and_since_when_none_came(world: World) -> None:
    """In figures of the stream's own hours."""
    flows(world, end="-19h")
    found = world.found("sync.success_rate", "presence")
    assert reason_of(found, world.criteria.metrics["sync.success_rate"]) == (
        "none since 2100-05-31 17:26 UTC: usually 15 an hour at this time, "
        "so 286 to 619 are overdue"
    )


def test_calendar_alone_for_30_hours_is_an_alert(world: World) -> None:
    """Contacts are past the longest silence, however well the pool flows."""
    for integration in BOTH:
        world.connected(1, integration=integration, new=False)
    flows(world)
    flows(world, integration="contacts", end="-30h")
    asked = answer(world, "sync.success_rate")
    assert asked == (Outcome.CRITICAL, Reason.SILENT_TOO_LONG, "google_contacts")


def test_no_sync_row_for_12_hours_is_seen(world: World) -> None:
    """No warning of the longest gap is due before 13 h."""
    flows(world, end="-12h")
    flows(world, "skipped", end="-12h", every="2 min")
    for metric in ("sync.success_rate", "sync.skip_rate", "jobs.adaptive_sync"):
        assert answer(world, metric)[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)


def test_no_notification_for_17_hours_is_seen(world: World) -> None:
    """Those of before meet every rate."""
    notified(world, "success", end="-17h")
    assert answer(world, "webhook.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)


def test_notifications_that_are_all_ignored_for_40_hours_are_none(world: World) -> None:
    """Google's confirmations of a channel are no news of any calendar."""
    notified(world, "success", start="-96h", end="-40h")
    notified(world, "ignored", start="-40h")
    assert answer(world, "webhook.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)


@pytest.mark.parametrize("until", ["at", "null"])
def test_onboarding_that_died_16_hours_ago_is_seen_in_14_days(own_world: World, until: str) -> None:
    """Those who connect and never synchronise are few of 14 days' users, flagged or not."""
    world = own_world
    world.run(
        "insert into users (id, email, name, created_at) select gen_random_uuid(), 'new' || n, "
        f"'new', timestamptz '{world.as_of:%F %T%z}' - interval '14 d' "
        "from generate_series(1, 700) as n"
    )
    world.run(
        f"""
        with connected as (
            insert into sync_schedule (user_id, integration_type, current_frequency_ms,
                default_frequency_ms, min_frequency_ms, max_frequency_ms, next_sync_at,
                onboarding_until, created_at)
            select id, 'google_calendar', 1, 1, 1, 1, now(), {until}, at
            from (select id, timestamp '{world.as_of:%F %T}'
                - row_number() over (order by email) * interval '28 min' as at
                from users where name = 'new') as new
            returning user_id, created_at
        )
        insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
        select user_id, 'google_calendar', 'incremental', 'success', created_at + interval '9 s'
        from connected where created_at < timestamp '{world.as_of:%F %T}' - interval '16 h'"""
    )
    asked = answer(
        world, "onboarding.success_rate", window="14d", environment=Environment.PRODUCTION
    )
    assert asked[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)


def test_the_days_before_the_window_say_what_is_usual(world: World) -> None:
    """Up to eight days back, whether the window covers 48 hours or one."""
    flows(world, start="-9d", end="-6h", every="15 min")
    for window in ("48h", "1h", "14d"):
        found = world.found("sync.success_rate", "presence", window=window)
        assert found.reason is Reason.OVERDUE
        assert found.figures.silence
        assert found.figures.silence.usual == 4


def test_a_clipped_window_neither_loses_nor_repeats_an_hour(world: World) -> None:
    """The window begins within an hour, whose rest is asked with the days before it."""
    flows(world, start="-9d", every="15 min")
    for deployed in (None, "-31h-17m", "-20m", "0"):
        for cluster in (False, True):
            found = world.measured("sync.success_rate", deployed=deployed, cluster=cluster)
            assert found.streams[""].hours == (4,) * 192


def test_an_hour_in_which_all_sleep_every_day_is_no_absence(world: World) -> None:
    """Six days of syncs from 06:30 to 23:30; it is 06:20."""
    world.as_of = world.as_of.replace(hour=6, minute=20)
    for day in range(1, 7):
        flows(world, start=f"-{day}d", end=f"-{day}d+17h", every="2 min")
    assert answer(world, "sync.success_rate")[:2] == (Outcome.MET, Reason.FLOWS)


def test_a_job_each_12_hours_is_not_overdue_for_19(world: World) -> None:
    """Its hundreds of rows count as one event."""
    for hours in range(19, 180, 12):
        flows(world, start=f"-{hours}h", end=f"-{hours}h+5m", every="1 s")
    assert answer(world, "sync.success_rate")[:2] == (Outcome.MET, Reason.FLOWS)


def test_a_connected_integration_that_never_ran_is_no_pass(world: World) -> None:
    """Of it there is no moment since when it is absent."""
    for integration in BOTH:
        world.connected(1, integration=integration, new=False)
    flows(world)
    asked = answer(world, "sync.success_rate")
    assert asked == (Outcome.INCONCLUSIVE, Reason.NEVER_CAME, "google_contacts")


def test_a_moment_in_the_future_proves_no_presence(world: World) -> None:
    """A writer whose clock is ahead hides no silence."""
    flows(world, end="-19h")
    world.sync(at="+1d")
    assert answer(world, "sync.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)


@pytest.mark.parametrize("at", ["0", "infinity", "-infinity"])
def test_a_row_that_is_in_no_window_proves_no_presence(world: World, at: str) -> None:
    """Neither one at the very end, which is exclusive, nor one beyond all time."""
    flows(world, end="-19h")
    world.sync(at=at)
    assert answer(world, "sync.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.OVERDUE)


def test_a_last_row_hides_no_silence_before_it(world: World) -> None:
    """One sync came a moment ago; the twelve hours before it are not covered."""
    flows(world, start="-9d", end="-12h")
    world.sync(at="-1us")
    assert answer(world, "sync.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.NOT_COVERED)


def test_a_dead_writer_that_still_writes_a_row_an_hour_is_seen(world: World) -> None:
    """No silence is longer than an hour, and what comes is perfect."""
    flows(world, start="-9d", end="-6h", every="2 min")
    flows(world, start="-6h", every="1 h")
    world.sync(at="-1s")
    assert answer(world, "sync.success_rate")[:2] == (Outcome.INCONCLUSIVE, Reason.TRICKLES)


def test_a_job_whose_runs_stop_is_seen_beside_the_others(world: World) -> None:
    """Each job has its own rhythm."""
    for hour in range(1, 170):
        world.job("hourly", f"-{hour}h", succeeded=True)
        if hour > 40:
            world.job("refresh", f"-{hour}h+7m", succeeded=True)
    asked = answer(world, "jobs.consecutive_failures")
    assert asked == (Outcome.INCONCLUSIVE, Reason.OVERDUE, "refresh")


def test_no_run_reported_is_met(world: World) -> None:
    """The footprints stand alone then."""
    assert answer(world, "jobs.consecutive_failures")[:2] == (Outcome.MET, Reason.NONE)


def test_a_survey_that_cannot_be_asked_leaves_presence_open(own_world: World) -> None:
    """Without the earlier days there is nothing to judge by."""
    own_world.run("alter table sync_metrics rename to gone")
    asked = answer(own_world, "sync.success_rate")
    assert asked[:2] == (Outcome.INCONCLUSIVE, Reason.NO_DATA)
