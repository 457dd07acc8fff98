"""Releases in directories of their own, and the link that says which one runs.

`releases/<revision>` is made and built beside what runs; `current`, next to `releases`, is a link
that is replaced in one step, and made by the first deployment. A release that was built to its end
is kept, for a rollback.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from gonogo.application import code
from gonogo.config.environments import EnvironmentConfig
from gonogo.errors import StepError

HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# How much room there must be for a release, beside the size of the one that runs.
ROOM = 1.2
WHOLE = ".built"
NEXT = ".next"
# git's mode of a submodule.
SUBMODULE = "160000"


def directory(section: EnvironmentConfig, revision: str) -> Path | None:
    """The release of a revision; None where the code is changed in place.

    Args:
        section: The environment's section of rollout.toml.
        revision: Its full name.
    """
    return section.releases / revision if section.releases else None


def workplace(section: EnvironmentConfig, revision: str) -> Path:
    """Where a revision is installed and built: `cwd`, as it lies within the release.

    Args:
        section: The environment's section of rollout.toml.
        revision: Its full name.
    """
    if section.releases is None or section.current is None:
        return section.cwd
    return section.releases / revision / section.cwd.relative_to(section.current)


def running(section: EnvironmentConfig) -> str:
    """The revision of the release that the link leads to; empty where it leads to none."""
    link, releases = section.current, section.releases
    if link is None or releases is None or not link.is_symlink():
        return ""
    meant = Path(os.path.realpath(link))
    return meant.name if meant.parent == releases.resolve() else ""


def is_first(section: EnvironmentConfig) -> bool:
    """Whether nothing was released here yet, and nothing stands where the link will lie."""
    return section.current is not None and not os.path.lexists(section.current)


def is_whole(section: EnvironmentConfig, revision: str) -> bool:
    """Whether a release was built to its end, or runs, and lies there still."""
    made = directory(section, revision)
    if made is None or not made.is_dir():
        return False
    return _mark(made).is_file() or running(section) == revision


def make(section: EnvironmentConfig, environ: Mapping[str, str], revision: str) -> bool:
    """Make the release of a revision, from its beginning unless it is whole.

    Args:
        section: The environment's section of rollout.toml.
        environ: The session's variables.
        revision: Its full name.

    Returns:
        Whether it was made; false where it is kept.

    Raises:
        CommandError: git does not know the revision, or cannot write there.
    """
    made, repository = directory(section, revision), section.repository
    if made is None or repository is None or is_whole(section, revision):
        return False
    if made.exists():
        shutil.rmtree(made)
    made.parent.mkdir(parents=True, exist_ok=True)
    code.git(repository, environ, "worktree", "prune")
    code.git(repository, environ, "worktree", "add", "--quiet", "--detach", str(made), revision)
    return True


def copy_of(repository: Path, environ: Mapping[str, str], revision: str, directory: Path) -> None:
    """Make a worktree of a revision elsewhere; the repository and its worktree stay as they are.

    A submodule that is there is copied too, at the commit that the revision names.

    Args:
        repository: The worktree, or a directory within it.
        environ: The session's variables.
        revision: The commit.
        directory: Where the copy will lie; it must not be there yet.

    Raises:
        CommandError: git does not know the revision, or cannot write there.
    """
    top = Path(_said(repository, environ, "rev-parse", "--show-toplevel"))
    clone = ("clone", "--quiet", "--shared", "--no-checkout", str(top), str(directory))
    code.git(repository, environ, *clone)
    code.git(directory, environ, "checkout", "--quiet", "--detach", revision)
    for entry in _said(directory, environ, "ls-tree", "-r", "-z", "HEAD").split("\0"):
        kind, _, place = entry.partition("\t")
        if kind.startswith(SUBMODULE) and (top / place / ".git").exists():
            copy_of(top / place, environ, kind.split()[-1], directory / place)


def _said(repository: Path, environ: Mapping[str, str], *words: str) -> str:
    return code.git(repository, environ, *words).decode(errors="replace").rstrip("\n")


def mark_whole(section: EnvironmentConfig, revision: str) -> None:
    """Write down that a release was built to its end."""
    if made := directory(section, revision):
        _mark(made).touch()


def switch(section: EnvironmentConfig, revision: str) -> Path | None:
    """Let the link lead to the release of a revision, in one step.

    Returns:
        The link; None where the code is changed in place.

    Raises:
        StepError: There is no such release, or something else lies where the link belongs.
    """
    made, link = directory(section, revision), section.current
    if made is None or link is None:
        return None
    if not made.is_dir():
        raise StepError(f"there is no release {made}", "run the same again: it is made anew")
    if link.exists() and not link.is_symlink():
        raise StepError(f"{link} is no link", "move it away: it becomes a link to the release")
    beside = link.with_name(link.name + NEXT)
    beside.unlink(missing_ok=True)
    beside.symlink_to(made)
    if runs := running(section):
        # Whoever linked it by hand wrote no mark, and a rollback must find it as it is.
        mark_whole(section, runs)
    # rename(2) replaces a link by a link: whoever starts sees the one or the other.
    beside.replace(link)
    return link


def problems(section: EnvironmentConfig) -> tuple[list[str], list[str]]:
    """What stands in the way of the next release, and what is worth knowing, a line each."""
    link, releases = section.current, section.releases
    if link is None or releases is None:
        return [], []
    if not link.is_symlink() and link.exists():
        # What runs becomes a release: it can be stopped, and a rollback finds it.
        into = f"{releases}/$(git -C {link} rev-parse HEAD)"
        once = f"mkdir -p {releases} && into={into} && mv {link} $into && ln -s $into {link}"
        return [f"{link} is no link: make it one, once, to what runs now: {once}"], []
    if is_first(section):
        return [], [f"nothing stands at {link} yet: this deployment makes the link"]
    if not running(section) or not link.is_dir():
        made = f"ln -sfn {releases}/REVISION {link}"
        return [f"{link} leads to no release ({link.readlink()}): let it lead to one: {made}"], []
    found = []
    needed_bytes = sum(
        file.lstat().st_size for file in link.resolve().rglob("*") if not file.is_dir()
    )
    free_bytes = shutil.disk_usage(releases).free
    if free_bytes < needed_bytes * ROOM:
        found.append(
            f"{releases} has {free_bytes / 1e6:,.0f} MB free, a release may take"
            f" {needed_bytes * ROOM / 1e6:,.0f} MB: free some room"
        )
    if not os.access(releases, os.W_OK | os.X_OK):
        found.append(f"{releases} cannot be written: make it so")
    half = [one.name for one in _made(releases) if not is_whole(section, one.name)]
    return found, [f"the release {name} was not built to its end: made anew" for name in half]


def clean(section: EnvironmentConfig, needed: Collection[str]) -> list[str]:
    """Remove the oldest releases that are not needed.

    Args:
        section: The environment's section of rollout.toml.
        needed: Revisions that stay, whatever their age; what runs stays too.

    Returns:
        The revisions whose releases were removed.

    Raises:
        OSError: One cannot be removed; it is no longer whole.
    """
    releases = section.releases
    if releases is None:
        return []
    needed = {*needed, running(section)}
    newest_first = sorted(_made(releases), key=lambda one: one.stat().st_mtime, reverse=True)
    kept = [one for one in newest_first if one.name in needed]
    others = [one for one in newest_first if one.name not in needed]
    old = others[max(section.keep_releases - len(kept), 0) :]
    for one in old:
        _mark(one).unlink(missing_ok=True)
        shutil.rmtree(one)
    # git forgets their worktrees before it adds the next one.
    return [one.name for one in old]


def _made(releases: Path) -> list[Path]:
    """The directories of releases: a git's full hash each, so that nothing else is touched."""
    there = releases.iterdir() if releases.is_dir() else ()
    return [one for one in there if one.is_dir() and HASH.fullmatch(one.name)]


def _mark(made: Path) -> Path:
    return made.with_name(made.name + WHOLE)
