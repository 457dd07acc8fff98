"""ctl.mjs of the example shop: what it starts is ready, and what it stops is gone to the last."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.npm

CTL = Path(__file__).parents[3] / "examples" / "shop" / "before" / "ctl.mjs"
READY = 'process.send("ready"); process.disconnect();\n'
# A worker with a child of its own, in the same process group, that writes down its number.
WITH_CHILD = """
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
const child = spawn("sleep", ["600"]);
writeFileSync("child.pid", String(child.pid));
setInterval(() => undefined, 1000);
"""
DEAF = 'process.on("SIGTERM", () => undefined);\n'
Ended = subprocess.CompletedProcess[str]
Control = Callable[..., Ended]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """Run ctl.mjs in an application whose worker is a script; what it started is stopped."""
    shutil.copy(CTL, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")

    def run(action: str, worker: str | None = None) -> Ended:
        if worker is not None:
            (tmp_path / "dist").mkdir(exist_ok=True)
            (tmp_path / "dist" / "worker.js").write_text(worker, encoding="utf-8")
        return subprocess.run(
            ["node", "ctl.mjs", action, "worker"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    yield run
    run("stop")


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    words = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_stop_ends_the_children_as_well(control: Control, tmp_path: Path) -> None:
    """Nothing of the process group is left when stop returns."""
    assert control("start", WITH_CHILD + READY).returncode == 0
    child = int((tmp_path / "child.pid").read_text(encoding="utf-8"))
    assert lives(child)
    assert control("stop").stdout == "worker stopped\n"
    assert not lives(child)


def test_both_may_be_run_twice(control: Control) -> None:
    """A second start starts nothing, and a second stop is no error."""
    assert control("start", WITH_CHILD + READY).stdout == "worker started\n"
    assert control("start").stdout == "worker runs already\n"
    assert control("stop").returncode == 0
    ended = control("stop")
    assert (ended.returncode, ended.stdout) == (0, "worker did not run\n")
    assert control("status").returncode == 3


@pytest.mark.slow
def test_what_does_not_hear_is_killed(control: Control, tmp_path: Path) -> None:
    """A worker that ignores SIGTERM is ended all the same, with its children."""
    control("start", DEAF + WITH_CHILD + READY)
    child = int((tmp_path / "child.pid").read_text(encoding="utf-8"))
    assert control("stop").stdout == "worker stopped\n"
    assert not lives(child)
    assert control("status").returncode == 3


def test_a_worker_that_fails_at_its_start_says_why(control: Control) -> None:
    """The last line of its log is the error's, and nothing is left."""
    ended = control("start", 'console.error("DATABASE_URL is not set"); process.exit(1);\n')
    assert ended.returncode == 1
    assert ended.stderr == "worker did not start: DATABASE_URL is not set\n"
    assert control("status").returncode == 3


def test_the_number_of_an_ended_worker_is_nobody_elses(control: Control, tmp_path: Path) -> None:
    """A pid file that names a process of another program stops nothing."""
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "worker.pid").write_text(f"{other.pid}\n", encoding="utf-8")
        assert control("stop").stdout == "worker did not run\n"
        assert other.poll() is None
    finally:
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()
