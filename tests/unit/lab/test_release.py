"""Preparing a release and what stands in its way, in repositories of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.release import main

HEAD = "# Changelog\n\n## [Unreleased]\n"
TEXT = "\n### Added\n\n- A gate.\n"
OLDER = "\n## [0.1.0] - 2026-10-01\n\n- The first.\n"
Repository = Callable[..., None]


def git(*words: str) -> str:
    """What git says, in the working directory."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return subprocess.run(
        ["git", *who, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Commit a changelog and a version, in the repository that becomes the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git("init", "--quiet")

    def committed(changelog: str, version: str) -> None:
        source = tmp_path / "src" / "gonogo" / "__init__.py"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(f'"""A gate."""\n\n__version__ = "{version}"\n', encoding="utf-8")
        (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
        git("add", ".")
        git("commit", "--quiet", "--allow-empty", "--message", version)

    return committed


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line with which it refuses."""
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    return told.err.removeprefix("release: ").rstrip("\n")


def test_what_is_unreleased_gets_a_version_and_the_day(
    commit: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once that is committed, the release is ready."""
    commit(HEAD + TEXT + OLDER, "0.1.0")
    assert main(["prepare", "0.2.0"]) == 0
    today = datetime.now(UTC).date()
    assert Path("CHANGELOG.md").read_text() == f"{HEAD}\n## [0.2.0] - {today}\n{TEXT}{OLDER}"
    assert '__version__ = "0.2.0"' in Path("src/gonogo/__init__.py").read_text()
    git("commit", "--quiet", "--all", "--message", "0.2.0")
    assert main(["check"]) == 0
    assert "0.2.0 can be made" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changelog", "version", "says"),
    [
        (
            HEAD + OLDER,
            "0.2.0",
            "no text under [Unreleased]: there is nothing new",
        ),
        (OLDER, "0.2.0", "CHANGELOG.md has no text under [Unreleased]"),
        (HEAD + TEXT, "0.1.0", "0.1.0 does not come after 0.1.0"),
        (HEAD + TEXT, "0.0.9", "0.0.9 does not come after 0.1.0"),
        (HEAD + TEXT, "v0.2", "'v0.2' is no version: name three numbers, such as 0.2.0"),
        (HEAD + TEXT, "0.3.0", "the tag v0.3.0 exists: name a later version"),
    ],
)
def test_what_cannot_be_prepared_is_one_line(
    commit: Repository,
    changelog: str,
    version: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And nothing is written."""
    commit(changelog, "0.1.0")
    git("tag", "v0.3.0")
    assert says in refused(capsys, "prepare", version)
    assert git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("changelog", "version", "says"),
    [
        (HEAD + TEXT + OLDER, "0.1.0", "has text under [Unreleased]: give it a version with"),
        (HEAD + OLDER, "0.2.0", "CHANGELOG.md says 0.1.0, and src/gonogo/__init__.py says 0.2.0"),
        (HEAD, "0.1.0", "CHANGELOG.md says no version, and src/gonogo/__init__.py says 0.1.0"),
        (f"{HEAD}\n## [0.1.0] - 2026-10-01\n", "0.1.0", "has no text under [0.1.0]"),
        (f"{HEAD}\n## [0.1.0] - soon\n\n- A.\n", "0.1.0", "'soon' is no date, such as 2026-11-30"),
        (f"{HEAD}\n## [0.1.0]\n\n- A.\n", "0.1.0", "None is no date"),
    ],
)
def test_what_is_no_release_is_one_line(
    commit: Repository,
    changelog: str,
    version: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is built."""
    commit(changelog, version)
    assert says in refused(capsys, "check")


def test_a_tree_that_no_commit_holds_is_no_release(
    commit: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change or a file beside the commit is named, for preparing as well."""
    commit(HEAD + OLDER, "0.1.0")
    Path("CHANGELOG.md").write_text(HEAD + TEXT + OLDER, encoding="utf-8")
    Path("stray.py").touch()
    for words in (["check"], ["prepare", "0.2.0"]):
        told = refused(capsys, *words)
        assert told == "the working tree is not what HEAD is: CHANGELOG.md, stray.py"


def test_a_tag_of_another_commit_is_no_release(
    commit: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the tag itself it may be made again: that is how others compare."""
    commit(HEAD + OLDER, "0.1.0")
    git("tag", "--annotate", "v0.1.0", "--message", "gonogo 0.1.0")
    assert main(["check"]) == 0
    capsys.readouterr()
    commit(HEAD + OLDER, "0.1.0")
    assert "the tag v0.1.0 exists, at another commit" in refused(capsys, "check")


def test_an_unknown_word_is_one_line(
    commit: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not release by mistake."""
    commit(HEAD + OLDER, "0.1.0")
    assert refused(capsys, "publish") == "it takes no word, or `prepare VERSION`"


def test_a_link_out_of_the_tree_is_one_line(
    commit: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """What leads to another place of this machine is in no release."""
    Path("link").symlink_to("/srv/elsewhere")
    commit(HEAD + OLDER, "0.1.0")
    assert "'link' is a link to an absolute path" in refused(capsys)
