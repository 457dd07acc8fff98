"""Exactly on each limit, and one step past it, through the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from golden_world import World
from gonogo.model.kinds import Environment, Outcome
from saying import why

MET, WARNING, CRITICAL, FAILED, FIRED, OPEN = (
    Outcome.MET,
    Outcome.WARNING,
    Outcome.CRITICAL,
    Outcome.FAILED,
    Outcome.FIRED,
    Outcome.INCONCLUSIVE,
)
Shares = Callable[[Any, int, int], None]


def executed(world: World, k: int, n: int) -> None:
    """Successful syncs of n; the failures lie so far back that nothing is wrong of late."""
    world.sync("success", at="-1h", times=k)
    world.sync("failure", at="-47h", times=n - k)


def skipped(world: World, k: int, n: int) -> None:
    """Skipped syncs of n."""
    world.sync("skipped", times=k)
    world.sync("success", times=n - k)


def manual(world: World, k: int, n: int) -> None:
    """Manual syncs of n."""
    world.sync("success", sync_type="manual", times=k)
    world.sync("success", times=n - k)


def broken(world: World, k: int, n: int) -> None:
    """Users without a success of n."""
    for user in range(1, n + 1):
        world.sync("failure" if user <= k else "success", user=user, times=2)


def handled(world: World, k: int, n: int) -> None:
    """Successful notifications of n; the failures lie far back."""
    world.notification("success", at="-1h", times=k)
    world.notification("failure", at="-47h", times=n - k)


def onboarded(world: World, k: int, n: int) -> None:
    """Users with a success of n who connected."""
    for user in range(1, n + 1):
        world.connected(user)
        world.sync("success" if user <= k else "failure", user=user)


def stale(world: World, k: int, n: int) -> None:
    """Overdue connections of n."""
    for user in range(1, n + 1):
        world.connected(user, due="-2d" if user <= k else "+1h")


def expired_tokens(world: World, k: int, n: int) -> None:
    """Users with an expired token of n."""
    for user in range(1, n + 1):
        world.token("expired" if user <= k else "valid", user=user)


def unknown_tokens(world: World, k: int, n: int) -> None:
    """Unknown tokens of n."""
    for user in range(1, n + 1):
        world.token("unknown" if user <= k else "valid", user=user)


def open_breakers(world: World, k: int, n: int) -> None:
    """Users with an open breaker of n who are connected."""
    for user in range(1, n + 1):
        world.connected(user)
        world.breaker("open" if user <= k else "closed", user=user)


def stuck_breakers(world: World, k: int, n: int) -> None:
    """Stuck breakers of n that are open."""
    for user in range(1, n + 1):
        world.breaker("open", user=user, retry="-2d" if user <= k else "+1h")


def silent(world: World, k: int, n: int) -> None:
    """Unheard subscriptions of n."""
    for user in range(1, n + 1):
        world.subscription(user)
        world.notification("ignored", user=user, times=int(user > k))


def expired_subscriptions(world: World, k: int, n: int) -> None:
    """Expired subscriptions of n."""
    for user in range(1, n + 1):
        world.subscription(user, expires="0" if user <= k else "+1d")


def unchecked_tokens(world: World, k: int, n: int) -> None:
    """Tokens that were not checked for too long of n."""
    for user in range(1, n + 1):
        world.token("valid", user=user, checked="-26h-1us" if user <= k else "-26h")


def outlived_tokens(world: World, k: int, n: int) -> None:
    """Tokens called valid after their expiry of n."""
    for user in range(1, n + 1):
        world.token("valid", user=user, expires="-1h-1us" if user <= k else "-1h")


def bad_skips(world: World, k: int, n: int) -> None:
    """Skips for a bad reason of n."""
    world.sync("skipped", skip_reason="invalid_token", times=k)
    world.sync("skipped", skip_reason="not_due", times=n - k)


def lingering_breakers(world: World, k: int, n: int) -> None:
    """Half-open breakers of long standing of n."""
    for user in range(1, n + 1):
        world.breaker("half_open", user=user, touched="-24h-1us" if user <= k else "-24h")


def scheduled(world: World, k: int, n: int) -> None:
    """Scheduled connections of n."""
    for user in range(1, n + 1):
        world.connected(user, due="+30d" if user <= k else "+30d+1us")


def covered(world: World, k: int, n: int) -> None:
    """Calendars with a subscription of n."""
    for user in range(1, n + 1):
        world.connected(user)
    for user in range(1, k + 1):
        world.subscription(user)


def flagged(world: World, k: int, n: int) -> None:
    """Users with an onboarding period of n who came since the deployment, the oldest without."""
    for user in range(1, n + 1):
        world.came(user, "-40h")
        world.connected(user, at=f"-39h+{user}m", new=user > n - k)


SHARES: list[tuple[str, str, Shares, tuple[int, int], Outcome]] = [
    ("sync.success_rate", "criterion", executed, (90, 100), OPEN),
    ("sync.success_rate", "criterion", executed, (91, 100), MET),
    ("sync.success_rate", "criterion", executed, (79, 100), FAILED),
    ("sync.success_rate", "alert", executed, (90, 100), MET),
    ("sync.success_rate", "alert", executed, (89, 100), WARNING),
    ("sync.success_rate", "alert", executed, (80, 100), WARNING),
    ("sync.success_rate", "alert", executed, (79, 100), CRITICAL),
    ("sync.success_rate", "trigger", executed, (70, 100), MET),
    ("sync.success_rate", "trigger", executed, (69, 100), FIRED),
    ("sync.skip_rate", "criterion", skipped, (69, 100), OPEN),
    ("sync.skip_rate", "criterion", skipped, (70, 100), MET),
    ("sync.skip_rate", "criterion", skipped, (85, 100), MET),
    ("sync.skip_rate", "criterion", skipped, (86, 100), OPEN),
    ("sync.skip_rate", "criterion", skipped, (100, 100), FAILED),
    ("sync.skip_rate", "criterion", skipped, (22, 29), OPEN),
    ("sync.skip_rate", "criterion", skipped, (23, 30), MET),
    ("sync.broken_users", "trigger", broken, (1, 10), MET),
    ("sync.broken_users", "trigger", broken, (2, 10), FIRED),
    ("sync.broken_users", "trigger", broken, (2, 9), OPEN),
    ("webhook.success_rate", "criterion", handled, (95, 100), OPEN),
    ("webhook.success_rate", "criterion", handled, (96, 100), MET),
    ("webhook.success_rate", "criterion", handled, (16, 16), OPEN),
    ("webhook.success_rate", "criterion", handled, (17, 17), MET),
    ("webhook.success_rate", "alert", handled, (95, 100), MET),
    ("webhook.success_rate", "alert", handled, (94, 100), WARNING),
    ("webhook.success_rate", "alert", handled, (80, 100), WARNING),
    ("webhook.success_rate", "alert", handled, (79, 100), CRITICAL),
    ("webhook.success_rate", "trigger", handled, (80, 100), MET),
    ("webhook.success_rate", "trigger", handled, (79, 100), FIRED),
    ("webhook.silent", "alert", silent, (1, 20), MET),
    ("webhook.silent", "alert", silent, (5, 20), WARNING),
    ("webhook.silent", "alert", silent, (6, 20), CRITICAL),
    ("onboarding.success_rate", "criterion", onboarded, (19, 20), OPEN),
    ("onboarding.success_rate", "criterion", onboarded, (20, 20), MET),
    ("onboarding.success_rate", "alert", onboarded, (19, 20), MET),
    ("onboarding.success_rate", "alert", onboarded, (16, 20), WARNING),
    ("onboarding.success_rate", "alert", onboarded, (15, 20), CRITICAL),
    ("onboarding.success_rate", "trigger", onboarded, (16, 20), MET),
    ("onboarding.success_rate", "trigger", onboarded, (15, 20), FIRED),
    ("token.invalid_users", "alert", expired_tokens, (1, 10), MET),
    ("token.invalid_users", "alert", expired_tokens, (2, 10), WARNING),
    ("token.invalid_users", "alert", expired_tokens, (3, 10), CRITICAL),
    ("token.invalid_users", "alert", expired_tokens, (2, 9), OPEN),
    ("token.unknown", "alert", unknown_tokens, (1, 10), MET),
    ("token.unknown", "alert", unknown_tokens, (5, 10), WARNING),
    ("token.unknown", "alert", unknown_tokens, (6, 10), CRITICAL),
    ("breaker.open_users", "alert", open_breakers, (1, 20), MET),
    ("breaker.open_users", "alert", open_breakers, (2, 20), WARNING),
    ("breaker.open_users", "alert", open_breakers, (3, 20), CRITICAL),
    ("breaker.stuck", "alert", stuck_breakers, (1, 10), MET),
    ("breaker.stuck", "alert", stuck_breakers, (5, 10), WARNING),
    ("breaker.stuck", "alert", stuck_breakers, (6, 10), CRITICAL),
    ("data.scheduled", "criterion", scheduled, (19, 20), FAILED),
    ("data.scheduled", "criterion", scheduled, (20, 20), MET),
    ("data.scheduled", "alert", scheduled, (16, 20), MET),
    ("data.scheduled", "alert", scheduled, (15, 20), CRITICAL),
    ("webhook.coverage", "criterion", covered, (19, 20), FAILED),
    ("webhook.coverage", "criterion", covered, (20, 20), MET),
    ("webhook.coverage", "alert", covered, (16, 20), MET),
    ("webhook.coverage", "alert", covered, (15, 20), CRITICAL),
    ("webhook.coverage", "alert", covered, (7, 9), OPEN),
    ("onboarding.flagged", "alert", flagged, (19, 20), MET),
    ("onboarding.flagged", "alert", flagged, (18, 20), WARNING),
    ("onboarding.flagged", "alert", flagged, (16, 20), WARNING),
    ("onboarding.flagged", "alert", flagged, (15, 20), CRITICAL),
    ("sync.bad_skips", "alert", bad_skips, (15, 100), MET),
    ("sync.bad_skips", "alert", bad_skips, (16, 100), WARNING),
    ("sync.bad_skips", "alert", bad_skips, (40, 100), WARNING),
    ("sync.bad_skips", "alert", bad_skips, (41, 100), CRITICAL),
    ("token.outlived", "criterion", outlived_tokens, (0, 20), MET),
    ("token.outlived", "criterion", outlived_tokens, (1, 20), FAILED),
    ("breaker.lingering", "alert", lingering_breakers, (1, 10), MET),
    ("breaker.lingering", "alert", lingering_breakers, (5, 10), WARNING),
    ("breaker.lingering", "alert", lingering_breakers, (6, 10), CRITICAL),
    ("breaker.lingering", "alert", lingering_breakers, (6, 9), OPEN),
    ("jobs.token_refresh", "criterion", unchecked_tokens, (1, 20), MET),
    ("jobs.token_refresh", "criterion", unchecked_tokens, (2, 20), FAILED),
    ("jobs.webhook_renewal", "criterion", expired_subscriptions, (1, 20), MET),
    ("jobs.webhook_renewal", "criterion", expired_subscriptions, (2, 20), FAILED),
]


@pytest.mark.parametrize(("metric", "role", "add", "share", "outcome"), SHARES)
def test_a_share_on_its_limit(
    world: World, metric: str, role: str, add: Shares, share: tuple[int, int], outcome: Outcome
) -> None:
    """Compared exactly: 95 of 100 is not above 95 %, and not below it either."""
    add(world, *share)
    found = world.found(metric, role)
    assert found.outcome is outcome, why(found)


PRODUCTION: list[tuple[str, Shares, tuple[int, int], Outcome]] = [
    ("sync.manual_share", manual, (5, 100), OPEN),
    ("sync.manual_share", manual, (4, 100), MET),
    ("sync.manual_share", manual, (20, 100), FAILED),
    ("data.stale", stale, (1, 20), FAILED),
    ("data.stale", stale, (1, 21), MET),
]


@pytest.mark.parametrize(("metric", "add", "share", "outcome"), PRODUCTION)
def test_a_share_on_a_limit_of_production(
    world: World, metric: str, add: Shares, share: tuple[int, int], outcome: Outcome
) -> None:
    """User satisfaction is asked for there alone."""
    add(world, *share)
    found = world.found(metric, environment=Environment.PRODUCTION)
    assert found.outcome is outcome, why(found)
    assert not world.criteria.metrics[metric].objective.get(Environment.STAGING)


def syncs(world: World, *moments: str) -> None:
    """One sync each."""
    for at in moments:
        world.sync(at=at)


def notified(world: World, times: int) -> None:
    """Notifications of one active subscription in two days."""
    world.subscription(1)
    world.notification(times=times)


def failing(world: World, times: int) -> None:
    """A job's failures after its success."""
    world.job("renewal", "-9h", succeeded=True)
    for hours in range(1, times + 1):
        world.job("renewal", f"-{hours}h", succeeded=False)


QUANTITIES: list[tuple[str, str, Callable[[Any], None], Outcome]] = [
    ("traffic.longest_gap", "alert", lambda w: syncs(w, "-35h", "-22h", "-9h"), MET),
    ("traffic.longest_gap", "alert", lambda w: syncs(w, "-35h", "-22h", "-9h+1us"), WARNING),
    ("traffic.longest_gap", "alert", lambda w: syncs(w, "-39h", "-26h"), WARNING),
    ("traffic.longest_gap", "alert", lambda w: syncs(w, "-39h", "-26h-1us"), CRITICAL),
    ("webhook.frequency", "alert", lambda w: notified(w, 9), WARNING),
    ("webhook.frequency", "alert", lambda w: notified(w, 10), MET),
    ("webhook.frequency", "alert", lambda w: notified(w, 100), MET),
    ("webhook.frequency", "alert", lambda w: notified(w, 101), WARNING),
    ("jobs.webhook_health_check", "criterion", lambda w: w.notification(at="-26h"), MET),
    ("jobs.webhook_health_check", "criterion", lambda w: w.notification(at="-26h-1us"), FAILED),
    ("jobs.adaptive_sync", "criterion", lambda w: w.sync(at="-26h"), MET),
    ("jobs.adaptive_sync", "criterion", lambda w: w.sync(at="-26h-1us"), FAILED),
    ("jobs.reminders", "criterion", lambda w: w.notice(at="-7d-26h"), MET),
    ("jobs.reminders", "criterion", lambda w: w.notice(at="-7d-26h-1us"), FAILED),
    ("jobs.consecutive_failures", "criterion", lambda w: failing(w, 3), MET),
    ("jobs.consecutive_failures", "criterion", lambda w: failing(w, 4), FAILED),
    ("jobs.consecutive_failures", "trigger", lambda w: failing(w, 3), MET),
    ("jobs.consecutive_failures", "trigger", lambda w: failing(w, 4), FIRED),
    ("incident.critical", "criterion", lambda w: w.incident("complaint", opened="-1h"), MET),
    ("incident.critical", "criterion", lambda w: w.incident("critical", opened="-1h"), FAILED),
    ("incident.open_critical", "trigger", lambda w: w.incident("critical", opened="-9d"), FIRED),
    ("errors.critical", "criterion", lambda w: w.sync(error_message="decrypt"), FAILED),
    ("db.clock_skew", "criterion", lambda w: w.sync(at="+5m"), MET),
    ("db.clock_skew", "criterion", lambda w: w.sync(at="+5m+1us"), OPEN),
]


@pytest.mark.parametrize(("metric", "role", "add", "outcome"), QUANTITIES)
def test_a_number_on_its_limit(
    world: World, metric: str, role: str, add: Callable[[Any], None], outcome: Outcome
) -> None:
    """Ages to the microsecond, pieces to the piece."""
    add(world)
    found = world.found(metric, role)
    assert found.outcome is outcome, why(found)


def test_an_open_complaint_is_asked_for_in_production(world: World) -> None:
    """One is too many."""
    where = {"environment": Environment.PRODUCTION}
    assert world.found("incident.complaints", **where).outcome is MET
    world.incident("complaint", opened="-9d")
    assert world.found("incident.complaints", **where).outcome is FAILED
