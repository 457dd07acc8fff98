"""Who runs PostgreSQL: the user who asks, or another in root's place, since it refuses root.

As root it is the owner of the nearest directory upwards that is not root's own, so that what the
sandbox leaves in a user's checkout stays that user's; else the user who owns nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SandboxError
from gonogo.sandbox import unprivileged


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system, other than root.

    Args:
        uid: The user's number.
        gid: The number of its group.
    """

    uid: int
    gid: int


def account_for(directory: Path) -> Account | None:
    """Choose who runs PostgreSQL in `directory`.

    Args:
        directory: An absolute path; it need not exist yet.

    Returns:
        The account to change to, or None: the user who asks can run it.

    Raises:
        SandboxError: The user who asks has no name, which ``initdb`` insists on.
    """
    if os.geteuid() == 0:
        return _owner(directory) or nobody()
    if not _has_name(os.geteuid()):
        raise SandboxError(
            f"user {os.geteuid()} has no entry in this machine's list of users, which initdb needs",
            "run this as a user that /etc/passwd knows",
        )
    return None


def nobody() -> Account:
    """The user who owns nothing, or whoever else is not root.

    Raises:
        SandboxError: There is no user but root.
    """
    others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    if not others:
        raise SandboxError(
            "PostgreSQL refuses to run as root, and this machine has no other user",
            "add one (useradd nobody), or run this elsewhere",
        )
    chosen = next((entry for entry in others if entry.pw_name == "nobody"), others[-1])
    return Account(chosen.pw_uid, chosen.pw_gid)


def _owner(directory: Path) -> Account | None:
    for candidate in (directory, *directory.parents):
        if candidate.exists() and (status := candidate.stat()).st_uid != 0:
            # A uid that a container knows by number only cannot run initdb.
            return Account(status.st_uid, status.st_gid) if _has_name(status.st_uid) else None
    return None


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return False


def private_directory(path: Path, account: Account | None) -> None:
    """Make `path` a directory that only `account` may enter; its parents stay as they are.

    Raises:
        SandboxError: It cannot be made, or belongs to somebody else.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        if account:
            os.chown(path, account.uid, account.gid)
    except OSError as error:
        raise SandboxError(
            f"{path} cannot be made ours ({error.strerror})",
            "remove it, or run this as the user who owns it",
        ) from error


def command(
    argv: list[str],
    account: Account | None,
    directory: Path,
    *,
    parent_death: signal.Signals | None,
) -> list[str]:
    """Build the command that runs `argv` as `account`.

    Args:
        argv: The program's absolute path and its arguments.
        account: Who runs it; None for the user who asks.
        directory: The directory that the program works in.
        parent_death: What it is sent when the thread that starts it ends (Linux); None for nothing.
    """
    user = f"{account.uid}:{account.gid}" if account else "-"
    lifeline = f"{os.getpid()}:{parent_death.value}" if parent_death else "-"
    # Isolated and without site: 15 ms instead of 60, and nothing of the user's is imported as root.
    interpreter = [sys.executable, "-I", "-S", str(Path(unprivileged.__file__))]
    return [*interpreter, user, lifeline, str(directory), *argv]


def remove_tree(path: Path) -> None:
    """Remove `path` and all that it holds; nothing happens when it is not there.

    Raises:
        SandboxError: Some of it belongs to somebody else.
    """
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SandboxError(
            f"{path} cannot be removed ({error.strerror})", "run this as the user who owns it"
        ) from error
