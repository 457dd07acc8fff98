"""The example records as fixtures, and records of a gate made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.finding import HealthScore, Verdict, VerdictReason
from gonogo.model.kinds import VerdictKind
from gonogo.model.record import Record
from gonogo.report.answers import Answer
from gonogo.report.index import RecordPages
from record_examples import EXAMPLES, gate, planted
from records_by_hand import one


@pytest.fixture
def go() -> Record:
    """A GO record."""
    return gate()


@pytest.fixture(params=sorted(EXAMPLES))
def label(request: pytest.FixtureRequest) -> str:
    """Each kind of record in turn, by its label."""
    return str(request.param)


@pytest.fixture
def document(label: str) -> Record:
    """The record of that label."""
    return EXAMPLES[label]()


@pytest.fixture
def hostile() -> Callable[[str], Record]:
    """A factory: the GO record with one text in every place that a database or a user fills."""
    return planted


@pytest.fixture
def templates_dir(pytestconfig: pytest.Config) -> Path:
    """The project's own templates."""
    return pytestconfig.rootpath / "reports" / "templates"


@pytest.fixture
def pages(templates_dir: Path) -> RecordPages:
    """What makes the pages."""
    return RecordPages(templates_dir)


@pytest.fixture
def found() -> Callable[..., Answer]:
    """A factory ``found(metric, outcome="met", role="criterion", **keys)``."""
    return one


@pytest.fixture
def record() -> Callable[..., Record]:
    """A factory ``record(kind, found, reasons=(), **parts)``: a gate's record."""

    def make(
        kind: str, found: Sequence[Answer], reasons: Sequence[VerdictReason] = (), **parts: Any
    ) -> Record:
        not_run = tuple(parts.pop("not_run", ()))
        known: dict[str, Any] = {
            "title": "Staging gate, 48h",
            "verdict": Verdict(VerdictKind(kind), tuple(reasons), not_run),
            "score": HealthScore(97.3, 100, "Excellent"),
            "headings": (),
            "metrics": {answer.metric: answer.entry for answer in found},
            "measurements": {answer.metric: answer.measurement for answer in found},
            "findings": tuple(answer.finding for answer in found),
        }
        return gate(**known | parts)

    return make
