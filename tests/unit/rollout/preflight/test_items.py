"""What a deployment needs of this machine."""

from __future__ import annotations

from pathlib import Path

from gonogo.application.commands import missing_programs
from gonogo.config.environments import EnvironmentConfig


def test_a_command_whose_program_is_missing_is_named(tmp_path: Path) -> None:
    """Paths within the application, and what is filled in, may be there only later."""
    commands = {
        "install": {"run": ["no-such-program"]},
        "build": {"run": ["./build.sh"]},
        "test": {"run": ["{python}"]},
        "start_app": {"run": ["sh", "-c", "true"]},
    }
    told = {"cwd": tmp_path, "backup_dir": tmp_path, "commands": commands}
    section = EnvironmentConfig.model_validate(told)
    (line,) = missing_programs(section, "/usr/bin:/bin")
    assert line.startswith("no-such-program is not installed")
    gone = section.model_copy(update={"cwd": tmp_path / "gone"})
    assert [*missing_programs(gone, None)] == [
        f"{tmp_path}/gone is no directory: set cwd in rollout.toml"
    ]
