"""The example documents as fixtures, and records of a gate made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from record_examples import EXAMPLES, Json, gate, planted


@pytest.fixture
def go() -> Json:
    """A GO record."""
    return gate()


@pytest.fixture(params=sorted(EXAMPLES))
def label(request: pytest.FixtureRequest) -> str:
    """Each kind of record in turn, by its label."""
    return str(request.param)


@pytest.fixture
def document(label: str) -> Json:
    """The record of that label."""
    return EXAMPLES[label]()


@pytest.fixture
def hostile() -> Callable[[str], Json]:
    """A factory: the GO record with one text in every place that a database or a user fills."""
    return planted


@pytest.fixture
def templates_dir(pytestconfig: pytest.Config) -> Path:
    """The project's own templates."""
    return pytestconfig.rootpath / "reports" / "templates"


def one(metric: str, outcome: str = "met", role: str = "criterion", **told: object) -> Json:
    """A finding."""
    return {
        "id": f"{role}:{metric}",
        "metric": metric,
        "role": role,
        "group": metric.partition(".")[0],
        "title": f"The {metric}",
        "outcome": outcome,
        "limit": "> 90 %",
        "reason": f"97.0 % (97 of 100) is {outcome}",
        "value": "97.0 % (97 of 100)",
        "count": {"k": 97, "n": 100},
        "interval": None,
        "recommendation": {"means": f"{metric} means", "first": f"{metric} first", "query": ""},
        **told,
    }


@pytest.fixture
def found() -> Callable[..., Json]:
    """A factory ``found(metric, outcome="met", role="criterion", **keys)``."""
    return one


@pytest.fixture
def record() -> Callable[..., Json]:
    """A factory ``record(kind, findings, reasons=(), **keys)``: the document of a gate."""

    def make(
        kind: str, findings: Sequence[Mapping[str, Any]], reasons: Sequence[str] = (), **told: Any
    ) -> Json:
        verdict = {
            "kind": kind,
            "exit_code": 0,
            "reasons": list(reasons),
            "warnings": [],
            "not_run": told.pop("not_run", []),
        }
        return {
            "title": "Staging gate, 48h",
            "state": "complete",
            "simulated": False,
            "as_of_age_s": 0,
            "verdict": verdict,
            "window": {
                "asked_s": 172_800,
                "covered_s": 172_800,
                "start": "2026-11-21T14:00:00Z",
                "end": "2026-11-23T14:00:00Z",
            },
            "score": {"points": 97.3, "measured": 100, "band": "Excellent", "parts": []},
            "findings": list(findings),
            **told,
        }

    return make
