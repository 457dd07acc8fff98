"""An office of one's own, with real keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from signers import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Ada and Bob may sign, Eve may not; the archive is empty."""
    return open_office(tmp_path)


@pytest.fixture
def templates_dir(pytestconfig: pytest.Config) -> Path:
    """The project's own templates."""
    return pytestconfig.rootpath / "reports" / "templates"
