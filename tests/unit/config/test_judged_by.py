"""The hash of what is judged by covers each file that can change a verdict, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.config.project import Project
from gonogo.config.project import judged_by as hash_of
from gonogo.config.sections import RolloutConfig

ROLLOUT = """archive_dir = "archive"
without = []
[application]
base_url = "BASE"
[variables]
BASE = { form = "base_url" }
[[endpoints]]
name = "health"
path = "/health"
metric = "endpoint.health"
[environments.staging]
cwd = "app"
backup_dir = "backups"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose files say what they are."""
    (tmp_path / "checks" / "sql").mkdir(parents=True)
    (tmp_path / "rollout.toml").write_text(ROLLOUT, encoding="utf-8")
    for name in (
        "checks/criteria.toml",
        "checks/checklist.toml",
        "checks/sql/cube.sql",
        "checks/test_criteria.py",
        "conftest.py",
        "README.md",
    ):
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")
    return Project(tmp_path)


def judged_by(project: Project, criteria: Path | None = None) -> str:
    """The hash as it is now."""
    return hash_of(project, RolloutConfig.load(project.root / "rollout.toml"), criteria)


@pytest.mark.parametrize(
    "name",
    [
        "checks/criteria.toml",
        "checks/checklist.toml",
        "checks/sql/cube.sql",
        "checks/test_criteria.py",
        "conftest.py",
        "checks/own/test_new.py",
        "checks/sql/new.sql",
        "checks/pytest.ini",
        "checks/.pytest.ini",
        "checks/levels.json",
        "pyproject.toml",
    ],
)
def test_another_file_that_judges_is_another_hash(project: Project, name: str) -> None:
    """Whether it was edited or added."""
    before = judged_by(project)
    (project.root / name).parent.mkdir(exist_ok=True)
    (project.root / name).write_text("select 1", encoding="utf-8")
    assert judged_by(project) != before


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("without = []", 'without = ["jobs"]'),
        ('path = "/health"', 'path = "/"'),
        ("[application]", '[application]\nanchor = "other"'),
        ("without = []", 'without = []\nmigrations_to = "045"'),
    ],
)
def test_another_question_of_rollout_toml_is_another_hash(
    project: Project, was: str, now: str
) -> None:
    """Endpoints, what is left out, whose schema, which migrations."""
    before = judged_by(project)
    (project.root / "rollout.toml").write_text(ROLLOUT.replace(was, now), encoding="utf-8")
    assert judged_by(project) != before


def test_what_a_link_leads_to_judges_as_well(project: Project, tmp_path: Path) -> None:
    """Pytest collects it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root / "checks" / "more").symlink_to(outside)
    before = judged_by(project)
    (outside / "conftest.py").write_text("def pytest_runtest_makereport(): ...", encoding="utf-8")
    assert judged_by(project) != before


def test_what_judges_nothing_changes_no_hash(project: Project) -> None:
    """Comments, how it is deployed, other files, and the line ends of another machine."""
    before = judged_by(project)
    other = ROLLOUT.replace('cwd = "app"', 'cwd = "there" # moved')
    (project.root / "rollout.toml").write_text(other, encoding="utf-8")
    (project.root / "README.md").write_text("new", encoding="utf-8")
    (project.root / "checks" / "README.md").write_text("new", encoding="utf-8")
    (project.root / "checks" / "__pycache__").mkdir()
    (project.root / "checks" / "__pycache__" / "test_a.pyc").write_bytes(b"")
    (project.root / "checks" / ".DS_Store").write_bytes(b"")
    (project.root / "checks" / "sql" / "cube.sql").write_bytes(b"checks/sql/cube.sql\r\n")
    assert judged_by(project) == before


def test_other_criteria_by_option_are_another_hash(project: Project) -> None:
    """A copy of the project's own is not."""
    before = judged_by(project)
    copy = project.root / "copy.toml"
    copy.write_bytes(project.criteria_file.read_bytes())
    assert judged_by(project, copy) == before
    copy.write_bytes(b"other")
    assert judged_by(project, copy) != before
