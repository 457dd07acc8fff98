"""A process of its own behind a pid file that it keeps locked for as long as it lives.

The kernel drops the lock when the process ends, however it ends. So a stale pid file is harmless,
and a number that meanwhile belongs to another process is never signalled.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tenacity import RetryError, Retrying, retry_if_not_result, stop_after_delay, wait_fixed

READY_VARIABLE = "APP_READY_FD"
START_TIMEOUT_S = 20.0
TERM_TIMEOUT_S = 10.0
KILL_TIMEOUT_S = 5.0
CLAIM_TIMEOUT_S = 1.0
POLL_S = 0.02


class DaemonError(Exception):
    """A process did not start or did not end; the text is one line."""


def pid_file(run_dir: Path, name: str) -> Path:
    """Where the process called `name` keeps its number."""
    return run_dir / f"{name}.pid"


def running(file: Path) -> int | None:
    """The number of the process that holds `file`; None when none does."""
    try:
        stream = file.open(encoding="ascii")
    except FileNotFoundError:
        return None
    with stream:
        if _lock(stream.fileno(), fcntl.LOCK_SH):
            return None
        text = stream.read().strip()
    # Locked and still empty: a process that is just starting, or one that only looks.
    return int(text) if text else None


def start(run_dir: Path, name: str, script: Path) -> bool:
    """Start `script` unless it runs; return when it says that it is ready.

    Args:
        run_dir: Where pid file and log lie; made when it is missing.
        name: The process's name.
        script: What to run.

    Returns:
        Whether it was started by this call.

    Raises:
        DaemonError: It ended, or was not ready in time; the last line of its log says why.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    if running(pid_file(run_dir, name)) is not None:
        return False
    reader, writer = os.pipe()
    log = run_dir / f"{name}.log"
    with os.fdopen(reader, "rb") as ready, log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(writer,),
            env={**os.environ, READY_VARIABLE: str(writer), "PYTHONUNBUFFERED": "1"},
        )
        os.close(writer)
        is_ready = False
        try:
            answered, _, _ = select.select([ready], [], [], START_TIMEOUT_S)
            is_ready = bool(answered and ready.read())
        finally:
            if not is_ready:
                process.kill()
                process.wait()
    if is_ready:
        return True
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    raise DaemonError(f"{name} did not start: {lines[-1] if lines else 'it said nothing'}")


def stop(file: Path) -> bool:
    """End the process that holds `file` and wait until it is gone.

    Returns:
        Whether one ran.

    Raises:
        DaemonError: It outlived even SIGKILL.
    """
    pid = running(file)
    if pid is None:
        file.unlink(missing_ok=True)
        return False
    for number, timeout_s in ((signal.SIGTERM, TERM_TIMEOUT_S), (signal.SIGKILL, KILL_TIMEOUT_S)):
        if _gone(file, pid, number, timeout_s):
            file.unlink(missing_ok=True)
            return True
    raise DaemonError(f"process {pid} of {file.name} cannot be ended")


@dataclass(frozen=True, slots=True)
class Claim:
    """The process's own half: its pid file, locked until the process ends.

    Args:
        file: The pid file.
        descriptor: Its open, locked descriptor, which nothing closes but the process's end.
    """

    file: Path
    descriptor: int

    @classmethod
    def take(cls, run_dir: Path, name: str) -> Claim:
        """Lock the pid file and write this process's number into it.

        Raises:
            DaemonError: Another process holds it.
        """
        file = pid_file(run_dir, name)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o640)
        # A look by `running` holds the lock for a moment, so one try is not enough.
        taken = Retrying(
            retry=retry_if_not_result(bool),
            stop=stop_after_delay(CLAIM_TIMEOUT_S),
            wait=wait_fixed(POLL_S),
        )
        try:
            taken(_lock, descriptor, fcntl.LOCK_EX)
        except RetryError:
            raise DaemonError(f"{file.name} is held by another process") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(file, descriptor)

    def ready(self) -> None:
        """Tell the waiting `start` that the work can begin."""
        if descriptor := os.environ.pop(READY_VARIABLE, ""):
            os.write(int(descriptor), b"ready")
            os.close(int(descriptor))

    def held(self) -> bool:
        """Whether the pid file is still there and still this process's."""
        try:
            return os.path.samestat(self.file.stat(), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False


def _gone(file: Path, pid: int, number: signal.Signals, timeout_s: float) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    ended = Retrying(
        retry=retry_if_not_result(lambda holder: holder != pid),
        stop=stop_after_delay(timeout_s),
        wait=wait_fixed(POLL_S),
    )
    try:
        ended(running, file)
    except RetryError:
        return False
    return True


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
