"""Run a program that ends with its deployer: a killed deployer leaves no program running.

`gonogo.process` runs this file as a script, with nothing but the standard library, so that the
interpreter starts fast; hence it is a module of its own. It leads the program's process group.

    leash.py DESCRIPTOR PROGRAM [ARGUMENT…]

`DESCRIPTOR` is one end of a socket whose other end the deployer holds. When that is closed before
the program has ended, the whole group gets SIGTERM, and a little later SIGKILL. When a program
cannot be started, the number of the error is sent through it. Otherwise the leash ends as the
program did, also when that was by a signal.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from collections.abc import Sequence

GRACE_S = 5.0
NOT_STARTED = 127
# The deployer ends the group by these; the leash survives them and reports the outcome.
LEFT_TO_THE_PROGRAM = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# Python ignores these, and a program that it executes would inherit that.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def start(argv: list[str], deployer: int) -> int:
    """Start the program, every signal at its default, and return its pid.

    Args:
        argv: The program and its arguments.
        deployer: Our end of the socket.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in (*LEFT_TO_THE_PROGRAM, *IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(deployer, str(error.errno).encode())
    finally:
        os._exit(NOT_STARTED)


def hold(pid: int, deployer: int, ended: int) -> int:
    """Wait until the program has ended, or the deployer has; return the program's wait status.

    Args:
        pid: The program.
        deployer: Our end of the socket.
        ended: Becomes readable when a child has ended.
    """
    while not (status := _ended(pid)):
        readable, _, _ = select.select([deployer, ended], [], [])
        if deployer in readable:
            os.killpg(0, signal.SIGTERM)
            select.select([ended], [], [], GRACE_S)
            # Whoever of the group is left, the leash included.
            os.killpg(0, signal.SIGKILL)
        os.read(ended, 1)
    return status[0]


def _ended(pid: int) -> tuple[int] | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return (status,) if found else None


def end_as(status: int) -> int:
    """End as a program with this wait status did: by its signal, or with its exit code."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def main(arguments: Sequence[str]) -> int:
    """Do what the module's docstring says."""
    deployer, argv = int(arguments[0]), list(arguments[1:])
    fcntl.fcntl(deployer, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    for number in LEFT_TO_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    ended, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return end_as(hold(start(argv, deployer), deployer, ended))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
