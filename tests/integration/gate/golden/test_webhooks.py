"""Golden figures of webhooks: each k and n can be counted in the test."""

from __future__ import annotations

from fractions import Fraction

from golden_world import World
from gonogo.model.kinds import Outcome
from gonogo.model.measurement import Count
from saying import team


def test_ignored_notifications_are_counted_beside_the_rate(world: World) -> None:
    """The provider's own confirmations are neither successes nor failures."""
    world.notification("success", times=4)
    world.notification("failure", error_message=None)
    world.notification("ignored", resource_state="sync", times=7)
    told = world.measured("webhook.success_rate")
    assert told.count == Count(4, 5)
    assert told.breakdown == {"ignored": 7, "success": 4, "failure": 1}
    assert told.recent == {"": (Count(4, 5),)}


def test_whose_the_failed_notifications_are_stands_beside_the_rate(world: World) -> None:
    """The user and the message that account for most; ignored ones count for nobody."""
    world.notification("success", user=1, times=3)
    world.notification("failure", user=1, error_message="gone", times=5)
    world.notification("ignored", user=1, times=9)
    world.notification("success", user=2, times=20)
    world.notification("failure", user=2, error_message="gone")
    worst = world.measured("webhook.success_rate").worst
    assert [(one.by, one.name, one.failures, one.without) for one in worst] == [
        ("user", str(world.users[0]), Count(5, 6), Count(20, 21)),
        ("message", "gone", Count(6, 6), Count(23, 23)),
    ]


def test_nothing_but_ignored_notifications_is_no_rate(world: World) -> None:
    """0 of 0, and there must be some."""
    world.notification("ignored", times=50)
    assert world.measured("webhook.success_rate").count == Count(0, 0)
    assert world.found("webhook.success_rate").outcome is Outcome.INCONCLUSIVE


def test_the_same_notification_twice_counts_twice(world: World) -> None:
    """Google may send one again; each was handled."""
    world.notification("failure", user=1, at="-1h", error_message="twice", times=2)
    assert world.measured("webhook.success_rate").count == Count(0, 2)
    assert world.measured("webhook.errors").breakdown == {"twice": 2}


def test_a_subscription_is_active_until_it_expires(world: World) -> None:
    """At the very moment of its expiration it is expired."""
    world.subscription(1, expires="+1us")
    world.subscription(2, expires="0")
    world.subscription(3, expires="-9d")
    world.subscription(4, expires="+6d")
    assert world.measured("webhook.active").value == 2


def test_a_calendar_is_covered_by_a_subscription_that_is_active(world: World) -> None:
    """Of connected calendars; neither expired nor until the end of all time; contacts need none."""
    for user in (1, 2, 3, 4):
        world.connected(user, integration="calendar")
    world.connected(5, integration="contacts")
    world.connected(6, integration="calendar", at="-1m")  # new: not yet
    world.token("valid", user=7, integration="calendar")
    world.subscription(1)  # covered
    world.subscription(2, expires="0")
    world.subscription(3, expires="infinity")
    world.subscription(5)
    world.subscription(7, expires="+1us")  # covered
    world.subscription(8)  # nobody's calendar any more
    assert world.measured("webhook.coverage").count == Count(2, 5)


def test_a_subscription_is_recent_when_it_was_heard_from(world: World) -> None:
    """Of the active ones, within 48 hours, whatever the window; an ignored one counts."""
    world.subscription(1)
    world.notification("ignored", user=1, at="-48h")  # recent
    world.subscription(2)
    world.notification("success", user=2, at="-48h-1us")
    world.subscription(3, at="-1h")
    world.notification("failure", user=3, at="-1us", times=2)  # recent, once
    world.subscription(4, expires="-1h")
    world.notification("success", user=4)  # expired
    world.subscription(5)
    world.notification("success", user=5, at="0")  # not yet
    assert world.measured("webhook.recent", window="1h").count == Count(2, 4)
    assert world.measured("webhook.recent", window="14d").count == Count(2, 4)


def test_a_subscription_is_silent_when_it_is_old_and_unheard(world: World) -> None:
    """Of the active ones: 48 hours old, exactly 48 hours included, and no notification since."""
    world.subscription(1, at="-48h")  # silent
    world.subscription(2, at="-48h+1us")  # too young
    world.subscription(3, at="-9d")
    world.notification("ignored", user=3, at="-48h")  # heard
    world.subscription(4, at="-9d")  # silent: the notification is too old
    world.notification("success", user=4, at="-48h-1us")
    world.subscription(5, at="-9d", expires="0")  # expired
    assert world.measured("webhook.silent", window="14d").count == Count(2, 4)


def test_no_subscription_of_48_hours_is_not_yet(world: World) -> None:
    """Then it is left out, and says so; without any active one it is no data."""
    world.subscription(1, at="-1h")
    told = world.measured("webhook.silent")
    assert told.left_out == team("not yet: no subscription is 48 h old")
    assert world.found("webhook.silent", "alert").outcome is Outcome.LEFT_OUT
    world.clear()
    world.subscription(1, at="-9d", expires="-1d")
    assert world.found("webhook.silent", "alert").outcome is Outcome.INCONCLUSIVE


def test_the_frequency_is_per_active_subscription_and_day(world: World) -> None:
    """All results count; two active subscriptions over two days; over what is covered of it."""
    world.subscription(1)
    world.subscription(2)
    world.subscription(3, expires="-1d")
    world.notification("success", user=1, times=30)
    world.notification("failure", user=2, at="-47h", times=9)
    world.notification("ignored", user=3, times=1)
    assert world.measured("webhook.frequency").value == 10  # 40 / 2 / 2 d
    # 31 of them within 12 hours.
    assert world.measured("webhook.frequency", deployed="-12h").value == 31
    assert world.measured("webhook.frequency", window="1d").value == Fraction(31, 2)


def test_webhook_errors_are_those_of_failures(world: World) -> None:
    """Most first; no message has a name."""
    world.notification("failure", error_message="no channel", times=2)
    world.notification("failure", error_message=None, times=3)
    world.notification("ignored", error_message="none of ours", times=4)
    told = world.measured("webhook.errors")
    assert list(told.breakdown.items()) == [("(no message)", 3), ("no channel", 2)]
