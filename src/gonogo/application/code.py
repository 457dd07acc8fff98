"""The application's code: which revision it is at, asked of git."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gonogo.errors import CommandError, UsageError
from gonogo.masking import without_secrets

TIMEOUT_S = 60
# A hook's own repository must not be taken for the application's.
LEFT_BEHIND = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
SHORT = 12
SHOWN = 60
# git's own words for a name that stands for nothing; they do not say which name.
NO_COMMIT = "Needed a single revision"
# Neither an option of a command, nor a word that means something to a shell.
PLAIN = re.compile(r"\w[\w.:/@+=~-]{0,199}")


def head(repository: Path, environ: Mapping[str, str]) -> str:
    """The commit that is checked out.

    Raises:
        CommandError: git is not there, or this is no repository.
    """
    return resolve(repository, environ, "HEAD")


def resolve(repository: Path, environ: Mapping[str, str], revision: str) -> str:
    """The full name of a commit.

    Args:
        repository: The worktree.
        environ: The session's variables.
        revision: A branch, a tag or a commit.

    Raises:
        CommandError: git does not know it.
    """
    name = f"{revision}^{{commit}}"
    try:
        return _git(repository, environ, "rev-parse", "--verify", "--end-of-options", name)
    except CommandError as error:
        if NO_COMMIT not in error.problem:
            raise
        shown = repr(revision[:SHOWN])
        raise CommandError(
            f"git knows no commit {shown} in {repository}",
            "fetch it there, or correct the revision",
        ) from error


def changed_files(repository: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Tracked files that differ from the commit.

    Raises:
        CommandError: git is not there, or this is no repository.
    """
    lines = _git(repository, environ, "status", "--porcelain", "--untracked-files=no")
    return tuple(line[3:] for line in lines.splitlines())


def plain(revision: str) -> str:
    """A revision that can stand in a command's words, whoever named it.

    Raises:
        UsageError: A command could take it for something else.
    """
    if not PLAIN.fullmatch(revision):
        raise UsageError(
            f"the revision {revision[:SHOWN]!r} could be taken for an option or for a shell's word",
            "name it by letters, digits and . _ : / @ + = ~ - alone, or set git = true",
        )
    return revision


def short(revision: str) -> str:
    """A revision as a reader wants it."""
    return revision[:SHORT]


def _git(repository: Path, environ: Mapping[str, str], *words: str) -> str:
    seen = without_secrets(environ)
    env = {name: value for name, value in seen.items() if name not in LEFT_BEHIND}
    try:
        answer = subprocess.run(
            ["git", "-C", str(repository), *words],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise CommandError("git is not installed", "install it, or set git = false") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"git {words[0]} took more than {TIMEOUT_S} s in {repository}") from None
    if answer.returncode:
        said = answer.stderr.strip().splitlines()
        raise CommandError(
            f"git {words[0]} failed in {repository}: {said[-1] if said else 'it said nothing'}",
            "check git and cwd in rollout.toml, and the revision",
        )
    return answer.stdout.rstrip("\n")
