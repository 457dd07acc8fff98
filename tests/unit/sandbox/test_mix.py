"""A mix is healthy until somebody says what is wrong with it."""

import pytest
from pydantic import ValidationError

from gonogo.sandbox.mix import Mix, Syncs, mix_parameters


def test_what_is_not_said_is_healthy() -> None:
    """A mix that names one share keeps every other as it is in health."""
    mix = Mix.model_validate({"syncs": {"manual": 0.5}})
    assert mix.syncs == Syncs(manual=0.5)
    assert mix.webhooks == Mix().webhooks


def test_healthy_skip_rates_pool_to_the_middle_of_the_band() -> None:
    """57 % and 83 %, with three quarters of calendar, are 76.5 % of all syncs."""
    syncs = Mix().syncs
    pooled = syncs.calendar_share * syncs.skipped.calendar
    pooled += (1 - syncs.calendar_share) * syncs.skipped.contacts
    assert pooled == pytest.approx(0.765)


@pytest.mark.parametrize(
    "changes",
    [
        {"syncs": {"manual": 1.2}},
        {"syncs": {"manual": -0.1}},
        {"webhooks": {"silnt": 0.5}},
        {"states": {"tokens": [["revoked", 0.3], ["valid", 0.6]]}},
        {"syncs": {"success": {"contacts": 0.5}}},
        {"syncs": {"wave": float("nan")}},
    ],
)
def test_a_mix_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    """Shares out of 0 to 1, weights that do not add up, unknown or missing keys are errors."""
    with pytest.raises(ValidationError):
        Mix.model_validate(changes)


def test_bounds_are_where_each_value_begins() -> None:
    """What width_bucket takes: one bound a value, the first at 0."""
    weights = (("a", 0.5), (None, 0.25), ("c", 0.25))
    parameters = mix_parameters(Mix(syncs=Syncs(errors=weights)))
    assert parameters["syncs_errors"] == ["a", None, "c"]
    assert parameters["syncs_errors_bounds"] == [0.0, 0.5, 0.75]
