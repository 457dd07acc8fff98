"""The pid file that a process keeps locked."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_not_result, stop_after_delay, wait_fixed

from gonogo.sandbox.standin.before import daemon

SLEEPER = f"""
import sys, threading
sys.path.insert(0, {str(Path(daemon.__file__).parent)!r})
from pathlib import Path
from daemon import Claim
claim = Claim.take(Path({{run_dir!r}}), "sleeper")
claim.ready()
while claim.held():
    threading.Event().wait(0.01)
"""

# As `ctl.py` does: the process that starts another ends at once, and init inherits the child.
STARTER = f"""
import sys
sys.path.insert(0, {str(Path(daemon.__file__).parent)!r})
from pathlib import Path
from daemon import start
run_dir, name, script = sys.argv[1:]
print(start(Path(run_dir), name, Path(script)))
"""


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Path]:
    """A script that claims its pid file and then only lives."""
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER.format(run_dir=str(tmp_path / "run")), encoding="utf-8")
    yield script
    daemon.stop(daemon.pid_file(tmp_path / "run", "sleeper"))


def test_a_started_process_runs_until_it_is_stopped(tmp_path: Path, sleeper: Path) -> None:
    """`start` returns with a running process, `stop` when it is gone."""
    run_dir = tmp_path / "run"
    file = daemon.pid_file(run_dir, "sleeper")
    assert _start(run_dir, sleeper)
    assert daemon.running(file) is not None
    assert daemon.stop(file)
    assert daemon.running(file) is None
    assert not file.exists()


def test_a_second_start_changes_nothing(tmp_path: Path, sleeper: Path) -> None:
    """Starting what runs leaves it alone."""
    run_dir = tmp_path / "run"
    _start(run_dir, sleeper)
    before = daemon.running(daemon.pid_file(run_dir, "sleeper"))
    assert not _start(run_dir, sleeper)
    assert daemon.running(daemon.pid_file(run_dir, "sleeper")) == before


def test_a_killed_process_is_no_trouble_for_the_next_start(tmp_path: Path, sleeper: Path) -> None:
    """The pid file that SIGKILL leaves behind holds nobody up."""
    run_dir = tmp_path / "run"
    file = daemon.pid_file(run_dir, "sleeper")
    _start(run_dir, sleeper)
    killed = daemon.running(file)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    _eventually(lambda: daemon.running(file) is None)
    assert file.exists()
    assert _start(run_dir, sleeper)
    assert daemon.running(file) not in (None, killed)


def test_a_number_that_now_belongs_to_another_is_left_alone(tmp_path: Path) -> None:
    """A stale pid file that names a living stranger does not get it killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        file = tmp_path / "service.pid"
        file.write_text(str(stranger.pid), encoding="ascii")
        assert daemon.running(file) is None
        assert not daemon.stop(file)
        assert stranger.poll() is None
        stranger.terminate()


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    """The error of a failed start is the last line of the log."""
    script = tmp_path / "failing.py"
    script.write_text("import sys\nsys.exit('no such luck')\n", encoding="utf-8")
    with pytest.raises(daemon.DaemonError, match="failing did not start: no such luck"):
        daemon.start(tmp_path / "run", "failing", script)


def test_a_process_ends_when_its_run_directory_vanishes(tmp_path: Path, sleeper: Path) -> None:
    """Removing the directory is enough to be rid of the process."""
    run_dir = tmp_path / "run"
    _start(run_dir, sleeper)
    pid = daemon.running(daemon.pid_file(run_dir, "sleeper"))
    assert pid is not None
    with (run_dir / "sleeper.pid").open(encoding="ascii") as held:
        shutil.rmtree(run_dir)
        _eventually(lambda: daemon._lock(held.fileno(), fcntl.LOCK_SH))


def test_two_cannot_hold_the_same_file(
    tmp_path: Path, sleeper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process of the same name is refused."""
    _start(tmp_path / "run", sleeper)
    monkeypatch.setattr(daemon, "CLAIM_TIMEOUT_S", 0.05)
    with pytest.raises(daemon.DaemonError, match=r"sleeper\.pid is held by another process"):
        daemon.Claim.take(tmp_path / "run", "sleeper")


def _start(run_dir: Path, script: Path) -> bool:
    finished = subprocess.run(
        [sys.executable, "-c", STARTER, str(run_dir), script.stem, str(script)],
        check=True,
        capture_output=True,
        text=True,
    )
    return finished.stdout == "True\n"


def _eventually(claim: Callable[[], bool]) -> None:
    waiting = Retrying(
        retry=retry_if_not_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.01)
    )
    waiting(claim)
