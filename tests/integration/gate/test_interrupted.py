"""A gate that is signalled to end, at whatever moment: never GO, and nothing left behind."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from gate_process import GateOutcome, Soaked
from waiting import gone, until

STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
# Sends the gate a signal from within one of pytest's hooks, as any other process might just then.
CONFTEST = """
import os
import signal

import pytest

@pytest.hookimpl(tryfirst=True)
def {hook}({argument}):
    if os.environ.pop("TOLD_ONCE", None):
        signal.raise_signal({number})
"""
# Kills the `gonogo gate` that runs it, and gives itself time to be ended.
KILLING = """
import os
import signal
import threading
from pathlib import Path

def pytest_runtest_call(item):
    file, pid = Path("killed.pid"), os.getppid()
    if not file.exists():
        file.write_text(str(os.getpid()))
        while b"gate" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(bytes(1)):
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(pid, signal.SIGKILL)
        threading.Event().wait(20)
"""
NO_RECORD, ABORTED = None, "aborted"
MOMENTS = [
    pytest.param("pytest_configure", "config", NO_RECORD, id="while it gets ready"),
    # No check has run: nothing was looked at.
    pytest.param("pytest_collection_modifyitems", "items", NO_RECORD, id="while it collects"),
    pytest.param("pytest_runtest_call", "item", ABORTED, id="in the middle of the checks"),
    pytest.param("pytest_sessionfinish", "session", ABORTED, id="after the last check"),
    # Every check has answered, and what they said stands; the exit code alone tells the rest.
    pytest.param("pytest_terminal_summary", "config", "complete", id="while it tells"),
    pytest.param("pytest_unconfigure", "config", "complete", id="when all is told"),
]
Told = Callable[..., GateOutcome]


@pytest.fixture
def told_to_end(gate: Told, soaked: Soaked, checkout: Path) -> Told:
    """Run the gate on a healthy database, and signal it to end in one of its hooks."""

    def run(hook: str, argument: str, number: int) -> GateOutcome:
        source = CONFTEST.format(hook=hook, argument=argument, number=number)
        (checkout / "checks" / "conftest.py").write_text(source)
        as_of = f"--as-of={soaked.end.isoformat()}"
        return gate(soaked.conninfo, *STAGING, as_of, TOLD_ONCE="now")

    return run


@pytest.mark.parametrize(("hook", "argument", "state"), MOMENTS)
def test_told_to_end_it_ends_like_ctrl_c(
    told_to_end: Told, checkout: Path, hook: str, argument: str, state: str | None
) -> None:
    """Pytest's own code 2, a record (if one was begun) that says aborted, nothing left lying."""
    told = told_to_end(hook, argument, signal.SIGTERM)
    assert told.code == pytest.ExitCode.INTERRUPTED, told.output
    assert "Traceback" not in told.output
    assert not list((checkout / ".gonogo").iterdir())
    assert [told.document["state"] for _ in told.records] == ([state] if state else [])
    if state == ABORTED:
        assert told.document["verdict"]["kind"] == "HOLD"


def test_a_terminal_that_closes_aborts_the_gate(told_to_end: Told, checkout: Path) -> None:
    """SIGHUP is no death without a word either."""
    told = told_to_end("pytest_runtest_call", "item", signal.SIGHUP)
    assert told.code == pytest.ExitCode.INTERRUPTED, told.output
    assert told.document["state"] == ABORTED
    assert not list((checkout / ".gonogo").iterdir())


def test_told_to_end_while_it_starts_it_leaves_nothing(soaked: Soaked, checkout: Path) -> None:
    """However early the signal comes, from the interpreter's first moment on, nothing is GO."""
    as_of = f"--as-of={soaked.end.isoformat()}"
    words = [sys.executable, "-m", "pytest", "checks/", *STAGING, as_of]
    environ = os.environ | {"DATABASE_URL": soaked.conninfo, "NODE_ENV": "staging"}
    for wait_s in (0.0, 0.05, 0.1, 0.2, 0.3, 0.4):
        running = subprocess.Popen(
            words, cwd=checkout, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        with suppress(subprocess.TimeoutExpired):
            running.communicate(timeout=wait_s)
        running.terminate()
        running.communicate(timeout=60)
        assert running.returncode
        assert not list(checkout.glob(".gonogo/*"))
    assert not list(checkout.glob("reports/archive/*/*_GO"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_verdict_is_archived_when_gonogo_is_killed(soaked: Soaked, checkout: Path) -> None:
    """A `gonogo gate` killed in the middle ends its pytest, whose record says aborted."""
    (checkout / "checks" / "conftest.py").write_text(KILLING)
    as_of = f"--as-of={soaked.end.isoformat()}"
    words = [sys.executable, "-m", "gonogo", "gate", *STAGING, as_of]
    environ = os.environ | {"DATABASE_URL": soaked.conninfo, "NODE_ENV": "staging"}
    with (checkout / "output").open("wb") as output:
        killed = subprocess.run(words, cwd=checkout, env=environ, stdout=output, check=False)
    assert killed.returncode == -signal.SIGKILL
    until(lambda: gone(int((checkout / "killed.pid").read_text())))
    (record,) = checkout.glob("reports/archive/*/*/record.json")
    document = json.loads(record.read_text("utf-8"))
    assert (document["state"], document["verdict"]["kind"]) == (ABORTED, "HOLD")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_killed_at_any_moment_gonogo_takes_its_pytest_along(soaked: Soaked, checkout: Path) -> None:
    """Of fourteen killed at random moments none leaves a process, or a GO of later."""
    as_of = f"--as-of={soaked.end.isoformat()}"
    words = [sys.executable, "-m", "gonogo", "gate", *STAGING, as_of]
    environ = os.environ | {"DATABASE_URL": soaked.conninfo, "NODE_ENV": "staging"}

    def start() -> subprocess.Popen[bytes]:
        # In a session of its own, by which all that it starts is found.
        null = subprocess.DEVNULL
        return subprocess.Popen(
            words, cwd=checkout, env=environ, stdout=null, stderr=null, start_new_session=True
        )

    began_s = time.monotonic()
    assert start().wait() == 0
    lasts_s = time.monotonic() - began_s
    for share in (random.uniform(0, 1) for _ in range(14)):  # noqa: S311 - no secret
        running = start()
        with suppress(subprocess.TimeoutExpired):
            running.wait(share * lasts_s)
        running.kill()
        killed_at = datetime.now(UTC)
        running.wait()
        until(partial(has_ended, running.pid))
        # What had answered every check by then stands, as in each case above.
        for file in checkout.glob("reports/archive/*/*_GO/record.json"):
            finished_at = json.loads(file.read_text("utf-8"))["finished_at"]
            assert datetime.fromisoformat(finished_at) <= killed_at, (share, lasts_s)


def has_ended(session: int) -> bool:
    """Whether no process of a session runs any more."""
    words = ["pgrep", "-s", str(session)]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return all(map(gone, map(int, found.stdout.split())))
