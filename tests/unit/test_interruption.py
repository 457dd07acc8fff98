"""Being told to end comes at once, except where it would tear something apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gonogo import interruption, process
from gonogo.interruption import SIGNALS, admitted, held
from waiting import until

# What was started tells who wanted it to end as its very first act, and would then live for long.
FIRST_ACT = """
import os, pathlib, signal, sys, threading
pathlib.Path("pid").write_text(str(os.getpid()))
os.kill(int(sys.argv[1]), signal.SIGTERM)
threading.Event().wait(600)
"""
LONG = """
import pathlib, sys, threading
pathlib.Path(sys.argv[1]).touch()
threading.Event().wait(600)
"""
UNDER_NOHUP = """
import signal
from gonogo import interruption
with interruption.heard():
    signal.raise_signal(signal.SIGHUP)
print("goes on")
"""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Each test listens as a command does."""
    with interruption.heard():
        yield


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_is_like_ctrl_c(number: signal.Signals) -> None:
    """What is neither held nor ignored interrupts at once, and is remembered."""
    assert not interruption.was_received()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert interruption.was_received()


def test_what_is_held_comes_to_its_end() -> None:
    """A signal within waits for the end of the outermost block, and is raised there, once."""
    done: list[str] = []

    @held()
    def outer() -> None:
        with held():
            signal.raise_signal(signal.SIGTERM)
            done.append("inner")
        done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert done == ["inner", "outer"]
    with held():
        done.append("later")
    assert done[-1] == "later"


def test_what_is_admitted_within_is_interrupted_at_once() -> None:
    """There it comes where it comes, also one that has waited; behind it all is held again."""
    done: list[str] = []

    @held()
    def work() -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            with admitted():
                done.append("never")
        finally:
            signal.raise_signal(signal.SIGINT)
            done.append("tidied up")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["tidied up"]


def test_an_impatient_second_ctrl_c_does_not_tear_the_tidying_up_apart() -> None:
    """From the moment that the first is raised, before any block has ended, the second waits."""
    done: list[str] = []

    @held()
    def work() -> None:
        try:
            with admitted():
                try:
                    signal.raise_signal(signal.SIGINT)
                finally:
                    signal.raise_signal(signal.SIGINT)
                    done.append("inner")
        finally:
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_said_twice_is_heard_once(number: signal.Signals) -> None:
    """The shell and the kernel both signal a terminal that closes; supervisors repeat too."""
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    signal.raise_signal(number)


def test_afterwards_all_is_as_before() -> None:
    """Who listened for a while leaves the handlers that there were."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruption.heard():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_other_threads_hold_nothing_back() -> None:
    """Signals come to the main thread: what a worker holds is no business of theirs."""
    holding, over = threading.Event(), threading.Event()

    def work() -> None:
        with interruption.heard(), held(), admitted(), held():
            holding.set()
            over.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    assert holding.wait(30)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    over.set()
    worker.join()


def test_what_is_ignored_stays_ignored() -> None:
    """Under nohup a closed terminal is no reason to end."""
    told = subprocess.run(
        ["nohup", sys.executable, "-c", UNDER_NOHUP],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, "goes on\n")


def as_a_command(words: list[str], cwd: Path) -> object:
    """Run it as a rollout runs a configured command."""
    return process.run(words, cwd=cwd, env=os.environ, on_line=print)


def as_a_gate(words: list[str], cwd: Path) -> object:
    """Run it as a rehearsal runs ``pytest checks/``."""
    return process.run_gate_process(words, cwd=cwd, apart=True)


@pytest.mark.parametrize("run", [as_a_command, as_a_gate])
def test_a_child_is_never_forgotten(
    tmp_path: Path, run: Callable[[list[str], Path], object]
) -> None:
    """Even when the signal comes while it is being started, it is ended and waited for."""
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", FIRST_ACT, str(os.getpid())], tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.timeout(60)
def test_a_gate_is_ended_whichever_thread_the_signal_wakes(tmp_path: Path) -> None:
    """While it runs, nothing else wakes the main thread."""
    started = tmp_path / "pid"

    def interrupt() -> None:
        until(started.exists)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    impatient = threading.Thread(target=interrupt)
    impatient.start()
    with pytest.raises(KeyboardInterrupt):
        as_a_gate([sys.executable, "-c", LONG, str(started)], tmp_path)
    impatient.join()
