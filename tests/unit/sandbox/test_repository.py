"""The stand-in's repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gonogo.errors import SandboxError
from gonogo.sandbox.repository import Repository, create_repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A fresh repository."""
    return create_repository(tmp_path_factory.mktemp("rehearsal"))


def test_the_old_revision_is_checked_out(repository: Repository) -> None:
    """The rehearsal begins at `before`, one commit behind `after`."""
    assert _git(repository.path, "rev-parse", "HEAD") == repository.before
    assert _git(repository.path, "rev-parse", f"{repository.after}^") == repository.before


def test_the_worktree_is_clean_even_after_a_build(repository: Repository) -> None:
    """What Python leaves behind is ignored, so a preflight finds the worktree clean."""
    (repository.path / "__pycache__").mkdir(exist_ok=True)
    (repository.path / "__pycache__" / "web.pyc").write_bytes(b"")
    assert _git(repository.path, "status", "--porcelain") == ""


def test_the_same_hashes_come_out_everywhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the directory nor the user's git configuration shows in a hash."""
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text("[commit]\ngpgsign = true\n", encoding="utf-8")
    again = create_repository(tmp_path)
    assert (again.before, again.after) == (repository.before, repository.after)


def test_a_repository_can_be_made_over_an_old_one(tmp_path: Path) -> None:
    """What a killed rehearsal left in the directory does not matter."""
    left = tmp_path / "app" / "left.py"
    left.parent.mkdir()
    left.write_text("", encoding="utf-8")
    create_repository(tmp_path)
    assert not left.exists()


def test_without_git_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git gets the remedy, not a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError) as caught:
        create_repository(tmp_path)
    assert str(caught.value) == "git is not installed; install it; the rehearsal needs it"


def _git(path: Path, *arguments: str) -> str:
    finished = subprocess.run(
        ["git", *arguments], cwd=path, check=True, capture_output=True, text=True
    )
    return finished.stdout.strip()
