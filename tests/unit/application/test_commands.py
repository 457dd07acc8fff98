"""Running the team's commands."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gonogo.application.commands import Commands
from gonogo.config.environments import CommandConfig, CommandsConfig, EnvironmentConfig
from gonogo.errors import CommandError
from gonogo.masking import Mask
from gonogo.model.kinds import Environment

ENVIRON = {"PATH": os.environ["PATH"], "DB_PASSWORD": "hush-hush", "PUBLIC": "1"}


class Harness:
    """Commands whose lines are kept.

    Args:
        cwd: Where they run.
    """

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.lines: list[str] = []

    def commands(self, *run: str, timeout_s: float = 20, **section: object) -> Commands:
        """Commands of which `build` is `run`."""
        config = EnvironmentConfig.model_validate(
            {
                "cwd": self.cwd,
                "backup_dir": self.cwd,
                "commands": CommandsConfig(build=CommandConfig(run=run, timeout_s=timeout_s)),
                **section,
            }
        )
        return Commands(
            Environment.STAGING,
            config,
            ENVIRON,
            "new",
            "old",
            Mask.of(ENVIRON),
            lambda _name, line: self.lines.append(line),
        )

    def python(self, program: str, timeout_s: float = 20) -> Commands:
        """Commands of which `build` is a Python program."""
        escaped = program.replace("{", "{{").replace("}", "}}")
        return self.commands(sys.executable, "-c", escaped, timeout_s=timeout_s)


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    """A harness in a directory of its own."""
    return Harness(tmp_path)


def test_placeholders_are_filled_in(harness: Harness) -> None:
    """As whole words and as parts of words; a doubled brace is a brace."""
    words = ("echo", "{revision}", "v-{previous_revision}", "{environment}", "{{}}")
    harness.commands(*words).run("build")
    assert harness.lines == ["new v-old staging {}"]


def test_no_shell_reads_a_word(harness: Harness) -> None:
    """What a shell would act upon arrives as it stands."""
    harness.commands("echo", "$HOME; exit 1 && *").run("build")
    assert harness.lines == ["$HOME; exit 1 && *"]


@pytest.mark.parametrize(
    "shown",
    [
        r"\x1b[90mstderr\x1b[39m | \x1b[1;38;5;9mtwo failed\x1b[0m",
        r"\x1b]0;vitest\x07stderr | \x1b]8;;https://a.example\x1b\\two failed\x1b]8;;\x1b\\",
        r"\x1b[2K\x1b[1Gstderr | two\x1b(B failed\x1b[?25h",
    ],
)
def test_a_tools_colours_are_left_out(harness: Harness, shown: str) -> None:
    """Nothing that only a terminal can read is kept."""
    harness.python(f"print('{shown}')").run("build")
    assert harness.lines == ["stderr | two failed"]


def test_a_command_that_is_not_configured_is_none(harness: Harness) -> None:
    """The caller can distinguish a skipped step from a successful one."""
    assert harness.commands("true").run("install") is None


def test_both_streams_are_handed_on_by_line(harness: Harness) -> None:
    """Also the last line without an end, and bytes that are no UTF-8."""
    harness.python(
        "import os; os.write(1, b'one\\r\\n'); os.write(2, b'two\\n'); os.write(1, b'\\xff')"
    ).run("build")
    assert harness.lines == ["one", "two", "\ufffd"]


def test_secrets_are_masked_in_output_and_error(harness: Harness) -> None:
    """A command that prints its environment betrays nothing."""
    commands = harness.python("import os, sys; sys.exit(os.environ['DB_PASSWORD'])")
    with pytest.raises(CommandError) as caught:
        commands.run("build")
    assert "hush" not in str(caught.value) + "".join(harness.lines)
    assert "exit code 1: <DB_PASSWORD>" in str(caught.value)


def test_a_failure_quotes_the_last_lines(harness: Harness) -> None:
    """One line: the command, its exit code, and the end of what it said."""
    with pytest.raises(CommandError) as caught:
        harness.python("print(*range(9), sep='\\n'); raise SystemExit(3)").run("build")
    assert "exit code 3: 6 | 7 | 8" in str(caught.value)
    assert caught.value.step == "build"


def test_a_time_out_ends_the_whole_group(harness: Harness) -> None:
    """A grandchild does not outlive the command that was given up."""
    program = """
import fcntl, subprocess, sys
held = open('held', 'w')
fcntl.flock(held, fcntl.LOCK_EX)
words = [sys.executable, '-c', 'import signal; signal.pause()']
subprocess.Popen(words, pass_fds=[held.fileno()])
print('started', flush=True)
subprocess.run(words)
"""
    with pytest.raises(CommandError, match=r"was ended after 2 s: started; .*raise timeout_s"):
        harness.python(program, timeout_s=2).run("build")
    with (harness.cwd / "held").open("w") as held:
        # The lock is free only when every process that inherited it has ended, and a process that
        # is killed is gone a moment later.
        Retrying(
            retry=retry_if_exception_type(BlockingIOError),
            stop=stop_after_delay(60),
            wait=wait_fixed(0.05),
            reraise=True,
        )(fcntl.flock, held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_service_left_behind_does_not_hold_the_command_up(harness: Harness) -> None:
    """A start command returns although its service keeps the output open."""
    program = """
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])
print(child.pid)
"""
    run = harness.python(program).run("build")
    os.kill(int(harness.lines[0]), 15)
    assert run is not None
    assert run.elapsed_s < 10


@pytest.mark.parametrize(
    ("word", "says"),
    [("no-such-program", "no-such-program is not installed"), ("/", "/ may not be run")],
)
def test_a_missing_program_is_one_clear_line(harness: Harness, word: str, says: str) -> None:
    """It names the program and the key to correct."""
    with pytest.raises(CommandError, match=rf"{says}.*commands\.build\.run"):
        harness.commands(word).run("build")


def test_a_missing_directory_is_told_as_such(harness: Harness) -> None:
    """Not as a missing program, which is what the system says."""
    harness.cwd /= "gone"
    with pytest.raises(CommandError, match="gone is no directory; set cwd"):
        harness.commands("true").run("build")


def test_only_what_may_pass_is_seen(harness: Harness) -> None:
    """`pass_env` keeps variables from a command, `env` adds some."""
    commands = harness.commands("true", pass_env=("PUB*",), env={"MODE": "{environment}"})
    assert commands.variables() == {"PUBLIC": "1", "MODE": "staging"}
