"""Golden figures of tokens and circuit breakers: each k and n can be counted in the test."""

from __future__ import annotations

from golden_world import World
from gonogo.model.kinds import Outcome
from gonogo.model.measurement import Count
from saying import why


def test_a_user_with_one_expired_or_revoked_token_is_invalid(world: World) -> None:
    """Users count once, however many tokens they have; unknown and expiring are not invalid."""
    world.token("expired", user=1, integration="calendar")  # invalid
    world.token("revoked", user=1, integration="contacts")
    world.token("valid", user=2, integration="calendar")  # invalid
    world.token("revoked", user=2, integration="contacts")
    world.token("valid", user=3, integration="calendar")
    world.token("expiring_soon", user=4, integration="calendar")
    world.token("unknown", user=5, integration="contacts")
    assert world.measured("token.invalid_users").count == Count(2, 5)


def test_invalid_tokens_are_counted_each(world: World) -> None:
    """Of all tokens, by integration too; a user may have two."""
    world.token("expired", user=1, integration="calendar")
    world.token("revoked", user=1, integration="contacts")
    world.token("valid", user=2, integration="contacts")
    world.token("unknown", user=3, integration="contacts")
    told = world.measured("token.invalid")
    assert told.count == Count(2, 4)
    assert told.by_part["google_contacts"] == Count(1, 3)


def test_unknown_tokens_are_of_all_tokens(world: World) -> None:
    """Tokens count, not users; by status, most first."""
    world.token("unknown", user=1, integration="calendar")
    world.token("unknown", user=1, integration="contacts")
    world.token("valid", user=2, integration="calendar")
    world.token("valid", user=2, integration="contacts")
    world.token("valid", user=3, integration="contacts")
    world.token("expired", user=4, integration="contacts")
    told = world.measured("token.unknown")
    assert told.count == Count(2, 6)
    assert told.breakdown == {"valid": 3, "unknown": 2, "expired": 1}


def test_a_token_that_expired_before_it_was_checked_is_not_valid(world: World) -> None:
    """Called so at the very moment or later than it expired; by a check that has been."""
    world.token("valid", user=1, expires="-2h", checked="-2h")
    world.token("valid", user=2, expires="-2h-1us", checked="-2h")  # outlived
    world.token("valid", user=3, expires="-1h", checked="-9h")  # not checked since
    world.token("valid", user=4, expires=None)
    world.token("expired", user=5, expires="-9h")
    world.token("expiring_soon", user=6, expires="-9h")
    world.token("valid", user=7, expires="infinity")
    world.token("valid", user=8, expires="-infinity", integration="contacts")  # outlived
    world.token("valid", user=9, expires="+1h", checked="+400d")
    told = world.measured("token.outlived")
    assert told.count == Count(2, 9)
    assert told.by_part == {"google_calendar": Count(1, 8), "google_contacts": Count(1, 1)}


def test_users_with_an_open_breaker_are_of_the_connected_ones(world: World) -> None:
    """Users count once; half open is not open; who has no breaker is connected all the same."""
    for user in (1, 2, 3, 4):
        world.connected(user, integration="calendar")
    world.connected(1, integration="contacts")
    world.breaker("open", user=1, integration="calendar")  # one user with two
    world.breaker("open", user=1, integration="contacts")
    world.breaker("half_open", user=2)
    world.breaker("closed", user=3)
    assert world.measured("breaker.open_users").count == Count(1, 4)


def test_an_open_breaker_is_stuck_a_day_after_its_retry(world: World) -> None:
    """Exactly 24 hours are not more; closed ones are not asked; NULL was never due."""
    world.breaker("open", user=1, retry="-24h")
    world.breaker("open", user=2, retry="-24h-1us")  # stuck
    world.breaker("open", user=3, retry="+1h")
    world.breaker("open", user=4, retry=None)
    world.breaker("closed", user=5, retry="-9d")
    world.breaker("half_open", user=6, retry="-9d")
    world.breaker("open", user=7, retry="infinity")  # stuck
    assert world.measured("breaker.stuck").count == Count(2, 5)


def test_a_breaker_lingers_a_day_after_it_was_half_opened(world: World) -> None:
    """Since its retry, or else its opening, and in any case since its row was touched."""
    world.breaker("half_open", user=1)
    world.breaker("half_open", user=2, retry="-24h", opened="-9d", touched="-24h")
    world.breaker("half_open", user=3, retry="-24h-1us")  # lingering
    world.breaker("half_open", user=4, opened="-24h-1us")  # lingering
    world.breaker("half_open", user=5, touched="-24h-1us", retry="+1h")  # lingering
    world.breaker("half_open", user=6, touched="+5m+1us")  # from the future: says nothing
    world.breaker("half_open", user=7, touched="infinity")
    world.breaker("open", user=8, touched="-9d")
    world.breaker("closed", user=9, touched="-9d")
    assert world.measured("breaker.lingering").count == Count(3, 5)


def test_no_open_breaker_is_health(world: World) -> None:
    """0 of 0 is met where there need not be one."""
    world.breaker("closed")
    assert world.measured("breaker.stuck").count == Count(0, 0)
    found = world.found("breaker.stuck", "alert")
    assert (found.outcome, why(found)) == (Outcome.MET, "0 of 0: none")


def test_breakers_are_counted_by_state_and_integration(world: World) -> None:
    """Open of all breakers."""
    world.breaker("open", user=1, integration="calendar")
    world.breaker("open", user=2, integration="calendar")
    world.breaker("closed", user=3, integration="calendar")
    world.breaker("closed", user=1, integration="contacts")
    world.breaker("closed", user=2, integration="contacts")
    world.breaker("half_open", user=3, integration="contacts")
    told = world.measured("breaker.states")
    assert told.count == Count(2, 6)
    assert told.breakdown == {"closed": 3, "open": 2, "half_open": 1}
    assert told.by_part == {"google_calendar": Count(2, 3), "google_contacts": Count(0, 3)}
