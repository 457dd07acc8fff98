"""What traffic is made of: every share, rate and age that a metric looks at.

The defaults are healthy; whatever else a mix says is what is wrong with it. A share is 0 to 1. One
of users or things is exact (the first of a fixed order are struck, rounded down); one of events is
drawn event by event.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat

ROUNDING = 1e-9
Share = Annotated[float, Field(ge=0, le=1)]


def _add_up(weights: tuple[tuple[str | None, float], ...]) -> tuple[tuple[str | None, float], ...]:
    if abs(sum(weight for _, weight in weights) - 1) > ROUNDING:
        raise ValueError("the weights do not add up to 1")
    return weights


Weights = Annotated[tuple[tuple[str | None, Share], ...], AfterValidator(_add_up)]


class Part(BaseModel):
    """A part of a mix: unknown keys are refused, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shares(Part):
    """A share for each integration."""

    contacts: Share
    calendar: Share


class Amounts(Part):
    """An amount for each integration."""

    contacts: PositiveFloat
    calendar: PositiveFloat


class Syncs(Part):
    """Rows of ``sync_metrics``.

    Args:
        calendar_share: Rows of the calendar among all rows.
        skipped: Skipped among all rows; with three quarters of calendar they pool to 76.5 %.
        skip_reasons: Why, by weight; None is a row that does not say.
        success: Successes among the executed.
        broken_users: Users of whom every executed sync fails.
        manual: Manual among the executed.
        by_webhook: Set off by a notification, among the calendar's executed.
        full: Full instead of incremental, among the executed.
        errors: Messages of failures, by weight.
        duration_ms: Median duration of an executed sync, milliseconds.
        duration_sigma: Spread of the logarithm of the duration.
        api_calls: Mean API calls that a sync makes, or saves when it is skipped.
        wave: Height of the daily wave over the mean.
    """

    calendar_share: Share = 0.75
    skipped: Shares = Shares(contacts=0.57, calendar=0.83)
    skip_reasons: Weights = (
        ("adaptive_scheduling", 0.58),
        ("not_due", 0.35),
        ("token_expiring", 0.02),
        ("invalid_token", 0.025),
        ("circuit_breaker_open", 0.02),
        (None, 0.005),
    )
    success: Shares = Shares(contacts=0.965, calendar=0.97)
    broken_users: Share = 0.0
    manual: Share = 0.02
    by_webhook: Share = 0.25
    full: Share = 0.05
    errors: Weights = (
        ("Google API error 503: The service is currently unavailable", 0.4),
        ("Request timed out after 30000 ms", 0.3),
        ("Quota exceeded for quota metric 'Queries' (rateLimitExceeded)", 0.2),
        ("Sync token is no longer valid, a full sync is required (410)", 0.1),
    )
    duration_ms: Amounts = Amounts(contacts=900, calendar=450)
    duration_sigma: PositiveFloat = 0.6
    api_calls: Amounts = Amounts(contacts=4, calendar=2)
    wave: Share = 0.45


class Webhooks(Part):
    """Subscriptions of calendars, and rows of ``webhook_notifications``.

    Args:
        subscribed: Calendars that have a subscription; those without are rounded down.
        expired: Subscriptions whose expiration has passed at the end.
        silent: Subscriptions that hear nothing during this traffic.
        per_day: Notifications per subscription and day.
        success: Successes among the handled.
        ignored: Google's own confirmations among all notifications.
        errors: Messages of failures, by weight.
    """

    subscribed: Share = 0.98
    expired: Share = 0.01
    silent: Share = 0.0
    per_day: NonNegativeFloat = 14.0
    success: Share = 0.985
    ignored: Share = 0.03
    errors: Weights = (
        ("Calendar is busy: the sync of this user is already running", 0.7),
        ("Request timed out after 30000 ms", 0.3),
    )


class Onboarding(Part):
    """New users.

    Args:
        new_users_per_day: Users who sign up and connect.
        success: New connections whose first sync succeeds; those of the others never do.
        errors: Messages of first syncs that fail, by weight.
    """

    new_users_per_day: NonNegativeFloat = 30.0
    success: Shares = Shares(contacts=0.99, calendar=0.99)
    errors: Weights = (
        ("Insufficient authentication scopes (403)", 0.6),
        ("Google API error 503: The service is currently unavailable", 0.4),
    )


class States(Part):
    """The state of tokens, breakers, schedules and jobs at the end.

    Args:
        tokens: Users by the status of their tokens; those named first are struck first.
        breakers: Users by the state of their breakers; likewise.
        stuck_breakers: Open breakers whose retry is 30 h overdue.
        stale: Connections whose next sync is more than 25 h overdue.
        tokens_checked_h: Hours since the token refresh ran.
        subscriptions_checked_h: Hours since the webhook health check ran.
        unreminded: Messages of nine days ago about which nobody was reminded.
    """

    tokens: Weights = (
        ("revoked", 0.012),
        ("expired", 0.02),
        ("expiring_soon", 0.04),
        ("unknown", 0.02),
        ("valid", 0.908),
    )
    breakers: Weights = (("open", 0.02), ("half_open", 0.015), ("closed", 0.965))
    stuck_breakers: Share = 0.0
    stale: Share = 0.004
    tokens_checked_h: NonNegativeFloat = 7.0
    subscriptions_checked_h: NonNegativeFloat = 5.0
    unreminded: int = Field(default=0, ge=0)


class Mix(Part):
    """Everything that traffic is made of; the defaults are healthy."""

    syncs: Syncs = Syncs()
    webhooks: Webhooks = Webhooks()
    onboarding: Onboarding = Onboarding()
    states: States = States()


def mix_parameters(mix: Mix) -> dict[str, object]:
    """Every share, rate and age of a mix as SQL files name it: ``syncs_skipped_contacts``.

    Weights become two parameters: the values, and their bounds with the ending ``_bounds``.
    """
    return dict(_flat("", mix))


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Part):
        for key in type(value).model_fields:
            yield from _flat(f"{name}_{key}" if name else key, getattr(value, key))
    elif isinstance(value, tuple):
        yield name, [drawn for drawn, _ in value]
        # Where each value begins between 0 and 1: what `width_bucket` takes.
        yield f"{name}_bounds", [0.0, *accumulate(weight for _, weight in value[:-1])]
    else:
        yield name, value
