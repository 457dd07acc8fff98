"""A run's own files: where they are staged, what of killed runs goes, and copies elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gonogo.config.project import Project
from gonogo.errors import GonogoError
from gonogo.gate.run import copy, staging_directory, sweep


@pytest.fixture
def gone() -> int:
    """The number of a process that ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def left(project: Project, name: str) -> Path:
    """What a run staged, with a file in it."""
    directory = project.work_dir / name
    directory.mkdir(parents=True)
    (directory / "junit.xml").touch()
    return directory


def test_a_run_stages_in_the_projects_working_directory(tmp_path: Path) -> None:
    """In a directory of its own, which bears its process's number."""
    project = Project(tmp_path)
    first, second = staging_directory(project), staging_directory(project)
    assert first != second
    assert first.parent == second.parent == project.work_dir
    assert first.name.startswith(f"gate-{os.getpid()}-")


def test_a_project_that_cannot_be_written_is_staged_elsewhere(tmp_path: Path) -> None:
    """In the system's temporary directory."""
    (tmp_path / "project").touch()
    directory = staging_directory(Project(tmp_path / "project"))
    assert directory.is_dir()
    assert directory.name.startswith("gonogo-")
    directory.rmdir()


def test_what_a_killed_run_staged_goes(tmp_path: Path, gone: int) -> None:
    """Before the next one stages."""
    project = Project(tmp_path)
    of_killed = left(project, f"gate-{gone}-x")
    staging_directory(project)
    assert not of_killed.exists()


def test_what_a_living_run_staged_stays(tmp_path: Path) -> None:
    """It is still at work."""
    project = Project(tmp_path)
    of_living = left(project, f"gate-{os.getpid()}-x")
    sweep(project)
    assert of_living.is_dir()


@pytest.mark.parametrize("name", ["gate-notes", "gate-x1-y", "other"])
def test_what_no_run_staged_stays(tmp_path: Path, name: str) -> None:
    """It bears no process's number."""
    project = Project(tmp_path)
    other = left(project, name)
    sweep(project)
    assert other.is_dir()


def test_a_run_of_somebody_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process may not be asked, and may be theirs."""
    project = Project(tmp_path)
    of_other = left(project, "gate-1-x")

    def refuse(number: int, signal: int) -> None:
        raise PermissionError(number, signal)

    monkeypatch.setattr(os, "kill", refuse)
    sweep(project)
    assert of_other.is_dir()


def test_a_copy_is_made_with_its_directory(tmp_path: Path) -> None:
    """Byte for byte."""
    (tmp_path / "record.json").write_bytes(b"{}\n")
    target = tmp_path / "a" / "b" / "copy.json"
    copy(tmp_path / "record.json", target)
    assert target.read_bytes() == b"{}\n"


def test_a_copy_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """It names where the record lies all the same."""
    file = tmp_path / "record.json"
    file.write_bytes(b"{}\n")
    with pytest.raises(GonogoError, match=r"cannot be written \(.*\); the record has it: .*json"):
        copy(file, file / "copy.json")
