"""`gonogo promote_admin` where the application keeps no administrators in its database."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gonogo.cli import app
from gonogo.errors import UsageError


@pytest.mark.parametrize("words", [("list",), ("promote", "a@b.c"), ("revoke", "a@b.c")])
def test_without_a_section_of_their_own_nobody_is_promoted(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what rollout.toml lacks, before any database is asked."""
    assert CliRunner().invoke(app, ["init", str(tmp_path / "gate")]).exit_code == 0
    monkeypatch.chdir(tmp_path / "gate")
    told = CliRunner().invoke(app, ["promote_admin", *words])
    assert isinstance(told.exception, UsageError)
    assert "rollout.toml says nothing of administrators" in str(told.exception)
