"""Which records refuse a decision, and why: each reason by itself."""

from __future__ import annotations

from typing import Any

import pytest

from gonogo.signing.document import Decision
from gonogo.signing.refusals import against, never_for_production, window_short
from signers import worth_signing

Json = dict[str, Any]
HOUR = 3600


def record(environment: str = "staging", **changes: object) -> Json:
    """A GO record with everything asked, and these changes."""
    return worth_signing(environment) | changes


def window(hours: float) -> Json:
    """A window of so many hours."""
    asked = int(hours * HOUR)
    whole: Json = worth_signing()["window"]
    return whole | {"asked_s": asked, "covered_s": asked}


def left_out(*groups: str) -> list[Json]:
    """A record's findings, with one of each group that was left out."""
    found: list[Json] = worth_signing()["findings"]
    return found + [found[0] | {"group": name, "outcome": "left_out"} for name in groups]


def test_nothing_speaks_against_go_on_a_go() -> None:
    """The window is whole and the verdict is GO."""
    assert list(against(record(), Decision.GO)) == []


@pytest.mark.parametrize("decision", [one for one in Decision if one is not Decision.GO])
def test_nothing_speaks_against_any_other_decision(decision: Decision) -> None:
    """Not even a short window and a verdict that is not GO."""
    held = record(verdict={"kind": "HOLD"}, window=window(1))
    assert list(against(held, decision)) == []


def test_a_record_without_a_verdict_supports_no_go() -> None:
    """It is called by its kind, and its window is not asked about."""
    deployment = record(kind="deployment", verdict=None, window=None)
    assert list(against(deployment, Decision.GO)) == ["a deployment record brings no verdict"]


@pytest.mark.parametrize("verdict", ["NO-GO", "HOLD", "ROLLBACK"])
def test_another_verdict_speaks_against_go(verdict: str) -> None:
    """It is named."""
    found = list(against(record(verdict={"kind": verdict}), Decision.GO))
    assert found == [f"the verdict is {verdict}, not GO"]


def test_every_reason_is_named() -> None:
    """A verdict that is not GO over a window that is too short: both."""
    found = list(against(record(verdict={"kind": "HOLD"}, window=window(1)), Decision.GO))
    assert [one.partition(" is ")[0] for one in found] == ["the verdict", "its window"]


@pytest.mark.parametrize(
    ("environment", "hours", "short"),
    [
        ("staging", 48, False),
        ("staging", 47, True),
        ("staging", 72, False),
        ("production", 24, False),
        ("production", 23, True),
    ],
)
def test_a_window_is_as_long_as_its_environment_is_judged_over(
    environment: str,
    hours: int,
    short: bool,  # noqa: FBT001  # a table of cases
) -> None:
    """Exactly that length is long enough."""
    assert bool(window_short(record(environment, window=window(hours)))) is short


def test_a_short_window_is_named_with_the_length_that_it_should_have() -> None:
    """In hours, as people write them."""
    found = window_short(record(window=window(1)))
    assert found == "its window is 1 h, and staging is judged over 48 h"


def test_a_record_that_has_no_window_is_too_short() -> None:
    """It counts as a window of no length."""
    assert window_short(record(window=None)).startswith("its window is 0")


def test_an_environment_that_nobody_knows_asks_for_no_length() -> None:
    """Such a record is refused by another check."""
    assert window_short(record(environment="elsewhere", window=window(1))) == ""


def test_a_whole_record_may_stand_for_production() -> None:
    """Nothing was simulated, wound back or left out."""
    assert list(never_for_production(record())) == []


def test_a_rehearsal_never_stands_for_production() -> None:
    """The reason says that it is simulated."""
    found = list(never_for_production(record(simulated=True)))
    assert found == ["it is simulated: a rehearsal in a sandbox"]


@pytest.mark.parametrize(("age_s", "refused"), [(0, False), (900, False), (901, True)])
def test_an_as_of_of_more_than_fifteen_minutes_never_does(
    age_s: int,
    refused: bool,  # noqa: FBT001  # a table of cases
) -> None:
    """Exactly the limit is within it."""
    found = list(never_for_production(record(as_of_age_s=age_s)))
    assert bool(found) is refused
    assert all("at most 15 min" in one for one in found)


def test_groups_that_were_left_out_are_named_by_the_findings() -> None:
    """Each once, in the order of the alphabet."""
    document = record(findings=left_out("webhook", "sync", "webhook"))
    assert list(never_for_production(document)) == ["sync, webhook was left out on purpose"]


def test_groups_that_were_left_out_are_named_by_the_facts() -> None:
    """As the record states them."""
    document = record(facts={"Left out on purpose": "endpoints"})
    assert list(never_for_production(document)) == ["endpoints was left out on purpose"]
