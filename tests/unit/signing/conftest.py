"""A record worth signing, and an office that signs without ssh-keygen."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_office import open_paper_office
from signers import Office


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Ada and Bob may sign; the archive is empty."""
    return open_paper_office(tmp_path, monkeypatch)


@pytest.fixture
def templates_dir(pytestconfig: pytest.Config) -> Path:
    """The project's own templates."""
    return pytestconfig.rootpath / "reports" / "templates"
