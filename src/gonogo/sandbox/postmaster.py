"""Which PostgreSQL serves a data directory, how to end it, and who may: one run at a time.

``postmaster.pid`` outlives a server that was killed, and its pid may belong to another program by
now; nothing is signalled before the process has shown by its command line that it is the server.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from gonogo.errors import SandboxError

PID_FILE = "postmaster.pid"
POLL_S = 0.02
# From kind to rude: fast shutdown, immediate shutdown, the end.
SIGNALS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 6.0), (signal.SIGKILL, 5.0))
PID_LINE, PORT_LINE, SOCKET_LINE = 0, 3, 4
LOCK_FILE = "lock"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What ``postmaster.pid`` says of a server.

    Args:
        pid: The server's main process.
        port: The port, which also names the socket.
        socket_dir: The socket's directory; None when it listens on loopback only.
    """

    pid: int
    port: int
    socket_dir: Path | None


def find(data: Path) -> Postmaster | None:
    """Find the server that serves `data` now; None when none does.

    Raises:
        SandboxError: The directory belongs to another user.
    """
    try:
        lines = os.fsdecode((data / PID_FILE).read_bytes()).splitlines()
        pid = int(lines[PID_LINE])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    except PermissionError:
        raise SandboxError(
            f"{data} belongs to another user", "remove it, or run this as that user"
        ) from None
    if not serves(pid, data):
        return None
    # A server that has just begun has not written every line yet.
    port, socket_dir = [*lines[PORT_LINE : SOCKET_LINE + 1], "", ""][:2]
    return Postmaster(pid, int(port or 0), Path(socket_dir) if socket_dir else None)


def serves(pid: int, data: Path) -> bool:
    """Tell whether process `pid` is alive and a ``postgres`` that was started on `data`."""
    argv = _command_line(pid)
    return bool(argv) and Path(argv[0]).name == "postgres" and str(data) in argv


def _command_line(pid: int) -> list[str]:
    if not Path("/proc/self/cmdline").exists():
        return _command_line_by_ps(pid)
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
    except OSError:
        return []


def _command_line_by_ps(pid: int) -> list[str]:
    """The program and its data directory, which ``ps`` shows unquoted."""
    shown = subprocess.run(
        [shutil.which("ps", path=os.defpath) or "ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    program, _, rest = shown.stdout.strip().partition(" -D ")
    return [program, rest.partition(" -c ")[0]] if rest else []


def end(pid: int, data: Path, alive: Callable[[], bool]) -> None:
    """End the server `pid`: fast shutdown, and what is ruder when that takes too long.

    Args:
        pid: The server's main process.
        data: Its data directory.
        alive: Tells whether it still runs.

    Raises:
        SandboxError: It belongs to another user, or outlived SIGKILL.
    """
    for number, patience_s in SIGNALS:
        if not alive():
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise SandboxError(
                f"the PostgreSQL that serves {data} (process {pid}) belongs to another user",
                "run this as that user, or stop it first",
            ) from None
        if _wait_until_gone(alive, patience_s):
            return
    raise SandboxError(f"the PostgreSQL that serves {data} (process {pid}) cannot be ended")


def _wait_until_gone(alive: Callable[[], bool], patience_s: float) -> bool:
    waiting = retry(
        retry=retry_if_result(bool), wait=wait_fixed(POLL_S), stop=stop_after_delay(patience_s)
    )
    try:
        waiting(alive)()
    except RetryError:
        return False
    return True


def forget(data: Path) -> None:
    """Remove a ``postmaster.pid`` that no server stands behind.

    PostgreSQL would refuse to start when the pid in it has gone to another program of the same
    user. What it keeps in shared memory still tells it when a server is at work on `data`.
    """
    (data / PID_FILE).unlink(missing_ok=True)


class Claim:
    """The right to start and stop servers in a directory, held until `release` or the end.

    Args:
        directory: The sandbox directory; it must exist.

    Raises:
        SandboxError: A live run holds it, or the directory belongs to another user.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError:
            raise SandboxError(
                f"{directory} belongs to another user", "remove it, or run this as that user"
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace") or "unknown"
            os.close(self._descriptor)
            raise SandboxError(
                f"another run (process {holder}) is at work in {directory}",
                "wait until it ends, or stop it",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        self._held = True

    def release(self) -> None:
        """Release the claim; a second call does nothing."""
        if self._held:
            self._held = False
            os.close(self._descriptor)
