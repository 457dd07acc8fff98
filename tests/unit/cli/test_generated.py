"""Generated files where they cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.cli.generated import schema
from gonogo.errors import GonogoError


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """The folder is missing, or a file lies in its place."""
    (tmp_path / "docs").touch()
    for folder in ("docs", "none/docs"):
        with pytest.raises(GonogoError, match="cannot be written"):
            schema(tmp_path / folder / "record.schema.json")


def test_what_is_there_may_be_no_text(tmp_path: Path) -> None:
    """It is written anew."""
    file = tmp_path / "record.schema.json"
    file.write_bytes(b"\xff")
    schema(file)
    assert file.read_bytes().startswith(b"{")
