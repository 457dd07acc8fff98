"""Run a program as another user than root, and let it die with its parent: ``exec`` after dropping.

Run as a script by `gonogo.sandbox.privileges`, with nothing but the standard library, so that the
interpreter's start-up counts as little as possible. It becomes the program: same pid.

    unprivileged.py UID:GID|- PARENT:SIGNAL|- DIRECTORY PROGRAM [ARGUMENT…]

`DIRECTORY` is where the program must get to. When its user cannot enter that or reach the program,
because a parent directory is root's alone, one capability is kept that lets it through: on Linux
CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where a container leaves only that. No mode is changed.
A refusal is one line on standard error, ``problem; remedy``, and exit code 126.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

REFUSED = 126
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP = 28, 1 << 2
# By preference: the first only reads and searches, the second also writes.
CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE = 2, 1
CAP_SETPCAP = 8
LINUX = sys.platform == "linux"


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of the program
    """The program cannot be run as asked: one line, problem and remedy."""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int) -> None:
    if answer:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _prctl(option: int, *values: int) -> None:
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_libc().prctl(ctypes.c_int(option), *arguments))


def _capabilities(call: str, *words: int) -> list[int]:
    """Call ``capget`` or ``capset``: effective, permitted, inheritable of 0-31, then of 32-63."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(*words)
    _checked(getattr(_libc(), call)(header, sets))
    return list(sets)


def become(uid: int, gid: int) -> None:
    """Drop root for good, but keep what root was permitted until the next ``exec``.

    Raises:
        Refusal: The kernel does not allow it, as in a container that maps one user only.
    """
    try:
        if LINUX:
            _prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        raise Refusal(
            f"PostgreSQL refuses to run as root, and becoming user {uid} failed ({error.strerror});"
            " run this as an ordinary user"
        ) from error


def die_with(parent: int, signal: int) -> None:
    """Have the kernel send `signal` to this process when the thread that started it ends.

    Must come after every change of user, which forgets the wish. Linux only; elsewhere it does
    nothing.

    Raises:
        Refusal: The parent is gone already.
    """
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        raise Refusal("the program that wanted PostgreSQL ended before it started; start it again")


def _in_reach(directory: str, program: str) -> bool:
    return os.access(directory, os.R_OK | os.W_OK | os.X_OK) and os.access(program, os.X_OK)


def _run_with_capability(argv: list[str], directory: str) -> None:
    """Become `argv` with the least capability that leads to it and to `directory`, or return."""
    _, permitted, *_ = _capabilities("capget")
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        bit = 1 << capability
        if not permitted & bit:
            continue
        try:
            _let_access_count(permitted, bit)
            # Ambient means kept through exec, and asks for the inheritable bit.
            _capabilities("capset", bit, permitted, bit)
            _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)
            os.scandir(directory).close()
            os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted
        except OSError:
            continue


def _let_access_count(permitted: int, bit: int) -> None:
    """Have ``access()`` heed the capability too: initdb asks it whether postgres is beside it.

    Without this securebit the kernel answers ``access()`` of anyone but root as if it had none.
    """
    setpcap = 1 << CAP_SETPCAP
    if permitted & setpcap:
        _capabilities("capset", bit | setpcap, permitted, bit)
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)


def run(argv: list[str], directory: str) -> None:
    """Become the program `argv`.

    Args:
        argv: The program's absolute path and its arguments.
        directory: Where it must get to, and may write once there.

    Raises:
        Refusal: The program or the directory is out of reach for this user.
    """
    try:
        if _in_reach(directory, argv[0]):
            os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted
        if LINUX:
            _run_with_capability(argv, directory)
    except OSError as error:
        raise Refusal(f"{argv[0]} cannot be run: {error.strerror}; install gonogo anew") from error
    raise Refusal(
        f"user {os.getuid()}, who runs PostgreSQL in root's place, cannot get to {directory}"
        f" or {argv[0]}; run this as an ordinary user, or from a checkout that others may enter"
    )


def main(arguments: Sequence[str]) -> int:
    """Do what the module's docstring says. Returns only when refused."""
    account, lifeline, directory, *argv = arguments
    try:
        if account != "-":
            become(*map(int, account.split(":")))
        if lifeline != "-":
            die_with(*map(int, lifeline.split(":")))
        run(argv, directory)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
