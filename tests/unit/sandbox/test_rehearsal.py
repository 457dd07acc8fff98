"""The gate's process, as a rehearsal starts and ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gonogo import process
from gonogo.sandbox import rehearsal
from gonogo.sandbox.stage import Stage

# Says when it can be interrupted, and takes a moment to tidy up behind itself.
TIDY = """
import pathlib, signal, sys, threading
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    print("ready", flush=True)
    signal.pause()
finally:
    threading.Event().wait(0.5)
    pathlib.Path(sys.argv[1]).write_text("tidy")
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""
SHOW = "import os; print(sorted(name for name in os.environ if name.startswith('PYTEST_')))"


class Interrupted(subprocess.Popen[str]):
    """A process on which Ctrl-C comes in while it is waited for."""

    came = False

    def communicate(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        """Be interrupted once it can be."""
        if not self.came:
            self.came = True
            assert self.stdout
            assert self.stdout.readline() == "ready\n"
            raise KeyboardInterrupt
        return super().communicate(*args, **options)


def stage(root: Path, **environ: str) -> Stage:
    """As much of a running world as the gate's process needs."""
    world = SimpleNamespace(project=SimpleNamespace(root=root), environ=environ)
    return cast("Stage", world)


def test_an_interrupted_gate_ends_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked to end, and given the time to remove its temporary files."""
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    tidied = tmp_path / "tidied"
    with pytest.raises(KeyboardInterrupt):
        rehearsal._finished([sys.executable, "-c", TIDY, str(tidied)], stage(tmp_path))
    assert tidied.read_text() == "tidy"


@pytest.mark.slow
def test_a_gate_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left running, whatever it does when it is signalled to end."""
    monkeypatch.setattr(process, "GENTLE_S", 0.2)
    monkeypatch.setattr(process, "BY_ITSELF_S", 0.2)
    started: list[Interrupted] = []

    def popen(*args: Any, **options: Any) -> Interrupted:
        started.append(Interrupted(*args, **options))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(KeyboardInterrupt):
        rehearsal._finished([sys.executable, "-c", STUBBORN], stage(tmp_path))
    assert started[0].returncode == -9


def test_what_a_user_has_pytest_do_elsewhere_does_not_reach_the_gate(tmp_path: Path) -> None:
    """Neither options nor plugins come in by the environment; all else does."""
    world = stage(tmp_path, PYTEST_ADDOPTS="-x", PYTEST_PLUGINS="nosuch", PYTEST_THEME="light")
    ended = rehearsal._finished([sys.executable, "-c", SHOW], world)
    assert (ended.returncode, ended.stdout) == (0, "['PYTEST_THEME']\n")
