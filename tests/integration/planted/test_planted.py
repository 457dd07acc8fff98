"""A fault just past a limit turns exactly its check; just inside it, nothing is turned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gonogo import criteria as criteria_file
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Outcome
from lab.reliability.faults import PAST, Planted, load, wanted

CHECKS = Path(__file__).parents[3] / "checks"
CRITERIA = criteria_file.load(CHECKS / "criteria.toml", CHECKS / "sql")
PLANTED = load()
# Good answers, before any fault is planted there.
NOTHING: dict[str, tuple[int, str]] = {}


def unmet(found: dict[str, Finding]) -> dict[str, tuple[Outcome, str]]:
    """Every check that is not met, and why."""
    return {
        check: (finding.outcome, finding.reason)
        for check, finding in found.items()
        if finding.outcome is not Outcome.MET
    }


def outcomes(found: dict[str, Finding]) -> dict[str, Outcome]:
    """Every check that is not met."""
    return {check: outcome for check, (outcome, _) in unmet(found).items()}


@pytest.mark.parametrize("environment", Environment)
def test_the_healthy_world_meets_every_check(
    findings: Callable[..., dict[str, Finding]], ask: Callable[..., Any], environment: Environment
) -> None:
    """With evidence, in both environments: so whatever is not met later, the fault has turned."""
    found = findings(environment=environment, answers=ask(NOTHING))
    assert unmet(found) == {}
    assert len(found) == len(CRITERIA.checks(environment))


@pytest.mark.parametrize(
    "planted", PLANTED, ids=[f"{one.metric}-{'-'.join(one.limits)}" for one in PLANTED]
)
def test_just_past_a_limit_exactly_its_check_is_turned(
    findings: Callable[..., dict[str, Finding]], ask: Callable[..., Any], planted: Planted
) -> None:
    """And just inside it none; what a milder limit says is the same on both sides."""
    answers = ask(planted.answers.get("inside", NOTHING))
    inside = findings(planted.inside, planted.environment, answers)
    answers = ask(planted.answers.get("past", NOTHING))
    past = findings(planted.past, planted.environment, answers)
    assert outcomes(inside) == dict(planted.both), unmet(inside)
    assert outcomes(past) == planted.found_past, unmet(past)
    for name in planted.limits:
        role, _ = PAST[name]
        assert f"{role}:{planted.metric}" in planted.caught_by


def test_every_limit_of_the_criteria_has_a_planted_fault() -> None:
    """A new criterion, alert or trigger is to be proved like the others: plant a fault for it."""
    there = Counter((one.metric, name) for one in PLANTED for name in one.limits)
    lacking = {limit: n for limit, n in wanted(CRITERIA).items() if there[limit] < n}
    assert lacking == {}


def test_every_check_is_caught_by_a_planted_fault() -> None:
    """Counted by what the faults turn, in both environments."""
    for environment in Environment:
        caught = {check for one in PLANTED for check in one.caught_by}
        expected = {f"{role}:{metric.id}" for role, metric in CRITERIA.checks(environment)}
        assert expected - caught == set()


def test_no_planted_fault_is_of_a_limit_that_is_gone() -> None:
    """An entry that nothing asks for any more would be dead data."""
    assert {(one.metric, name) for one in PLANTED for name in one.limits} <= set(wanted(CRITERIA))
