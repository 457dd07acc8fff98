"""The stand-in application's git repository: two revisions, of the same hashes everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gonogo.errors import SandboxError
from gonogo.interruption import held

APP = "app"
# Fixed names and dates make the same two hashes on every machine.
GIT_IDENTITY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_DEFAULT_HASH": "sha1",
    "GIT_AUTHOR_NAME": "Stand-in",
    "GIT_AUTHOR_EMAIL": "stand-in@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Stand-in",
    "GIT_COMMITTER_EMAIL": "stand-in@example.com",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
IGNORED = "__pycache__/\n"


@dataclass(frozen=True, slots=True)
class Repository:
    """The stand-in's repository.

    Args:
        path: Its worktree.
        before: The commit that runs when the rehearsal begins.
        after: The commit that is deployed.
    """

    path: Path
    before: str
    after: str


def create_repository(directory: Path) -> Repository:
    """Make ``directory/app`` anew, with `before` checked out.

    Args:
        directory: The rehearsal's directory; made when it is missing.

    Raises:
        SandboxError: git is not installed, or refuses.
    """
    path = directory / APP
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    _git(path, "init", "--quiet", "--template=")
    (path / ".gitignore").write_text(IGNORED, encoding="utf-8")
    before = _commit(path, "before", "Contacts and calendar")
    after = _commit(path, "after", "Sync optimization")
    _git(path, "checkout", "--quiet", "--detach", before)
    return Repository(path, before, after)


def _commit(path: Path, revision: str, message: str) -> str:
    with packaged(f"standin/{revision}") as tree:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(tree, path, dirs_exist_ok=True, ignore=ignored)
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--message", message)
    return _git(path, "rev-parse", "HEAD")


@contextmanager
def packaged(name: str) -> Iterator[Path]:
    """A file or tree that comes with the sandbox."""
    with resources.as_file(resources.files("gonogo.sandbox") / name) as path:
        yield path


def _git(path: Path, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        # Held: a git that is forgotten would still write where everything is being removed.
        with held():
            finished = subprocess.run(
                ["git", *arguments],
                cwd=path,
                env={**environ, **GIT_IDENTITY},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=True,
            )
    except FileNotFoundError:
        raise SandboxError("git is not installed", "install it; the rehearsal needs it") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or "no reason given").splitlines()[-1]
        raise SandboxError(f"git {arguments[0]} failed in {path}: {reason}") from None
    return finished.stdout.strip()
