"""A backup by the team's own commands: it has a name that a command can hold, and is proved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gonogo.application.commands import Commands
from gonogo.config.environments import EnvironmentConfig
from gonogo.errors import StepError
from gonogo.masking import Mask
from gonogo.model.kinds import Environment
from gonogo.rollout.backup_steps import take_snapshot

PROVED = "test {backup} = /b/base_1.tar:2"


def commands(cwd: Path, make: str, prove: str) -> Commands:
    """Commands of the team that make and prove a backup."""
    run = {"make_backup": make, "prove_backup": prove}
    section = EnvironmentConfig.model_validate(
        {
            "cwd": cwd,
            "backup_dir": cwd,
            "commands": {name: {"run": ("sh", "-e", "-c", script)} for name, script in run.items()},
        }
    )
    environ = {"PATH": os.environ["PATH"]}
    return Commands(
        Environment.STAGING, section, environ, "", "", Mask.of(environ), lambda *_: None
    )


def test_the_last_line_is_the_name_that_is_proved(tmp_path: Path) -> None:
    """Whatever is said before it; blank lines after it say nothing."""
    taken = take_snapshot(commands(tmp_path, "echo one two; echo /b/base_1.tar:2; echo", PROVED))
    assert taken.name == "/b/base_1.tar:2"
    assert taken.proved_by == "sh -e -c 'test /b/base_1.tar:2 = /b/base_1.tar:2'"


@pytest.mark.parametrize(
    ("make", "prove", "said"),
    [
        ("echo one two", PROVED, "it printed 'one two'"),
        ("true", PROVED, "it printed ''"),
        ("echo --all", PROVED, "it printed '--all'"),
        ("echo '$(date)'", PROVED, "it printed '$(date)'"),
        ("echo /b/base_1.tar:2; false", PROVED, "ended with exit code 1"),
        ("echo base_2", PROVED, "ended with exit code 1"),
        ("echo base_1", "echo no such {backup}; false", "no such base_1"),
    ],
)
def test_what_has_no_name_or_is_not_proved_is_refused(
    tmp_path: Path, make: str, prove: str, said: str
) -> None:
    """The command's own last words are in the refusal."""
    with pytest.raises(StepError) as refused:
        take_snapshot(commands(tmp_path, make, prove))
    assert said in refused.value.problem
