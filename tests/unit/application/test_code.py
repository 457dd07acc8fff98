"""Asking git which revision the application's code is at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gonogo.application import code
from gonogo.errors import CommandError

ENVIRON = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    (tmp_path / "app.js").write_text("1", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"], ["tag", "v1"]):
        subprocess.run(["git", *words], cwd=tmp_path, env=ENVIRON, check=True)
    return tmp_path


def test_a_revision_is_a_whole_commit(repository: Path) -> None:
    """A tag and HEAD resolve to the same forty digits."""
    assert code.resolve(repository, ENVIRON, "v1") == code.head(repository, ENVIRON)
    assert len(code.head(repository, ENVIRON)) == 40


def test_a_hooks_own_repository_is_not_taken_for_it(repository: Path, tmp_path: Path) -> None:
    """GIT_DIR of a surrounding hook does not count."""
    environ = {**ENVIRON, "GIT_DIR": str(tmp_path / "other")}
    assert code.head(repository, environ) == code.head(repository, ENVIRON)


def test_changed_files_are_named(repository: Path) -> None:
    """Tracked ones only: what a build leaves lying about does not count."""
    (repository / "app.js").write_text("2", encoding="utf-8")
    (repository / "built.js").write_text("2", encoding="utf-8")
    assert code.changed_files(repository, ENVIRON) == ("app.js",)


@pytest.mark.parametrize("revision", ["nowhere", "--output=x"])
def test_an_unknown_revision_is_one_line(repository: Path, revision: str) -> None:
    """Which revision it is that git does not know, and where."""
    with pytest.raises(CommandError, match=f"git knows no commit '{revision}' in"):
        code.resolve(repository, ENVIRON, revision)
