"""How a verification right after a deployment ends: its exit code and its tally."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from engine_criteria import CRITERIA
from gonogo.checklist.entries import Checklist
from gonogo.config.project import Project
from gonogo.errors import DatabaseError
from gonogo.gate import verification
from gonogo.gate.observe import observe
from gonogo.gate.setting import Observation, Options, Setting
from gonogo.gate.verification import Verification, verify
from gonogo.model.finding import Figures, Finding
from gonogo.model.kinds import Environment, Outcome, Reason, Role
from gonogo.model.measurement import Measurement
from gonogo.postgres.dsn import DatabaseSettings
from record_examples import limits, provenance

PROJECT = Project(Path("nowhere"))


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Verification, Setting]]:
    """Verify where resolving says so: what was found, and what was asked."""

    def run(problem: str | None = None) -> tuple[Verification, Setting]:
        asked: list[Setting] = []
        whole = Setting(
            PROJECT,
            Options(),
            CRITERIA,
            Environment.STAGING,
            DatabaseSettings("", "the test"),
            Checklist.model_construct(phase=()),
            problem=problem,
            simulated=True,
        )

        def ask(part: Setting, *_: object) -> dict[str, Measurement]:
            asked.append(part)
            return {"endpoint.health": Measurement("endpoint.health", value=Fraction(1))}

        def look(part: Setting, answers: Mapping[str, Measurement]) -> Observation:
            return observe(replace(part, problem="no database here"), answers)

        monkeypatch.setattr(verification, "resolve", lambda *_: whole)
        monkeypatch.setattr(verification, "ask_endpoints", ask)
        monkeypatch.setattr(verification, "observe", look)
        environ = {"ADMIN_JWT": "an-admins-json-web-token"}
        return verify(PROJECT, Options(), whole.settings, environ), asked[0]

    return run


def test_only_what_needs_no_window_is_verified(
    verified: Callable[..., tuple[Verification, Setting]],
) -> None:
    """Schema, endpoints and the rollout itself."""
    whole, _ = verified()
    assert {metric.group for metric in whole.metrics.values()} == {"schema", "endpoint", "rollout"}
    assert {one.metric.partition(".")[0] for one in whole.findings} == {
        "schema",
        "endpoint",
        "rollout",
    }


def test_a_verification_says_what_it_is_of(
    verified: Callable[..., tuple[Verification, Setting]],
) -> None:
    """Its environment, its database, and whether that is a sandbox; the endpoints were asked."""
    whole, _ = verified()
    assert (whole.environment, whole.simulated) == (Environment.STAGING, True)
    assert whole.provenance.ledger_problem == "no database here"
    met = [one.id for one in whole.findings if one.outcome is Outcome.MET]
    assert met == ["criterion:endpoint.health", "alert:endpoint.health"]


def test_a_verification_masks_the_sessions_secrets(
    verified: Callable[..., tuple[Verification, Setting]],
) -> None:
    """In whatever the application or the database says."""
    _, part = verified()
    assert part.mask("an-admins-json-web-token") == "<ADMIN_JWT>"


def test_a_database_out_of_reach_cannot_be_verified(
    verified: Callable[..., tuple[Verification, Setting]],
) -> None:
    """It is an error: there is no record to say so."""
    with pytest.raises(DatabaseError, match="no route to it"):
        verified("no route to it")


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


def test_a_file_without_such_a_metric_is_told() -> None:
    """Nothing is verified then, and the line says what is missing."""
    assert found().tally == "the criteria file has no metric of endpoint, rollout, schema"
