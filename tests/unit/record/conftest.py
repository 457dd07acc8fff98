"""The example records as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.model.record import Record
from gonogo.report.index import RecordPages
from record_examples import EXAMPLES, gate, planted


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
