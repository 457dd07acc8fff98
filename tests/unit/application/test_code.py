"""Asking git which revision the application's code is at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gonogo.application import code, release
from gonogo.errors import CommandError
from gonogo.model.kinds import Says
from gonogo.model.measurement import Remark

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


def test_a_revision_has_the_files_of_its_directory_whatever_is_checked_out(
    repository: Path,
) -> None:
    """By name and by byte; later commits, uncommitted files and subdirectories do not count."""
    place = repository / "db"
    (place / "below").mkdir(parents=True)
    (place / "1.sql").write_bytes(b"one\r\n\0\n")
    (place / "2 ä.sql").write_bytes(b"")
    (place / "below" / "3.sql").write_bytes(b"three")
    for words in (["add", "."], ["commit", "-q", "-m", "two"]):
        subprocess.run(["git", *words], cwd=repository, env=ENVIRON, check=True)
    then = code.head(repository, ENVIRON)
    (place / "1.sql").write_bytes(b"changed")
    subprocess.run(["git", "commit", "-qam", "three"], cwd=repository, env=ENVIRON, check=True)
    (place / "4.sql").write_bytes(b"four")
    found = code.files_at(place, ENVIRON, then, "db")
    assert found == (("1.sql", b"one\r\n\0\n"), ("2 ä.sql", b""))
    assert code.files_at(repository, ENVIRON, "v1", "db") == ()
    assert code.files_at(repository, ENVIRON, "v1", ".") == (("app.js", b"1"),)


def test_a_link_in_git_holds_only_a_name(repository: Path) -> None:
    """It is refused: what it leads to is not the revision's."""
    (repository / "1.sql").symlink_to("app.js")
    for words in (["add", "."], ["commit", "-q", "-m", "two"]):
        subprocess.run(["git", *words], cwd=repository, env=ENVIRON, check=True)
    with pytest.raises(CommandError, match=r"1\.sql is a symbolic link"):
        code.files_at(repository, ENVIRON, "HEAD", ".")


def test_a_link_beside_the_migrations_is_passed_over(repository: Path) -> None:
    """Only a file of SQL must be one."""
    (repository / "README.md").symlink_to("app.js")
    for words in (["add", "."], ["commit", "-q", "-m", "two"]):
        subprocess.run(["git", *words], cwd=repository, env=ENVIRON, check=True)
    assert code.files_at(repository, ENVIRON, "HEAD", ".") == (("app.js", b"1"),)


def test_a_file_that_git_has_lost_is_said_as_such(repository: Path) -> None:
    """A copy of the repository may be broken."""
    words = ["git", "rev-parse", "HEAD:app.js"]
    name = subprocess.run(words, cwd=repository, env=ENVIRON, check=True, capture_output=True)
    blob = name.stdout.decode().strip()
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(CommandError, match="git has lost a file"):
        code.files_at(repository, ENVIRON, "HEAD", ".")


def test_a_directory_behind_a_link_of_the_repository_is_refused(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In another revision the link may lead elsewhere; one that leads to the repository may not."""
    (repository / "v1").mkdir()
    (repository / "migrations").symlink_to("v1")
    with pytest.raises(CommandError, match="migrations is a symbolic link"):
        code.place_within(repository, repository / "migrations")
    beside = tmp_path_factory.mktemp("beside")
    (beside / "app").symlink_to(repository)
    assert code.place_within(repository, beside / "app" / "v1") == "v1"


def test_a_submodules_files_are_those_that_the_revision_names(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is checked out in it; a repository that is none stays beside this one."""
    other = tmp_path_factory.mktemp("other")
    (other / "db").mkdir()

    def git(place: Path, *words: str) -> str:
        command = ["git", "-c", "protocol.file.allow=always", *words]
        ran = subprocess.run(command, cwd=place, env=ENVIRON, check=True, capture_output=True)
        return ran.stdout.decode().strip()

    git(other, "init", "-q")
    for text in ("one", "two"):
        (other / "db" / "1.sql").write_text(text, encoding="utf-8")
        git(other, "add", ".")
        git(other, "commit", "-q", "-m", text)
    git(repository, "submodule", "add", "-q", str(other), "sub")
    git(repository, "commit", "-q", "-m", "with a submodule")
    inner = repository / "sub"
    git(inner, "checkout", "-q", "HEAD~1")
    found = code.holder(repository, ENVIRON, "HEAD", inner / "db")
    assert found == (inner, git(other, "rev-parse", "HEAD"), "db")
    assert code.files_at(found[0], ENVIRON, found[1], found[2]) == (("1.sql", b"two"),)
    assert code.holder(repository, ENVIRON, "v1", inner / "db") is None
    assert code.holder(repository, ENVIRON, "HEAD", other / "db") is None
    copy = tmp_path_factory.mktemp("copies") / "copy"
    release.copy_of(repository, ENVIRON, "HEAD", copy)
    assert (copy / "sub" / "db" / "1.sql").read_text(encoding="utf-8") == "two"
    assert (inner / "db" / "1.sql").read_text(encoding="utf-8") == "one"


def test_a_directory_lies_within_a_repository_or_not(repository: Path, tmp_path: Path) -> None:
    """One with a repository of its own does not, nor one beside it."""
    app, own = repository / "app", repository / "vendor"
    (app / "db").mkdir(parents=True)
    own.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=own, env=ENVIRON, check=True)
    assert code.place_within(app, app / "db") == "app/db"
    assert code.place_within(app, repository) == "."
    assert code.place_within(app, own) is None
    assert code.place_within(app, tmp_path.parent) is None


def commit(repository: Path, subject: str, author: str = "a") -> str:
    """Commit something; its name."""
    environ = {**ENVIRON, "GIT_AUTHOR_NAME": author}
    words = ["git", "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", subject]
    subprocess.run(words, cwd=repository, env=environ, check=True)
    return code.head(repository, ENVIRON)


def test_the_commits_between_two_revisions_are_counted_and_the_newest_named(
    repository: Path,
) -> None:
    """Ten at the most, whatever their authors wrote; a secret of the session is masked."""
    before = code.head(repository, ENVIRON)
    for number in range(11):
        commit(repository, f"number {number}")
    after = commit(repository, "<script>\u202e hush-hush\x1f\nbody", "&lt;e'e")
    environ = {**ENVIRON, "A_SECRET": "hush-hush"}
    found = code.change(repository, environ, before, after)
    assert (found.added, found.taken_back, found.unknown) == (12, 0, None)
    assert len(found.commits) == 10
    newest = found.commits[0]
    assert (newest.sha, newest.author) == (after, "&lt;e'e")
    assert newest.subject.startswith("<script>\u202e ")
    assert "hush" not in newest.subject
    assert found.commits[1].subject == "number 10"


def test_what_an_older_revision_lacks_is_counted(repository: Path) -> None:
    """Whoever approves it takes these commits back."""
    before = code.head(repository, ENVIRON)
    after = commit(repository, "more")
    found = code.change(repository, ENVIRON, after, before)
    assert (found.added, found.taken_back, found.commits) == (0, 1, ())


def test_a_shallow_clone_says_so(repository: Path, tmp_path: Path) -> None:
    """It may not have every commit; the commit before may not be there at all."""
    before = code.head(repository, ENVIRON)
    between = commit(repository, "two")
    after = commit(repository, "three")
    clone = tmp_path / "clone"
    words = ["git", "clone", "-q", "--depth=2", repository.as_uri(), str(clone)]
    subprocess.run(words, env=ENVIRON, check=True)
    found = code.change(clone, ENVIRON, between, after)
    assert (found.added, found.unknown) == (1, Remark(Says.SHALLOW))
    lost = code.change(clone, ENVIRON, before, after)
    assert lost.unknown
    assert (lost.unknown.says, lost.commits) == (Says.GIT_FAILED, ())


def test_why_the_commits_are_not_known_is_said(repository: Path, tmp_path: Path) -> None:
    """No repository, no revision before, no git."""
    head = code.head(repository, ENVIRON)
    assert code.change(None, ENVIRON, head, head).unknown == Remark(Says.NO_REPOSITORY)
    assert code.change(repository, ENVIRON, "unknown", head).unknown == Remark(Says.NO_PREVIOUS)
    without = code.change(repository, {"PATH": str(tmp_path / "empty")}, head, head).unknown
    assert without == Remark(Says.GIT_FAILED, detail="git is not installed")
