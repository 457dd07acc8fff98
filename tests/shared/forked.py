"""gonogo and pytest in processes of their own, forked from one that has imported both.

Importing is most of what a short command costs (0.45 s of 0.5 s, measured), and hundreds are run
here. A fork has the modules and nothing else: arguments, variables, directory and streams are its
own, it runs the program's own ``__main__``, and dies as any process does. Where a variable decides
how Python itself begins, the program is started as always.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

# Read by Python or the C library before the first line of a program.
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ")
# The plugin is left to pytest, which rewrites it; the stand-in is another application.
LEFT = ("gonogo.plugin", "gonogo.sandbox.standin", "gonogo.__main__")
# What pytest and the plugins that it finds would import.
OTHERS = ("pytest", "hypothesis", "jinja2.sandbox", "httpx", "email.mime.text", "pdb", "doctest")
MOST_BYTES = 1 << 18


@dataclass
class Forked:
    """A program that runs: as much of a Popen as tests ask for.

    Args:
        args: Its words.
        pid: Its process.
        returncode: How it ended; None while it runs.
    """

    args: list[str]
    pid: int
    _status: IO[bytes]
    _streams: tuple[IO[str], IO[str]]
    _said: tuple[str, str] | None = None
    returncode: int | None = None

    def poll(self, timeout: float | None = 0) -> int | None:
        """How it ended; None while it runs."""
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        if (code := self.poll(timeout)) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait until it has ended; what it said."""
        self.wait(timeout)
        if self._said is None:
            out, err = self._streams
            with out, err:
                for file in self._streams:
                    file.seek(0)
                self._said = out.read(), err.read()
        return self._said

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    module: str,
    *words: str,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    timeout_s: float,
) -> subprocess.CompletedProcess[str]:
    """Do what ``python -m module word…`` does; whatever ends the waiting ends it too."""
    running = start(module, *words, cwd=cwd, env=env, stdin=stdin)
    try:
        out, err = running.communicate(timeout=timeout_s)
    except BaseException:
        running.kill()
        running.communicate()
        raise
    return subprocess.CompletedProcess(running.args, running.wait(), out, err)


def start(
    module: str,
    *words: str,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
) -> Forked | subprocess.Popen[str]:
    """Begin what ``python -m module word…`` does, and do not wait for it."""
    argv = [sys.executable, "-m", module, *words]
    if sys.platform != "linux" or _at_start(env) != _at_start(os.environ):
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=stdin, stdout=pipe, stderr=pipe, text=True
        )
    out, err = _temporary(), _temporary()
    with _opened(stdin) as given:
        streams = [file.fileno() for file in (given, out, err)]
        pid, status = _fork([module, *words], cwd, env, streams)
    return Forked(argv, pid, status, (out, err))


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environ.items() if name.startswith(AT_START)}


def _opened(stdin: int) -> IO[bytes]:
    if stdin == subprocess.DEVNULL:
        return Path(os.devnull).open("rb")
    return os.fdopen(os.dup(stdin), "rb", buffering=0)


def _temporary() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _fork(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], streams: list[int]
) -> tuple[int, IO[bytes]]:
    """Have a program forked; its process, and where its exit code can be read in the end."""
    reader, theirs = os.pipe()
    status = os.fdopen(reader, "rb", buffering=0)
    request = json.dumps([list(words), str(cwd), dict(env)])
    socket.send_fds(_forge(), [request.encode()], [*streams, theirs])
    os.close(theirs)
    return int(status.readline()), status


@cache
def _forge() -> socket.socket:
    """Start what is forked from, once a test process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, __file__, str(theirs.fileno())]
        null = subprocess.DEVNULL
        process = subprocess.Popen(words, stdin=null, stdout=null, pass_fds=[theirs.fileno()])

    def close() -> None:
        ours.close()
        process.wait()

    atexit.register(close)
    return ours


def _serve(channel: socket.socket) -> None:
    """Fork for each request, until whoever asks has gone."""
    _import_all()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, fds, _, _ = socket.recv_fds(channel, MOST_BYTES, 4)
        if not request:
            return
        if os.fork() == 0:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            *streams, status = fds
            if (pid := os.fork()) == 0:
                os.close(status)
                words, cwd, environ = json.loads(request)
                _become(words, cwd, environ, streams)
                return
            _report(pid, streams, status)
        for fd in fds:
            os.close(fd)


def _report(pid: int, streams: Sequence[int], status: int) -> None:
    """Wait for a program, and say how it ended."""
    for fd in streams:
        os.close(fd)
    with suppress(BrokenPipeError):
        os.write(status, f"{pid}\n".encode())
        ended = os.waitpid(pid, 0)[1]
        os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    os._exit(0)


def _become(words: list[str], cwd: str, environ: dict[str, str], streams: Sequence[int]) -> None:
    """Be the program in this process; Python's own end is its end."""
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.path[0] = cwd
    sys.argv = words
    importlib.invalidate_caches()
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _import_all() -> None:
    for name in OTHERS:
        importlib.import_module(name)
    home = Path(importlib.import_module("gonogo").__path__[0])
    for file in home.rglob("*.py"):
        name = ".".join(file.relative_to(home.parent).with_suffix("").parts)
        if not name.startswith(LEFT):
            importlib.import_module(name.removesuffix(".__init__"))
    for name, module in sys.modules.items():
        if name.lstrip("_").startswith(("hypothesis", "gonogo")):
            # In pytest's own words: it is too late to rewrite it, and no reason to warn.
            module.__doc__ = f"{module.__doc__} PYTEST_DONT_REWRITE"


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
