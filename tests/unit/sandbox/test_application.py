"""The stand-in's rollout file, and its end."""

from __future__ import annotations

from pathlib import Path

from gonogo.model.kinds import Environment
from gonogo.sandbox import application


def test_the_rollout_file_is_a_rollout_file(tmp_path: Path) -> None:
    """The sandbox deploys by the same format as a team."""
    config = application.load_rollout(tmp_path, tmp_path / "records")
    staging = config.environment(Environment.STAGING)
    assert config.archive_dir == tmp_path / "records"
    assert staging.cwd == tmp_path / "app"
    assert staging.commands.start_app is not None


def test_with_nothing_running_nothing_is_stopped(tmp_path: Path) -> None:
    """Cleaning up where nothing ever ran is no error."""
    assert application.stop_everything(tmp_path) == ()
