"""Golden figures of onboarding: each k and n can be counted in the test."""

from __future__ import annotations

import pytest

from golden_world import World
from gonogo.model.kinds import Outcome
from gonogo.model.measurement import Count


def test_a_user_succeeds_with_every_integration_that_they_connected(world: World) -> None:
    """Users with one integration or two; a failure beside a success does no harm."""
    world.connected(1, integration="calendar")  # succeeded
    world.sync("failure", user=1, at="-3h", integration="calendar")
    world.sync("success", user=1, at="-2h", integration="calendar")
    for integration in ("calendar", "contacts"):
        world.connected(2, integration=integration)  # failed: no success of contacts
        world.connected(3, integration=integration)  # succeeded
        world.sync("success", user=3, at="-2h", integration=integration)
    world.sync("success", user=2, at="-2h", integration="calendar")
    world.sync("failure", user=2, at="-2h", integration="contacts")
    world.connected(4, integration="contacts")  # failed: never synchronised
    told = world.measured("onboarding.success_rate")
    assert told.count == Count(2, 4)
    assert told.by_part == {"google_calendar": Count(3, 3), "google_contacts": Count(1, 3)}
    assert told.breakdown == {"new_users": 4, "pending": 0}


def test_whose_the_failed_onboardings_are_stands_beside_the_rate(world: World) -> None:
    """By message the users who met it, however often; parts overlap, and are not taken away."""
    for user in (1, 2, 3):
        world.connected(user, integration="contacts")
        world.sync("failure", user=user, at="-2h", integration="contacts", error_message="denied")
    world.sync("failure", user=3, at="-2h", integration="contacts", error_message="slow", times=9)
    world.connected(4, integration="calendar")
    world.sync("success", user=4, at="-2h", integration="calendar")
    worst = world.measured("onboarding.success_rate").worst
    assert [(one.by, one.name, one.failures, one.without) for one in worst] == [
        ("message", "denied", Count(3, 3), Count(1, 1)),
        ("integration", "google_contacts", Count(3, 3), None),
    ]


def test_it_works_with_and_without_the_label_of_a_first_sync(world: World) -> None:
    """The live constraint refuses `initial`; any success since the connection will do."""
    for user, kind in enumerate(("initial", "full", "webhook_triggered", "manual"), start=1):
        world.connected(user)
        world.sync("success", user=user, at="-2h", sync_type=kind)
    assert world.measured("onboarding.success_rate").count == Count(4, 4)


def test_a_success_counts_from_the_moment_of_connecting(world: World) -> None:
    """One before it is of an earlier connection; one at the window's end is not yet."""
    world.connected(1, at="-3h")
    world.sync("success", user=1, at="-3h")  # succeeded
    world.connected(2, at="-3h")
    world.sync("success", user=2, at="-3h-1us")
    world.connected(3, at="-3h")
    world.sync("success", user=3, at="0")
    world.connected(4, at="-3h")
    world.sync("success", user=4, at="-1us")  # succeeded
    world.connected(5, at="-3h")
    world.sync("skipped", user=5, at="-1h")
    world.sync("success", user=6, at="-1h")  # another user's
    assert world.measured("onboarding.success_rate").count == Count(2, 5)


def test_a_user_of_less_than_an_hour_is_pending(world: World) -> None:
    """Exactly an hour is settled; a pending second integration does not fail the first."""
    world.connected(1, at="-1h")  # settled, failed
    world.connected(2, at="-1h+1us")  # pending
    world.connected(3, at="-3h", integration="calendar")  # settled, succeeded
    world.sync("success", user=3, at="-2h", integration="calendar")
    world.connected(3, at="-5m", integration="contacts")
    world.connected(4, at="0")  # not yet connected
    told = world.measured("onboarding.success_rate")
    assert told.count == Count(1, 2)
    assert told.breakdown == {"new_users": 3, "pending": 1}


def test_old_users_that_the_migration_backfilled_do_not_count(world: World) -> None:
    """Without `onboarding_until` a row is no new connection, though it was made in the window."""
    world.connected(1, new=False)
    world.connected(2, new=True)
    world.sync("success", user=2, at="-1h")
    world.connected(3, integration="contacts", new=False)
    world.connected(3, integration="calendar", new=True)
    world.sync("success", user=3, at="-1h", integration="calendar")
    assert world.measured("onboarding.success_rate").count == Count(2, 2)


def test_who_came_since_the_deployment_is_new_flag_or_not(world: World) -> None:
    """By the moment at which they signed up; whoever connected nothing is no failure."""
    for user, at in enumerate(("-24h", "-24h-1us", "-5h", "-5h", "-30m"), start=1):
        world.came(user, at)
    world.connected(1, new=False)  # new, failed
    world.connected(2, new=False)
    world.connected(3, new=False)  # new, succeeded
    world.sync("success", user=3, at="-1h")
    world.connected(5, at="-20m", new=False)  # pending
    world.connected(6, new=True)  # new, failed
    told = world.measured("onboarding.success_rate", deployed="-24h")
    assert told.count == Count(1, 3)
    assert told.breakdown == {"new_users": 4, "pending": 1}


def test_a_new_users_period_is_set_by_any_of_their_connections(world: World) -> None:
    """Of the settled users who came since the deployment; whoever came before is not asked for."""
    for user in (1, 2, 3, 4):
        world.came(user, "-5h")
    world.connected(1, integration="calendar", new=True)
    world.connected(1, integration="contacts", at="-2h", new=False)
    world.connected(2, integration="contacts", new=False)  # not set
    world.connected(3, integration="calendar", new=True)
    world.connected(4, at="-20m", new=False)
    world.connected(5, new=True)
    world.connected(6, new=False)
    told = world.measured("onboarding.flagged")
    assert told.count == Count(2, 3)
    assert told.by_part == {"google_calendar": Count(2, 2), "google_contacts": Count(1, 2)}


def test_without_anybody_who_came_no_period_is_missed(world: World) -> None:
    """0 of 0 is met: whether anybody comes is asked elsewhere."""
    world.connected(1, new=True)
    assert world.found("onboarding.flagged", "alert").outcome is Outcome.MET


def test_the_newest_new_users_are_looked_at_whole_and_by_integration(world: World) -> None:
    """Settled ones, by when they connected; a part knows the connections of its own alone."""
    for user in range(1, 13):
        world.came(user, "-9h")
        world.connected(user, at=f"-8h+{user}m", integration="calendar", new=user < 9)
        world.sync("success" if user < 9 else "failure", user=user, at="-1h")
    for user in range(1, 6):
        world.connected(user, at=f"-3h+{user}m", integration="contacts", new=False)
        world.sync("success", user=user, at="-1h", integration="contacts")
    world.came(13, "-9h")
    world.connected(13, at="-1h+1us")
    recent = world.measured("onboarding.success_rate").recent
    assert recent["google_calendar"] == (Count(1, 5), Count(6, 10))
    assert recent["google_contacts"] == (Count(5, 5),)
    assert recent[""] == (Count(5, 5), Count(6, 10))
    flagged = world.measured("onboarding.flagged").recent
    assert flagged["google_calendar"] == (Count(1, 5), Count(6, 10))
    assert flagged["google_contacts"] == (Count(5, 5),)


def test_an_integration_that_no_new_user_connected_is_a_part(world: World) -> None:
    """None of none proves nothing about it."""
    world.connected(1, integration="contacts", new=False)
    world.connected(2, integration="calendar")
    parts = world.measured("onboarding.success_rate").by_part
    assert parts == {"google_calendar": Count(0, 1), "google_contacts": Count(0, 0)}


@pytest.mark.parametrize(
    ("window", "deployed", "settled", "new_users"),
    [
        ("48h", None, 2, 2),  # nobody knows the deployment: the window
        ("48h", "-24h", 1, 1),  # after the deployment only
        ("48h", "-5d", 3, 2),  # evidence grows since the deployment
        ("48h", "-60d", 4, 2),  # but not beyond 14 days
        ("21d", "-60d", 5, 5),  # and never less than the window
    ],
)
def test_it_is_counted_from_the_deployment_but_at_most_14_days(
    world: World, window: str, deployed: str | None, settled: int, new_users: int
) -> None:
    """Users who connected 1, 2, 4, 14 and 15 days ago."""
    for user, at in enumerate(("-1d", "-2d", "-4d", "-14d", "-15d"), start=1):
        world.connected(user, at=at)
    told = world.measured("onboarding.success_rate", window=window, deployed=deployed)
    assert told.count == Count(0, settled)
    assert told.breakdown["new_users"] == new_users


def test_the_errors_are_of_users_who_have_no_success_yet(world: World) -> None:
    """Of settled connections, since they connected; most first."""
    world.connected(1)
    world.sync("failure", user=1, at="-2h", error_message="no consent", times=2)
    world.sync("failure", user=1, at="-4h", error_message="before connecting")
    world.connected(2)
    world.sync("failure", user=2, at="-2h", error_message="was mended")
    world.sync("success", user=2, at="-1h")
    world.connected(3, at="-5m")
    world.sync("failure", user=3, at="-1m", error_message="pending")
    world.connected(4)
    world.sync("failure", user=4, at="-2h", error_message=None, times=3)
    told = world.measured("onboarding.errors")
    assert list(told.breakdown.items()) == [("(no message)", 3), ("no consent", 2)]
