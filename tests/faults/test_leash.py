"""A deployer that is killed leaves nobody at work: what it ran ends with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gonogo import leash, process
from waiting import gone, until

DEPLOYER = """
import os, sys
from gonogo import process
process.run(["sh", "-c", sys.argv[1]], env=dict(os.environ), on_line=lambda line: None)
"""
GATE = """
import sys
import time
from pathlib import Path
from gonogo import interruption, process
with interruption.heard():
    words, apart = ["sh", "-c", sys.argv[1]], sys.argv[2] == "apart"
    process.run_gate_process(words, cwd=Path.cwd(), apart=apart)
"""
ALONE = "echo $$ > pids.new; mv pids.new pids; exec sleep 600"
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


def test_a_starter_that_is_gone_before_its_program_begins_takes_it_along() -> None:
    """However early the starter dies: no program runs on because it was not yet a program."""
    for _ in range(8):
        starter, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, leash.__file__, str(theirs.fileno()), "sleep", "600"]
            held = subprocess.Popen(words, pass_fds=(theirs.fileno(),))
        starter.close()
        assert held.wait(timeout=leash.GRACE_S - 1) == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_program_that_is_broken_off_has_no_more_than_its_grace(tmp_path: Path) -> None:
    """A pg_dump whose server fell silent does not hear: nobody waits long for it."""

    def break_off() -> None:
        if (tmp_path / "pids").exists():
            raise TimeoutError

    began = time.monotonic()
    words = ["sh", "-c", STUBBORN + AT_WORK]
    with pytest.raises(TimeoutError):
        process.run(
            words, env=os.environ, on_line=print, cwd=tmp_path, grace_s=0.1, on_tick=break_off
        )
    assert time.monotonic() - began < process.GRACE_S
    # Who is killed ends a moment later.
    until(lambda: all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split()))


def started(tmp_path: Path, program: str, place: str, *before: str) -> subprocess.Popen[bytes]:
    """A gate whose pytest is `program`, in a group with others as in a shell's pipeline."""
    words = [*before, sys.executable, "-c", GATE, program, place]
    gate = subprocess.Popen(words, cwd=tmp_path, process_group=0)
    until((tmp_path / "pids").exists)
    return gate


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("place", ["apart", "in the shell's job"])
def test_a_killed_gate_takes_its_pytest_along(tmp_path: Path, place: str) -> None:
    """No verdict is archived by a pytest whose gate is dead."""
    gate = started(tmp_path, ALONE, place)
    pid = int((tmp_path / "pids").read_text())
    assert not gone(pid)
    gate.kill()
    gate.wait()
    until(lambda: gone(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_killed_gate_takes_nobody_else_of_its_job_along(tmp_path: Path) -> None:
    """The rest of a shell's pipeline, which shares the group, goes on."""
    gate = started(tmp_path, ALONE, "in the shell's job")
    other = subprocess.Popen(["sleep", "600"], process_group=gate.pid)
    gate.kill()
    gate.wait()
    until(lambda: gone(int((tmp_path / "pids").read_text())))
    assert other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.parametrize("place", ["apart", "in the shell's job"])
def test_a_gate_that_is_ended_gives_its_pytest_the_time_to_close(
    tmp_path: Path, place: str
) -> None:
    """SIGTERM to the gate reaches pytest, which ends by itself."""
    closing = "trap 'kill $!; echo closed > closed; exit 2' TERM; sleep 600 & "
    gate = started(tmp_path, f"{closing} echo $$ > pids; wait", place)
    gate.terminate()
    gate.wait(30)
    assert (tmp_path / "closed").read_text() == "closed\n"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_gate_under_nohup_goes_on_when_the_terminal_closes(tmp_path: Path) -> None:
    """What the gate ignores, its pytest ignores."""
    program = "grep SigIgn /proc/self/status > ignored; echo > pids"
    started(tmp_path, program, "in the shell's job", "nohup").wait(30)
    ignored = int((tmp_path / "ignored").read_text().split()[1], 16)
    assert ignored & 1 << signal.SIGHUP - 1


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
