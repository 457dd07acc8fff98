"""Finding the client tools of the server's own version."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.errors import BackupError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import PROGRAMS, find_tools, split_secrets

FUTURE = 93


def fake(directory: Path, version: str, programs: tuple[str, ...] = PROGRAMS) -> Path:
    """A directory of programs that claim to be of `version`."""
    directory.mkdir()
    for program in programs:
        file = directory / program
        file.write_text(f'#!/bin/sh\necho "{program} (PostgreSQL) {version}"\n')
        file.chmod(0o755)
    return directory


def test_the_version_is_asked_not_assumed(tmp_path: Path) -> None:
    """A directory of another version is passed over, even when the caller names it."""
    named = fake(tmp_path / "named", "92.1")
    path = fake(tmp_path / "path", f"{FUTURE}.4 (Debian 1)")
    tools = find_tools(FUTURE, {"PATH": str(path)}, named)
    assert (tools.bin_dir, tools.version, tools.major) == (path, f"{FUTURE}.4", FUTURE)


def test_what_the_caller_names_goes_first(tmp_path: Path) -> None:
    """The sandbox's own tools win over those on PATH."""
    named = fake(tmp_path / "named", f"{FUTURE}.1")
    path = fake(tmp_path / "path", f"{FUTURE}.2")
    assert find_tools(FUTURE, {"PATH": str(path)}, named).bin_dir == named


def test_all_three_programs_must_be_there(tmp_path: Path) -> None:
    """pg_dump alone cannot prove a backup."""
    path = fake(tmp_path / "path", f"{FUTURE}.2", ("pg_dump",))
    with pytest.raises(BackupError, match=f"install postgresql-client-{FUTURE}"):
        find_tools(FUTURE, {"PATH": str(path)})


def test_what_was_found_instead_is_told(tmp_path: Path) -> None:
    """The message names the versions at hand."""
    named = fake(tmp_path / "named", "92.1")
    with pytest.raises(BackupError, match=r"92\.1 in .*named"):
        find_tools(FUTURE, {"PATH": "/nowhere"}, named)


def test_a_password_never_reaches_the_command_line() -> None:
    """It goes by the environment of the tool."""
    settings = DatabaseSettings("postgresql://bob:hush@db/app?sslmode=require", "test")
    conninfo, variables = split_secrets(settings)
    assert "hush" not in conninfo
    assert "sslmode=require" in conninfo
    assert variables == {"PGPASSWORD": "hush"}
