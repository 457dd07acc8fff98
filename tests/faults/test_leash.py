"""A deployer that is killed leaves nobody at work: what it ran ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gonogo import process
from waiting import gone, until

DEPLOYER = """
import os, sys
from gonogo import process
process.run(["sh", "-c", sys.argv[1]], env=dict(os.environ), on_line=lambda line: None)
"""
STUBBORN = "trap '' TERM; "
AT_WORK = "sleep 600 & echo $$ $! > pids.new; mv pids.new pids; wait; wait"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize(
    "program", [AT_WORK, pytest.param(STUBBORN + AT_WORK, marks=pytest.mark.slow)]
)
def test_a_killed_deployer_takes_its_programs_along(tmp_path: Path, program: str) -> None:
    """Program and grandchild are gone, also when they do not want to go."""
    deployer = subprocess.Popen([sys.executable, "-c", DEPLOYER, program], cwd=tmp_path)
    until((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert not any(map(gone, pids))
    deployer.kill()
    deployer.wait()
    until(lambda: all(map(gone, pids)))


def run(*words: str) -> process.Ended:
    """Run a program unwatched."""
    return process.run(words, env=dict(os.environ), on_line=lambda _line: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_program_that_a_signal_ended_is_told_as_such(number: signal.Signals) -> None:
    """The exit code is the signal's number, negative, as if nobody stood between."""
    assert run("sh", "-c", f"kill -{number.value} $$").exit_code == -number


@pytest.mark.parametrize("code", [0, 3, 126, 127])
def test_a_programs_exit_code_is_its_own(code: int) -> None:
    """Nothing is made of a code that shells give a meaning to."""
    assert run("sh", "-c", f"exit {code}").exit_code == code


def test_a_program_is_born_with_every_signal(tmp_path: Path) -> None:
    """Nothing that Python or the leash ignores is ignored by the program."""
    words = ("sh", "-c", f"grep SigIgn /proc/self/status > {tmp_path}/ignored")
    if sys.platform == "linux":
        run(*words)
        assert int((tmp_path / "ignored").read_text().split()[1], 16) == 0
