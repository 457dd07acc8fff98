"""The example documents as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
