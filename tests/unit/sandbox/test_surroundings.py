"""The stand-in's repository and rollout file, and the variables of a rehearsal."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from gonogo.errors import SandboxError
from gonogo.model.kinds import Environment
from gonogo.sandbox import surroundings
from gonogo.sandbox.surroundings import (
    Repository,
    create_repository,
    database_url,
    sandbox_environment,
)


def test_nothing_outside_the_sandbox_is_named(tmp_path: Path) -> None:
    """A database that the caller's shell names is out of a rehearsal's reach."""
    inherited = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://live/app",
        "DB_HOST": "live",
        "DB_NAME": "app",
        "PGHOST": "live",
        "PGSERVICE": "live",
        "GIT_DIR": "/live/.git",
    }
    environ = sandbox_environment(tmp_path, "host=/tmp/socket dbname=app", inherited=inherited)
    assert environ["PATH"] == "/bin"
    assert not [name for name, value in environ.items() if "live" in value]


def test_every_secret_is_new_each_time(tmp_path: Path) -> None:
    """Two rehearsals share no token."""
    first, second = (sandbox_environment(tmp_path, "dbname=app", inherited={}) for _ in range(2))
    secrets = ("ADMIN_JWT", "SMOKE_JWT", "WEBHOOK_VERIFICATION_TOKEN", "GOOGLE_CLIENT_SECRET")
    assert all(first[name] != second[name] for name in secrets)


def test_the_database_url_names_the_same_database() -> None:
    """A socket directory with a blank in it survives the way into a URL and back."""
    conninfo = "host='/tmp/my socket' port=5433 user=app dbname=app"
    url = database_url(conninfo)
    assert conninfo_to_dict(url) == conninfo_to_dict(conninfo)


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


def test_the_rollout_file_is_a_rollout_file(tmp_path: Path) -> None:
    """The sandbox deploys by the same format as a team."""
    config = surroundings.load_rollout(tmp_path, tmp_path / "records")
    staging = config.environment(Environment.STAGING)
    assert config.archive_dir == tmp_path / "records"
    assert staging.cwd == tmp_path / "app"
    assert staging.commands.start_app is not None


def test_with_nothing_running_nothing_is_stopped(tmp_path: Path) -> None:
    """Cleaning up where nothing ever ran is no error."""
    assert surroundings.stop_everything(tmp_path) == ()
