"""How a verification right after a deployment ends: its exit code and its tally."""

from __future__ import annotations

import pytest

from gonogo.gate.verification import Verification
from gonogo.model.finding import Figures, Finding
from gonogo.model.kinds import Environment, Outcome, Reason, Role
from record_examples import limits, provenance


def found(*outcomes: str) -> Verification:
    """A verification whose checks came out so."""
    findings = tuple(
        Finding(
            f"schema.{number}",
            Role.CRITERION,
            Outcome(outcome),
            limits(Role.CRITERION, "= 100 %"),
            Reason.LEFT_OUT,
            Figures(),
        )
        for number, outcome in enumerate(outcomes)
    )
    return Verification(Environment.STAGING, findings, {}, simulated=False, provenance=provenance())


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (("met",), 0),
        (("met", "warning"), 0),
        (("met", "left_out"), 0),
        (("met", "failed"), 1),
        (("met", "critical"), 1),
        (("met", "fired"), 1),
        (("inconclusive", "failed"), 1),
        (("met", "inconclusive"), 10),
        (("left_out",), 10),
        (("warning",), 10),
        ((), 10),
    ],
)
def test_it_ends_as_a_gate_would(outcomes: tuple[str, ...], code: int) -> None:
    """0 needs a check that is met, and none that is wrong or without an answer."""
    assert found(*outcomes).exit_code == code


def test_checks_are_counted_by_how_they_came_out() -> None:
    """In the order in which each outcome came first."""
    tally = found("met", "left_out", "met", "failed").tally
    assert tally == "2 met, 1 left out, 1 failed"
