"""Which records refuse a decision, and why: each reason by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Decision, Environment, Kind, Outcome
from gonogo.model.measurement import Window, clip
from gonogo.model.record import Record
from gonogo.report.timeline import window_short
from gonogo.signing.admission import against, never_for_production
from record_examples import HOUR, START, provenance
from signers import verdict as of_kind
from signers import worth_signing


def record(environment: str = "staging", **changes: object) -> Record:
    """A GO record with everything asked, and these changes."""
    return worth_signing(Environment(environment)).having(**changes)


def window(hours: float) -> Window:
    """A window of so many hours."""
    return clip(hours * HOUR, START + 48 * HOUR, START)


def left_out(*metrics: str) -> tuple[Finding, ...]:
    """A record's findings, with one of each metric that was left out."""
    found = worth_signing().findings
    left = (replace(found[0], metric=name, outcome=Outcome.LEFT_OUT) for name in metrics)
    return (*found, *left)


def test_nothing_speaks_against_go_on_a_go() -> None:
    """The window is whole and the verdict is GO."""
    assert list(against(record(), Decision.GO)) == []


@pytest.mark.parametrize("decision", [one for one in Decision if one is not Decision.GO])
def test_nothing_speaks_against_any_other_decision(decision: Decision) -> None:
    """Not even a short window and a verdict that is not GO."""
    held = record(verdict=of_kind("HOLD"), window=window(1))
    assert list(against(held, decision)) == []


def test_a_record_without_a_verdict_supports_no_go() -> None:
    """It is called by its kind, and its window is not asked about."""
    deployment = record(kind=Kind.DEPLOYMENT, verdict=None, window=None)
    assert list(against(deployment, Decision.GO)) == ["a deployment record brings no verdict"]


@pytest.mark.parametrize("verdict", ["NO-GO", "HOLD", "ROLLBACK"])
def test_another_verdict_speaks_against_go(verdict: str) -> None:
    """It is named."""
    found = list(against(record(verdict=of_kind(verdict)), Decision.GO))
    assert found == [f"the verdict is {verdict}, not GO"]


def test_every_reason_is_named() -> None:
    """A verdict that is not GO over a window that is too short: both."""
    found = list(against(record(verdict=of_kind("HOLD"), window=window(1)), Decision.GO))
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
    late = provenance(taken_at=START + 48 * HOUR + timedelta(seconds=age_s))
    found = list(never_for_production(record(provenance=late)))
    assert bool(found) is refused
    assert all("at most 15 min" in one for one in found)


def test_groups_that_were_left_out_are_named_by_the_findings() -> None:
    """Each once, in the order of the alphabet."""
    document = record(
        findings=left_out("webhook.success_rate", "sync.executed", "webhook.success_rate")
    )
    assert list(never_for_production(document)) == ["sync, webhook was left out on purpose"]


def test_groups_that_were_left_out_are_named_as_they_were_asked_for() -> None:
    """As the record states them."""
    document = record(without=("endpoints",))
    assert list(never_for_production(document)) == ["endpoints was left out on purpose"]
