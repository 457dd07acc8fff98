"""`gonogo init`: what a project begins with is whole, valid, and never put over what is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gonogo.checklist.entries import load_checklist
from gonogo.cli import app
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.criteria import load
from gonogo.errors import UsageError
from gonogo.model.kinds import Environment, Role

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project as `gonogo init` begins it."""
    assert CliRunner().invoke(app, ["init", str(tmp_path / "gate")]).exit_code == 0
    return Project.find(tmp_path / "gate")


def test_its_files_are_read_without_an_error(project: Project) -> None:
    """Criteria with a survey each, a checklist of theirs, and how two environments are deployed."""
    criteria = load(project.criteria_file, project.sql_dir)
    assert {role for role, _ in criteria.checks(Environment.STAGING)} == set(Role)
    assert criteria.traffic
    assert load_checklist(project, criteria.metrics, ()).phase
    config = RolloutConfig.load(project.root / "rollout.toml")
    assert set(config.environments) == set(Environment)


def test_its_checks_are_the_ones_that_this_project_runs(project: Project) -> None:
    """The same files, the conftest.py among them."""
    names = [f"checks/{path.name}" for path in (ROOT / "checks").glob("test_*.py")]
    assert len(names) == len(list(project.root.glob("checks/test_*.py")))
    for name in ("conftest.py", *names):
        assert (project.root / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_its_readme_has_about_ten_lines(project: Project) -> None:
    """It names the first file to change and the first command to run."""
    text = (project.root / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 12
    assert "checks/sql/events.sql" in text
    assert "pytest checks/ --dsn" in text


@pytest.mark.parametrize("name", ["rollout.toml", "checks/sql/events.sql", ".gitignore"])
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_nothing_is_written_over(name: str, kind: str, tmp_path: Path) -> None:
    """Where one file of its own is there already, in whatever shape, none is written."""
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        place.write_text("ours")
    elif kind == "link":
        place.symlink_to("nowhere")
    else:
        place.mkdir()
    before = sorted(map(str, tmp_path.rglob("*")))
    with pytest.raises(UsageError, match="exists already, so nothing was written"):
        CliRunner().invoke(app, ["init", str(tmp_path)], catch_exceptions=False)
    assert sorted(map(str, tmp_path.rglob("*"))) == before
    assert kind != "file" or place.read_text() == "ours"


def test_what_lies_beside_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder need not be empty, and is the working directory when none is named."""
    (tmp_path / "package.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    assert (tmp_path / "package.json").read_text() == "{}"
    assert Project.find(tmp_path).root == tmp_path.resolve()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A file stands where the folder must be."""
    (tmp_path / "gate").write_text("")
    with pytest.raises(UsageError, match="cannot be written") as refused:
        CliRunner().invoke(app, ["init", str(tmp_path / "gate")], catch_exceptions=False)
    assert os.linesep not in str(refused.value)


def test_a_project_of_ones_own_is_not_rehearsed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox knows one application only, and says so before it starts anything."""
    monkeypatch.chdir(project.root)
    with pytest.raises(UsageError, match="it holds another application"):
        CliRunner().invoke(app, ["rehearse"], catch_exceptions=False)
    assert not project.work_dir.exists()
