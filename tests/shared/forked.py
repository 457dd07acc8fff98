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


def run(
    module: str,
    *words: str,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    timeout_s: float,
) -> subprocess.CompletedProcess[str]:
    """Do what ``python -m module word…`` does; its answer has both streams."""
    argv = [sys.executable, "-m", module, *words]
    if sys.platform != "linux" or _at_start(env) != _at_start(os.environ):
        return subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    with _opened(stdin) as given, _temporary() as out, _temporary() as err:
        streams = [file.fileno() for file in (given, out, err)]
        code = _fork([module, *words], cwd, env, streams, timeout_s)
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(argv, code, out.read(), err.read())


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environ.items() if name.startswith(AT_START)}


def _opened(stdin: int) -> IO[bytes]:
    if stdin == subprocess.DEVNULL:
        return Path(os.devnull).open("rb")
    return os.fdopen(os.dup(stdin), "rb", buffering=0)


def _temporary() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _fork(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], streams: list[int], timeout_s: float
) -> int:
    """Have a program forked, and wait for its exit code; whatever ends the waiting ends it too."""
    status, theirs = os.pipe()
    with os.fdopen(status, "rb", buffering=0) as told:
        request = json.dumps([list(words), str(cwd), dict(env)])
        socket.send_fds(_forge(), [request.encode()], [*streams, theirs])
        os.close(theirs)
        pid = int(told.readline())
        try:
            in_time, _, _ = select.select([told], [], [], timeout_s)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        if not in_time:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(words), timeout_s)
        return int(told.readline())


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
