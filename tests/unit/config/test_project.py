"""Where things lie in a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.config.project import Project
from gonogo.errors import UsageError


def test_a_project_is_found_from_any_folder_within(tmp_path: Path) -> None:
    """The nearest folder upwards that holds rollout.toml is the root."""
    (tmp_path / "rollout.toml").touch()
    deep = tmp_path / "checks" / "sql"
    deep.mkdir(parents=True)
    assert Project.find(deep).root == tmp_path.resolve()
    assert Project.find(deep).sql_dir == deep.resolve()


def test_a_folder_outside_any_project_is_a_usage_error(tmp_path: Path) -> None:
    """The message says which file was looked for, and from where."""
    with pytest.raises(UsageError, match=r"no rollout\.toml in .*; run this inside the checkout"):
        Project.find(tmp_path)


def test_a_folder_of_that_name_is_no_marker(tmp_path: Path) -> None:
    """Only a file marks the root."""
    (tmp_path / "rollout.toml").mkdir()
    with pytest.raises(UsageError):
        Project.find(tmp_path)
