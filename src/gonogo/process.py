"""Runs one child process to its end: no shell, its own process group, output line by line.

The group is on a leash: it ends with this process, even when this process is killed.

Output goes through a file, not a pipe: a command that starts a service and returns leaves the
service holding its output, which would keep a pipe open for ever and kill the service later.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from gonogo import leash
from gonogo.interruption import admitted, held

TICK_S = 0.05
GRACE_S = 5.0
GENTLE_S = 30.0
BY_ITSELF_S = 1.0
# A signal that wakes another thread, or comes just before the wait, is handled after so long.
STEP_S = 0.2
# What tools write for a terminal: colours, cursor movements, titles and links (ECMA-48).
STYLING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Args:
        exit_code: As the child gave it; negative for a signal.
        elapsed_s: How long it ran, in seconds.
        timed_out: Whether we ended it after its timeout.
    """

    exit_code: int
    elapsed_s: float
    timed_out: bool = False


def run(  # noqa: PLR0913  # each bounds the run, or hears of it
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    cwd: Path | None = None,
    timeout_s: float | None = None,
    grace_s: float = GRACE_S,
    on_tick: Callable[[], None] = lambda: None,
) -> Ended:
    """Run a program and pass on its output, both streams as one.

    Args:
        words: The program and its arguments.
        env: Its whole environment.
        on_line: Called with each line of output, without its end and a terminal's colours.
        cwd: Where it runs.
        timeout_s: After this many seconds the whole process group is ended; None waits on.
        grace_s: How long it may take to end by itself when `on_tick` raises, or on an interruption.
        on_tick: Called about twenty times a second while it runs.

    Raises:
        OSError: The program or `cwd` does not exist, or may not be run.
    """
    started = time.monotonic()
    ours, theirs = socket.socketpair()
    # Held: an interruption must not leave a child without its parent.
    with ours, tempfile.TemporaryFile() as output, held():
        with theirs:
            child = subprocess.Popen(
                _leashed(words, theirs),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        try:
            with admitted():
                timed_out = _follow(child, _Lines(output, on_line), started, timeout_s, on_tick)
        except BaseException:
            end_group(child, grace_s)
            raise
        _require_started(ours, words[0])
    return Ended(child.returncode, time.monotonic() - started, timed_out)


def _leashed(words: Sequence[str], leash_end: socket.socket) -> list[str]:
    return [sys.executable, "-I", "-S", leash.__file__, str(leash_end.fileno()), *words]


def _require_started(ours: socket.socket, program: str) -> None:
    if number := ours.recv(16):
        raise OSError(int(number), os.strerror(int(number)), program)


def end_group(child: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """End a child and all that it started: by SIGTERM first, then by SIGKILL."""
    _signal(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
    _signal(child.pid, signal.SIGKILL)
    child.wait()


def run_gate_process(
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    apart: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run ``pytest checks/`` to its end; when interrupted, it gets the time to close its record.

    It ends with this process, even when this process is killed.

    Args:
        words: The program and its arguments.
        cwd: Where it runs.
        env: Its whole environment; None hands on ours.
        apart: Whether its output is captured and the terminal's Ctrl-C kept from it; else it may
            have received the same Ctrl-C as we, and first gets a moment to end by itself.
    """
    pipe = subprocess.PIPE if apart else None
    ours, theirs = socket.socketpair()
    with ours, held():
        with theirs:
            child = subprocess.Popen(
                _leashed(words, theirs),
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL if apart else None,
                stdout=pipe,
                stderr=pipe,
                text=True,
                start_new_session=apart,
                pass_fds=(theirs.fileno(),),
            )
        try:
            with admitted():
                out, err = _communicate(child)
        finally:
            # In a group of its own, the leash survives a SIGTERM, and elsewhere it passes it on.
            terminate = partial(_signal, child.pid, signal.SIGTERM) if apart else child.terminate
            for end, patience_s in (
                (lambda: None, 0.0 if apart else BY_ITSELF_S),
                (terminate, GENTLE_S),
                (ours.close, None),
            ):
                _end_gently(child, end, patience_s)
    return subprocess.CompletedProcess(words, child.returncode, out, err)


def _communicate(child: subprocess.Popen[str]) -> tuple[str, str]:
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=STEP_S)


def _end_gently(
    child: subprocess.Popen[str], end: Callable[[], None], patience_s: float | None
) -> None:
    if child.poll() is None:
        end()
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=patience_s)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _follow(
    child: subprocess.Popen[bytes],
    lines: _Lines,
    started: float,
    timeout_s: float | None,
    on_tick: Callable[[], None],
) -> bool:
    timed_out = False
    while child.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(TICK_S)
        lines.hand_on()
        on_tick()
        if timeout_s is not None and time.monotonic() - started > timeout_s:
            timed_out = child.poll() is None
            end_group(child)
    lines.hand_on(last=True)
    return timed_out


class _Lines:
    """The whole lines that a growing file has gained since the last look."""

    def __init__(self, output: IO[bytes], on_line: Callable[[str], None]) -> None:
        self._descriptor = output.fileno()
        self._on_line = on_line
        self._offset = 0
        self._rest = b""

    def hand_on(self, *, last: bool = False) -> None:
        *whole, self._rest = (self._rest + b"".join(self._chunks())).split(b"\n")
        if last and self._rest:
            whole.append(self._rest)
        for line in whole:
            self._on_line(STYLING.sub("", line.decode("utf-8", "replace")).rstrip("\r"))

    def _chunks(self) -> Iterator[bytes]:
        # pread: the child shares the file's own position.
        while chunk := os.pread(self._descriptor, 1 << 16, self._offset):
            self._offset += len(chunk)
            yield chunk
