"""Golden figures of the background jobs: the footprints that they leave, and what they report."""

from __future__ import annotations

import pytest

from golden_world import World
from gonogo.model.kinds import Outcome
from gonogo.model.measurement import Count
from saying import team

HOUR = 3600


def test_the_token_refresh_is_judged_by_all_tokens(world: World) -> None:
    """Checked within 26 hours, whatever their state; a moment in the future says nothing."""
    moments = ("-26h", "-1m", "+5m", "-26h-1us", "+5m+1us", "+400d", "infinity", "-infinity")
    for user, checked in enumerate(moments, start=1):
        world.token("revoked" if user == 2 else "valid", user=user, checked=checked)
    assert world.measured("jobs.token_refresh").count == Count(3, 5)


def test_no_token_is_no_checked_token(world: World) -> None:
    """0 of 0 is inconclusive: somebody must have connected."""
    assert world.found("jobs.token_refresh").outcome is Outcome.INCONCLUSIVE


def test_the_renewal_is_judged_by_what_expired(world: World) -> None:
    """Expired of all subscriptions; at the very moment of its expiration one is expired."""
    for user, expires in enumerate(("0", "-1d", "+1us", "+1d", "+7d"), start=1):
        world.subscription(user, expires=expires)
    assert world.measured("jobs.webhook_renewal").count == Count(2, 5)


@pytest.mark.parametrize(
    ("touched", "notified", "hours"), [("-9h", "-4h", 4), ("-3h", "-4h", 3), ("-9h", None, 9)]
)
def test_the_health_check_touches_subscriptions_or_hears_of_them(
    world: World, touched: str, notified: str | None, hours: int
) -> None:
    """The newer of both; a notification of any result is a sign of life."""
    world.subscription(1, touched="-20h")
    world.subscription(2, touched=touched)
    if notified:
        world.notification("ignored", at=notified)
        world.notification("success", at="0")
    assert world.measured("jobs.webhook_health_check").value == hours * HOUR


def test_a_subscription_touched_in_the_future_is_no_health_check(world: World) -> None:
    """Neither by a clock that is wrong, nor by the end of all time."""
    for user, touched in enumerate(("-9h", "+5m+1us", "+400d", "infinity"), start=1):
        world.subscription(user, touched=touched)
    assert world.measured("jobs.webhook_health_check").value == 9 * HOUR


def test_the_health_check_is_seen_in_notifications_alone(world: World) -> None:
    """Without a subscription the newest notification tells."""
    world.notification("failure", at="-5h")
    assert world.measured("jobs.webhook_health_check").value == 5 * HOUR


def test_the_adaptive_sync_is_full_incremental_or_skipped(world: World) -> None:
    """What a user or a webhook started is not its doing, unless it was skipped."""
    world.sync("success", at="-1h", sync_type="manual")
    world.sync("success", at="-2h", sync_type="webhook_triggered")
    world.sync("success", at="-3h", sync_type="initial")
    world.sync("failure", at="-9h", sync_type="full")
    world.sync("success", at="0", sync_type="full")
    assert world.measured("jobs.adaptive_sync").value == 9 * HOUR
    world.sync("success", at="-8h", sync_type="incremental")
    assert world.measured("jobs.adaptive_sync").value == 8 * HOUR
    world.sync("skipped", at="-7h", sync_type="webhook_triggered")
    assert world.measured("jobs.adaptive_sync").value == 7 * HOUR


def test_a_footprint_older_than_the_window_is_still_one(world: World) -> None:
    """Its age is told, not that there is none."""
    world.sync("success", at="-70h", sync_type="full")
    assert world.measured("jobs.adaptive_sync").value == 70 * HOUR


def test_a_notice_wants_its_reminder_after_a_week_and_a_run(world: World) -> None:
    """7 days and 26 hours exactly are not more; resolved or reminded ones are done."""
    world.notice(user=1, at="-7d-26h")
    world.notice(user=2, at="-7d-26h-1us")  # not reminded
    world.notice(user=2, at="-30d")  # not reminded: the same user twice
    world.notice(user=3, at="-30d", resolved="-1d")
    world.notice(user=4, at="-30d", reminded="-23d")
    world.notice(user=5, at="-1d")
    assert world.measured("jobs.reminders").value == 2


def test_failures_count_since_a_jobs_last_success(world: World) -> None:
    """Each job by itself; the worst of them counts."""
    world.job("token_refresh", "-5h", succeeded=False)
    world.job("token_refresh", "-4h", succeeded=True)
    world.job("token_refresh", "-3h", succeeded=False)
    world.job("token_refresh", "-2h", succeeded=False)
    world.job("renewal", "-3h", succeeded=False)
    world.job("renewal", "-2h", succeeded=True)
    world.job("never_well", "-90d", succeeded=False)
    told = world.measured("jobs.consecutive_failures")
    assert told.value == 2
    assert told.breakdown == {"token_refresh": 2, "renewal": 0, "never_well": 1}


def test_a_success_from_the_future_ends_no_row_of_failures(world: World) -> None:
    """Up to five minutes clocks may differ; a failure counts whenever it is dated."""
    for hours in (4, 3, 2):
        world.job("renewal", f"-{hours}h", succeeded=False)
        world.job("refresh", f"-{hours}h", succeeded=False)
    world.job("renewal", "+5m+1us", succeeded=True)
    world.job("renewal", "+400d", succeeded=False)
    world.job("renewal", "infinity", succeeded=True)
    world.job("refresh", "+5m", succeeded=True)
    told = world.measured("jobs.consecutive_failures")
    assert told.breakdown == {"renewal": 4, "refresh": 0}


def test_no_reported_runs_leave_the_footprints_alone(world: World) -> None:
    """That is no failure, and the record says so."""
    told = world.measured("jobs.consecutive_failures")
    assert told.value == 0
    assert told.notes == (team("no runs reported; the footprints stand alone"),)
    assert world.found("jobs.consecutive_failures").outcome is Outcome.MET
