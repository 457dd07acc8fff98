"""Golden figures of synchronisation: each k and n can be counted in the test."""

from __future__ import annotations

from fractions import Fraction

from golden_world import World
from gonogo.model.kinds import Outcome
from gonogo.model.measurement import Count

HOUR = 3600


def test_the_success_rate_is_of_what_was_executed(world: World) -> None:
    """Skipped syncs are no part of it, a webhook's or a first sync is; by integration as well."""
    world.sync("success", integration="calendar", times=3)
    world.sync("success", integration="contacts", sync_type="webhook_triggered")
    world.sync("success", integration="contacts", sync_type="initial")
    world.sync("failure", integration="contacts", error_message=None)
    world.sync("skipped", integration="calendar", skip_reason="not_due", times=9)
    told = world.measured("sync.success_rate")
    assert told.count == Count(5, 6)
    assert told.by_part == {"google_calendar": Count(3, 3), "google_contacts": Count(2, 3)}


def test_whose_the_failures_are_stands_beside_the_success_rate(world: World) -> None:
    """The user, integration and message that account for most, and the rate without each."""
    world.sync("success", user=1, integration="contacts", times=2)
    world.sync("failure", user=1, integration="contacts", error_message="gone", times=6)
    world.sync("success", user=2, times=40)
    world.sync("failure", user=2, error_message="slow", times=2)
    world.sync("skipped", user=2, skip_reason="not_due", times=9)
    told = world.measured("sync.success_rate")
    assert told.count == Count(42, 50)
    assert [(one.by, one.failures, one.without) for one in told.worst] == [
        ("user", Count(6, 8), Count(40, 42)),
        ("message", Count(6, 8), Count(42, 44)),
        ("integration", Count(6, 8), Count(40, 42)),
    ]
    assert [one.name for one in told.worst[1:]] == ["gone", "google_contacts"]
    assert told.worst[0].name == str(world.users[0])


def test_a_rate_without_a_failure_is_nobodys(world: World) -> None:
    """There is nobody to name."""
    world.sync("success", times=3)
    assert world.measured("sync.success_rate").worst == ()


def test_syncs_of_no_integration_are_a_part_of_their_own(own_world: World) -> None:
    """A part without a name that fails is not hidden in the pool."""
    own_world.run("alter table sync_metrics alter integration_type drop not null")
    own_world.connected(1)
    own_world.sync(times=190)
    own_world.sync("failure", times=10, integration_type=None)
    told = own_world.measured("sync.success_rate")
    assert told.by_part == {"(none)": Count(0, 10), "google_calendar": Count(190, 190)}
    assert own_world.found("sync.success_rate").outcome is Outcome.MET
    assert own_world.found("sync.success_rate", "alert").outcome is Outcome.CRITICAL


def test_the_success_rate_brings_its_hours_and_its_newest_events(world: World) -> None:
    """Each hour ends on a whole hour before the end; the newest five are the five newest."""
    world.sync("success", at="-3h", times=4)
    world.sync("failure", at="-2h", times=2)
    world.sync("success", at="-2h+59m")
    world.sync("failure", at="-1h")
    world.sync("skipped", at="-1h", times=5)
    world.connected(1, integration="contacts")
    told = world.measured("sync.success_rate", window="4h")
    assert [hour.count for hour in told.hourly] == [
        Count(0, 0),
        Count(4, 4),
        Count(1, 3),
        Count(0, 1),
    ]
    # The newest five of all: failure, success, failure, failure, success.
    assert told.recent == {
        "": (Count(2, 5),),
        "google_calendar": (Count(2, 5),),
        "google_contacts": (),
    }


def test_equal_rows_count_each(world: World) -> None:
    """The table is append-only: two rows that agree in every column are two syncs."""
    world.sync("failure", user=1, at="-1h", error_message="twice", times=2)
    world.sync("success", user=1, at="-1h", times=2)
    assert world.measured("sync.success_rate").count == Count(2, 4)
    assert world.measured("sync.errors").breakdown == {"twice": 2}


def test_the_skip_rate_is_of_every_row(world: World) -> None:
    """Skipped of all rows; reasons under the names of the mission, null among the others."""
    world.sync("success", integration="contacts", times=2)
    world.sync("failure", integration="calendar")
    world.sync("skipped", integration="calendar", skip_reason="adaptive_scheduling", times=3)
    world.sync("skipped", integration="contacts", skip_reason="not_due", times=1)
    world.sync("skipped", integration="calendar", skip_reason="circuit_breaker_open")
    world.sync("skipped", integration="calendar", skip_reason="invalid_token")
    world.sync("skipped", integration="calendar", skip_reason="token_expiring")
    world.sync("skipped", integration="calendar", skip_reason=None)
    world.sync("skipped", integration="calendar", skip_reason="a new one")
    told = world.measured("sync.skip_rate")
    assert told.count == Count(9, 12)
    assert told.breakdown == {
        "adaptive": 4,
        "circuit breaker": 1,
        "invalid token": 1,
        "token expiring": 1,
        "other": 2,
    }
    assert told.by_part == {"google_calendar": Count(8, 9), "google_contacts": Count(1, 3)}


def test_a_bad_skip_is_for_a_breaker_or_an_invalid_token(world: World) -> None:
    """Of all skips; a reason is a bad one on a skipped row alone."""
    world.sync("skipped", integration="calendar", skip_reason="circuit_breaker_open")
    world.sync("skipped", integration="contacts", skip_reason="invalid_token", times=2)
    world.sync("skipped", integration="calendar", skip_reason="not_due", times=3)
    world.sync("skipped", integration="calendar", skip_reason=None)
    world.sync("skipped", integration="calendar", skip_reason="token_expiring")
    world.sync("failure", integration="calendar", skip_reason="invalid_token")
    told = world.measured("sync.bad_skips")
    assert told.count == Count(3, 8)
    assert told.by_part == {"google_calendar": Count(1, 6), "google_contacts": Count(2, 2)}


def test_what_was_carried_out_is_told_by_its_result(world: World) -> None:
    """Success and failure of all rows; each hour has a count of each result, and be it 0."""
    world.sync("success", at="-1h", times=3)
    world.sync("failure", at="-1h")
    world.sync("skipped", at="-47h", skip_reason="not_due", times=6)
    world.sync("skipped", at="-48h-1us")
    told = world.measured("sync.executed")
    assert told.count == Count(4, 10)
    assert told.breakdown == {"skipped": 6, "success": 3, "failure": 1}
    filled = {name: [n for n in counts if n] for name, counts in told.hourly_parts.items()}
    assert filled == {"skipped": [6], "success": [3], "failure": [1]}
    assert {len(counts) for counts in told.hourly_parts.values()} == {48}


def test_a_user_is_broken_with_two_executed_syncs_and_no_success(world: World) -> None:
    """One failure alone, skipped syncs, or a success in the other integration save a user."""
    world.sync("failure", user=1, times=2)  # broken
    world.sync("failure", user=2, integration="calendar")  # broken: one in each integration
    world.sync("failure", user=2, integration="contacts")
    world.sync("failure", user=3)  # one executed sync does not count
    world.sync("skipped", user=3, times=5)
    world.sync("failure", user=4, integration="calendar", times=2)  # fine: a success elsewhere
    world.sync("success", user=4, integration="contacts")
    world.sync("success", user=5, times=2)  # fine
    world.sync("failure", user=6, at="-48h-1us")  # one of the two lies before the window
    world.sync("failure", user=6)
    assert world.measured("sync.broken_users").count == Count(2, 4)


def test_the_manual_share_is_of_what_was_executed(world: World) -> None:
    """A manual sync that was skipped is none."""
    world.sync("success", sync_type="manual", times=2)
    world.sync("failure", sync_type="manual")
    world.sync("skipped", sync_type="manual", times=4)
    world.sync("success", sync_type="full", times=5)
    world.sync("failure", sync_type="incremental", times=2)
    assert world.measured("sync.manual_share").count == Count(3, 10)


def test_durations_are_of_successes_that_have_one(world: World) -> None:
    """Failures and NULL do not count; the mean is of all, the percentiles of each integration."""
    for duration_ms in (100, 200, 300, 400):
        world.sync("success", integration="calendar", duration_ms=duration_ms)
    world.sync("success", integration="contacts", duration_ms=1000)
    world.sync("success", integration="contacts", duration_ms=None)
    world.sync("failure", integration="contacts", duration_ms=60_000)
    told = world.measured("sync.duration")
    assert told.value == Fraction(400, 1000)  # seconds: (100 + 200 + 300 + 400 + 1000) / 5
    assert told.breakdown["google_calendar"] == 250
    assert told.breakdown["google_calendar p50_ms"] == 250
    assert told.breakdown["google_calendar p95_ms"] == 385  # 300 + 0.85 of the way to 400
    assert told.breakdown["google_calendar p99_ms"] == 397
    assert told.breakdown["google_contacts"] == 1000
    assert told.breakdown["google_contacts p99_ms"] == 1000


def test_successes_without_a_duration_are_no_data(world: World) -> None:
    """Nothing but NULL is missing, not 0 ms."""
    world.sync("success", duration_ms=None)
    assert world.measured("sync.duration").missing


def test_api_calls_are_summed_over_every_result(world: World) -> None:
    """NULL adds nothing."""
    world.sync("skipped", api_calls_saved=3, api_calls_made=0)
    world.sync("success", api_calls_saved=None, api_calls_made=5)
    world.sync("failure", api_calls_saved=1, api_calls_made=None)
    told = world.measured("sync.api_calls_saved")
    assert (told.value, told.breakdown) == (Fraction(4), {"api_calls_made": 5})


def test_the_five_most_frequent_errors_are_told(world: World) -> None:
    """Most first, ties by their text; no message has a name; other results have no errors."""
    for message, times in {"a": 2, "b": 4, "c": 1, "d": 3, "f": 1, "e": 1}.items():
        world.sync("failure", error_message=message, times=times)
    world.sync("failure", error_message=None, times=2)
    world.sync("success", error_message="not an error", times=9)
    told = world.measured("sync.errors")
    assert list(told.breakdown.items()) == [
        ("b", 4),
        ("d", 3),
        ("(no message)", 2),
        ("a", 2),
        ("c", 1),
    ]


def test_the_longest_gap_is_between_rows_and_the_ends(world: World) -> None:
    """Of 48 h with syncs 40 h, 20 h and 2 h before the end, 20 h is the longest; skipped count."""
    for at, result in {"-40h": "success", "-20h": "skipped", "-2h": "failure"}.items():
        world.sync(result, at=at)
    assert world.measured("traffic.longest_gap").value == 20 * HOUR
    world.sync(at="-30h")
    world.sync(at="-11h")
    # -48h .. -40h .. -30h .. -20h .. -11h .. -2h .. 0
    assert world.measured("traffic.longest_gap").value == 10 * HOUR


def test_an_integration_with_connections_has_a_gap_of_its_own(world: World) -> None:
    """Contacts have no connection here, so their silence is nobody's; calendar's is the worst."""
    for hours in range(1, 48):
        world.sync(at=f"-{hours}h", integration="contacts")
    world.sync(at="-30h", integration="calendar")
    assert world.measured("traffic.longest_gap").value == HOUR
    world.connected(1, integration="calendar")
    told = world.measured("traffic.longest_gap")
    assert told.value == 30 * HOUR
    assert told.breakdown == {"google_calendar": 30 * HOUR}


def test_a_gap_begins_at_the_deployment(world: World) -> None:
    """What lies before it is none of the window's business."""
    world.sync(at="-1h")
    assert world.measured("traffic.longest_gap", deployed="-5h").value == 4 * HOUR


def test_a_connection_is_stale_when_it_is_more_than_a_day_overdue(world: World) -> None:
    """Exactly 24 hours are not more; users may have one integration or two."""
    world.connected(1, integration="calendar", due="-24h")
    world.connected(1, integration="contacts", due="-24h-1us")  # stale
    world.connected(2, integration="calendar", due="+1h", new=False)
    world.connected(3, integration="contacts", due="-9d", new=False)  # stale
    assert world.measured("data.stale").count == Count(2, 4)


def test_a_connection_is_scheduled_when_its_next_sync_is_due_within_30_days(world: World) -> None:
    """Overdue is scheduled too; no infinity is, nor what lies beyond every frequency."""
    dues = ("+1h", "-9d", "-infinity", "+30d", "+30d+1us", "+99999d", "infinity")
    for user, due in enumerate(dues, start=1):
        world.connected(user, due=due)
    assert world.measured("data.scheduled").count == Count(3, 7)


def test_a_living_token_is_a_connection_that_should_be_scheduled(world: World) -> None:
    """Whoever revoked it is no longer connected; an integration without any schedule is a part."""
    world.connected(1, integration="calendar")
    world.token("valid", user=1, integration="calendar")
    world.token("valid", user=1, integration="contacts")  # not scheduled
    world.token("expiring_soon", user=2, integration="contacts")  # not scheduled
    world.token("unknown", user=3, integration="contacts")  # not scheduled
    world.token("revoked", user=4, integration="contacts")
    world.token("expired", user=5, integration="contacts")
    world.connected(6, integration="calendar")
    world.token("revoked", user=6, integration="calendar")
    world.subscription(7)  # without schedule and token: whose connection is over
    told = world.measured("data.scheduled")
    assert told.count == Count(2, 5)
    assert told.by_part == {"google_calendar": Count(2, 2), "google_contacts": Count(0, 3)}
    syncs = world.measured("sync.success_rate")
    assert syncs.by_part == {"google_calendar": Count(0, 0), "google_contacts": Count(0, 0)}


def test_what_was_connected_within_the_hour_need_not_be_scheduled_yet(world: World) -> None:
    """Exactly an hour is settled; a moment that lies in the future makes nothing new."""
    world.connected(1, at="-1h", due="infinity")
    world.connected(2, at="-1h+1us", due="infinity")  # new
    world.connected(3, at="+5m", due="infinity")  # new
    world.connected(4, at="+5m+1us", due="infinity")
    world.connected(5, at="infinity", due="infinity")
    world.token("valid", user=6, at="-1m")  # new
    world.token("valid", user=7, at="-9d")
    world.connected(8, at="-1m")  # known by its token for long
    world.token("valid", user=8, at="-9d")
    assert world.measured("data.scheduled").count == Count(1, 5)


def test_a_window_without_any_row_is_one_gap(world: World) -> None:
    """No sync at all is the longest gap there is, and critical."""
    assert world.measured("traffic.longest_gap").value == 48 * HOUR
    assert world.found("traffic.longest_gap", "alert").outcome is Outcome.CRITICAL
