"""Releases: made beside what runs, kept when whole, switched to in one step."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from gonogo.application import code, release
from gonogo.config.environments import EnvironmentConfig
from gonogo.errors import StepError

AT = 1_700_000_000
ENVIRON = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": "a@b.c"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


@dataclass(frozen=True)
class Place:
    """A repository of two revisions, and where its releases go."""

    section: EnvironmentConfig
    old: str
    new: str

    def made(self, revision: str) -> Path:
        """Make a release and say that it is whole."""
        release.make(self.section, ENVIRON, revision)
        release.mark_whole(self.section, revision)
        found = release.directory(self.section, revision)
        assert found is not None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two commits, nothing released."""
    repository = tmp_path / "repository"
    repository.mkdir()

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=repository, env=ENVIRON, check=True)

    git("init", "--quiet")
    hashes = []
    for text in ("old", "new"):
        (repository / "api").mkdir(exist_ok=True)
        (repository / "api" / "file").write_text(text, encoding="utf-8")
        git("add", "--all")
        git("commit", "--quiet", "--message", text)
        hashes.append(code.head(repository, ENVIRON))
    section = EnvironmentConfig.model_validate(
        {
            "cwd": tmp_path / "current" / "api",
            "backup_dir": tmp_path,
            "git": repository,
            "releases": tmp_path / "releases",
        }
    )
    return Place(section, *hashes)


def test_a_release_holds_its_revision_beside_the_others(place: Place) -> None:
    """Each revision has its own files, and its commands run among them."""
    for revision, text in ((place.old, "old"), (place.new, "new")):
        place.made(revision)
        there = release.workplace(place.section, revision) / "file"
        assert there.read_text(encoding="utf-8") == text


def test_a_whole_release_is_kept(place: Place) -> None:
    """What was built to its end is not made again, so a rollback finds it."""
    built = place.made(place.old) / "built"
    built.touch()
    assert not release.make(place.section, ENVIRON, place.old)
    assert built.exists()


def test_a_release_that_was_cut_short_is_made_anew(place: Place) -> None:
    """Half an installation is worth nothing."""
    assert release.make(place.section, ENVIRON, place.old)
    left = place.section.releases
    assert left is not None
    (left / place.old / "half").touch()
    assert release.make(place.section, ENVIRON, place.old)
    assert not (left / place.old / "half").exists()


def test_the_link_leads_to_one_release_and_then_to_the_other(place: Place) -> None:
    """What runs is what the link says; before the first switch that is nothing known."""
    assert release.running(place.section) == ""
    for revision, text in ((place.old, "old"), (place.new, "new"), (place.old, "old")):
        place.made(revision)
        release.switch(place.section, revision)
        assert release.running(place.section) == revision
        assert (place.section.cwd / "file").read_text(encoding="utf-8") == text


def test_a_release_that_runs_is_never_made_anew(place: Place) -> None:
    """A release that a person linked by hand is kept though nobody wrote down that it is whole."""
    release.make(place.section, ENVIRON, place.old)
    release.switch(place.section, place.old)
    assert not release.make(place.section, ENVIRON, place.old)


def test_what_ran_is_kept_as_whole_when_the_link_moves_on(place: Place) -> None:
    """A rollback finds the release that a person built and linked by hand."""
    release.make(place.section, ENVIRON, place.old)
    release.switch(place.section, place.old)
    place.made(place.new)
    release.switch(place.section, place.new)
    assert release.is_whole(place.section, place.old)


def aged(place: Place, *names: str) -> None:
    """Releases of these names, the first one the oldest."""
    assert place.section.releases
    for days, name in enumerate(reversed(names)):
        made = place.section.releases / name
        made.mkdir(parents=True, exist_ok=True)
        made.with_name(f"{name}.built").touch()
        at = AT - days * 86_400
        os.utime(made, (at, at))


def test_the_oldest_releases_are_removed(place: Place) -> None:
    """The newest ones stay, what runs and what is needed always; nothing else is touched."""
    place.made(place.old)
    release.switch(place.section, place.old)
    others = [letter * 40 for letter in "abcd"]
    aged(place, place.old, *others)
    assert place.section.releases
    (place.section.releases / "notes").mkdir()
    assert sorted(release.clean(place.section, [others[0]])) == others[1:3]
    there = {one.name for one in place.section.releases.iterdir() if one.is_dir()}
    assert there == {place.old, others[0], others[3], "notes"}
    assert not release.is_whole(place.section, others[1])


def problem(place: Place) -> str:
    """The only one there is."""
    (found,), _ = release.problems(place.section)
    return found


def test_a_preflight_finds_what_is_wrong_with_the_link(place: Place) -> None:
    """It leads to what is no release, or is none: it says which command mends that."""
    current = place.section.current
    assert current is not None
    for elsewhere in (current, current.parent):
        current.symlink_to(elsewhere)
        assert "leads to no release" in problem(place)
        current.unlink()
    place.made(place.old)
    release.switch(place.section, place.old)
    assert release.problems(place.section) == ([], [])


def test_the_first_release_needs_no_link(place: Place) -> None:
    """Where nothing stands yet a preflight only says so, and the switch makes the link."""
    problems, (note,) = release.problems(place.section)
    assert (problems, "this deployment makes the link" in note) == ([], True)
    assert release.is_first(place.section)
    place.made(place.old)
    release.switch(place.section, place.old)
    assert not release.is_first(place.section)


def test_one_command_makes_a_release_of_a_directory_in_the_links_place(place: Place) -> None:
    """What runs there can be stopped afterwards, and a rollback finds it."""
    assert place.section.repository
    assert place.section.current
    clone = ("git", "clone", "--quiet", str(place.section.repository), str(place.section.current))
    subprocess.run(clone, env=ENVIRON, check=True)
    _, _, once = problem(place).partition("to what runs now: ")
    subprocess.run(["sh", "-e", "-c", once], env=ENVIRON, check=True)
    assert release.problems(place.section) == ([], [])
    assert release.running(place.section) == place.new


def test_a_preflight_finds_want_of_room_and_half_built_releases(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release may take as much as the one that runs; what was cut short is only remarked on."""
    place.made(place.old)
    release.switch(place.section, place.old)
    release.make(place.section, ENVIRON, place.new)
    _, (note,) = release.problems(place.section)
    assert f"{place.new} was not built to its end" in note
    full = shutil.disk_usage(place.section.backup_dir)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert "free some room" in problem(place)


def test_a_directory_in_the_place_of_the_link_is_not_replaced(place: Place) -> None:
    """What a team keeps there is not gonogo's to remove."""
    place.made(place.old)
    assert place.section.current is not None
    place.section.current.mkdir()
    with pytest.raises(StepError, match="is no link"):
        release.switch(place.section, place.old)


def test_there_is_no_switch_to_a_release_that_is_gone(place: Place) -> None:
    """A link that leads nowhere would take the application down."""
    with pytest.raises(StepError, match="no release"):
        release.switch(place.section, place.new)


def test_in_place_nothing_is_made_and_nothing_switched(tmp_path: Path) -> None:
    """Without releases the commands run in cwd."""
    section = EnvironmentConfig(cwd=tmp_path, backup_dir=tmp_path)
    assert not release.make(section, ENVIRON, "new")
    assert release.switch(section, "new") is None
    assert release.workplace(section, "new") == tmp_path
