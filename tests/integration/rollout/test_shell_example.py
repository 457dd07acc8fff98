"""examples/shell: its two scripts, run as a deployment runs them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from gonogo import process

EXAMPLE = Path(__file__).parents[3] / "examples" / "shell"
SERVER = (
    "import pathlib, time\n"
    "pathlib.Path('up').touch()\n"
    "print('serving', flush=True)\n"
    "time.sleep(600)\n"
)
Script = Callable[..., process.Ended]


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Run a script in the application's directory; what it started is stopped."""
    for name in ("start.sh", "stop.sh"):
        shutil.copy(EXAMPLE / name, tmp_path)

    def run(name: str, *words: str) -> process.Ended:
        command = ["sh", name, *words]
        return process.run(command, env=dict(os.environ), on_line=print, cwd=tmp_path, timeout_s=60)

    yield run
    run("stop.sh", "app")


def wait_for(there: Callable[[], bool]) -> None:
    """Wait for a condition, bounded."""
    Retrying(
        retry=retry_if_result(lambda found: not found),
        stop=stop_after_delay(30),
        wait=wait_fixed(0.05),
    )(there)


def test_what_was_started_outlives_its_deployment_and_is_stopped(
    script: Script, tmp_path: Path
) -> None:
    """Started once however often it is asked, it logs, ends when asked, and leaves no pid file."""
    assert script("stop.sh", "app").exit_code == 0
    assert script("start.sh", "app", sys.executable, "-c", SERVER).exit_code == 0
    wait_for((tmp_path / "up").exists)
    pid = int((tmp_path / "app.pid").read_text())
    os.kill(pid, 0)
    assert script("start.sh", "app", "false").exit_code == 0
    assert int((tmp_path / "app.pid").read_text()) == pid
    assert script("stop.sh", "app").exit_code == 0
    assert not (tmp_path / "app.pid").exists()
    assert (tmp_path / "app.log").read_text() == "serving\n"
