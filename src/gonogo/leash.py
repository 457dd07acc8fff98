"""Run a program that ends with its starter: a killed gonogo leaves no program running.

`gonogo.process` runs this file as a script, with nothing but the standard library, so that the
interpreter starts fast; hence it is a module of its own.

    leash.py DESCRIPTOR PROGRAM [ARGUMENT…]

`DESCRIPTOR` is one end of a socket whose other end the starter holds. When that is closed before
the program has ended, the program gets SIGTERM, and a little later SIGKILL: with its whole process
group where the leash leads that group, else alone, because the group is then a shell's job with
others in it. There, a SIGTERM to the leash is passed on to the program. When a program cannot be
started, the number of the error is sent through the socket. Otherwise the leash ends as the program
did, also when that was by a signal.
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
# The starter ends the group by these; the leash survives them and reports the outcome.
LEFT_TO_THE_PROGRAM = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# Python ignores these, and a program that it executes would inherit that.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def start(argv: list[str], starter: int, ignored: frozenset[signal.Signals]) -> int:
    """Start the program, every other signal at its default, and return its pid.

    Args:
        argv: The program and its arguments.
        starter: Our end of the socket.
        ignored: The signals that it ignores.
    """
    # The starter may be gone already: a signal to the program that is still ignored would be lost.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_THE_PROGRAM)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return pid
    try:
        for number in (*LEFT_TO_THE_PROGRAM, *IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(starter, str(error.errno).encode())
    finally:
        os._exit(NOT_STARTED)


def hold(pid: int, starter: int, ended: int) -> int:
    """Wait until the program has ended, or the starter has; return the program's wait status.

    Args:
        pid: The program.
        starter: Our end of the socket.
        ended: Becomes readable when a child has ended.
    """
    while not (status := _ended(pid)):
        readable, _, _ = select.select([starter, ended], [], [])
        if starter in readable:
            _end(pid, signal.SIGTERM)
            select.select([ended], [], [], GRACE_S)
            # Of a group, whoever is left, the leash included.
            _end(pid, signal.SIGKILL)
        os.read(ended, 1)
    return status[0]


def _end(pid: int, number: signal.Signals) -> None:
    if _leads():
        os.killpg(0, number)
    else:
        os.kill(pid, number)


def _leads() -> bool:
    return os.getpgrp() == os.getpid()


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
    starter, argv = int(arguments[0]), list(arguments[1:])
    fcntl.fcntl(starter, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    kinds = {number: signal.signal(number, signal.SIG_IGN) for number in LEFT_TO_THE_PROGRAM}
    # A shell's job under nohup goes on when the terminal closes; a service ignores nothing.
    ignored = frozenset(n for n in kinds if kinds[n] is signal.SIG_IGN and not _leads())
    ended, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pid = start(argv, starter, ignored)
    if not _leads():
        signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    return end_as(hold(pid, starter, ended))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
