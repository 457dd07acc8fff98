"""A mix as the parameters that the SQL files name."""

from __future__ import annotations

from gonogo.sandbox.mix import Mix, bounds, values


def mix_parameters(mix: Mix) -> dict[str, object]:
    """Every share, rate and age of a mix, flat."""
    return _of_syncs(mix) | _of_webhooks(mix) | _of_states(mix)


def _of_syncs(mix: Mix) -> dict[str, object]:
    syncs, onboarding = mix.syncs, mix.onboarding
    return {
        "calendar_share": syncs.calendar_share,
        "skipped_contacts": syncs.skipped.contacts,
        "skipped_calendar": syncs.skipped.calendar,
        "skip_reasons": values(syncs.skip_reasons),
        "skip_bounds": bounds(syncs.skip_reasons),
        "success_contacts": syncs.success.contacts,
        "success_calendar": syncs.success.calendar,
        "broken_users": syncs.broken_users,
        "manual": syncs.manual,
        "by_webhook": syncs.by_webhook,
        "full": syncs.full,
        "errors": values(syncs.errors),
        "error_bounds": bounds(syncs.errors),
        "duration_ms_contacts": syncs.duration_ms.contacts,
        "duration_ms_calendar": syncs.duration_ms.calendar,
        "duration_sigma": syncs.duration_sigma,
        "api_calls_contacts": syncs.api_calls.contacts,
        "api_calls_calendar": syncs.api_calls.calendar,
        "wave": syncs.wave,
        "onboarding_success_contacts": onboarding.success.contacts,
        "onboarding_success_calendar": onboarding.success.calendar,
        "first_errors": values(onboarding.errors),
        "first_error_bounds": bounds(onboarding.errors),
    }


def _of_webhooks(mix: Mix) -> dict[str, object]:
    webhooks = mix.webhooks
    return {
        "subscribed": webhooks.subscribed,
        "expired": webhooks.expired,
        "silent": webhooks.silent,
        "per_day": webhooks.per_day,
        "webhook_success": webhooks.success,
        "ignored": webhooks.ignored,
        "webhook_errors": values(webhooks.errors),
        "webhook_error_bounds": bounds(webhooks.errors),
    }


def _of_states(mix: Mix) -> dict[str, object]:
    states = mix.states
    return {
        "token_states": values(states.tokens),
        "token_bounds": bounds(states.tokens),
        "breaker_states": values(states.breakers),
        "breaker_bounds": bounds(states.breakers),
        "stuck": states.stuck_breakers,
        "stale": states.stale,
        "tokens_checked_h": states.tokens_checked_h,
        "subscriptions_checked_h": states.subscriptions_checked_h,
        "unreminded": states.unreminded,
    }
