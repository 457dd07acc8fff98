"""The application's code, asked of git: its revision, a revision's files, what lies between two."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from gonogo.errors import CommandError, UsageError
from gonogo.masking import Mask, without_secrets
from gonogo.model.kinds import Says
from gonogo.model.measurement import Remark
from gonogo.model.step import Change, Commit

TIMEOUT_S = 60
MOST_COMMITS, MOST_OF_A_LINE = 10, 500
COMMIT = re.compile(r"[0-9a-f]{7,64}")
# A hook's own repository must not be taken for the application's.
LEFT_BEHIND = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
# git's mode of a symbolic link.
LINK = "120000"
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


def place_within(repository: Path, directory: Path) -> str | None:
    """Where a directory lies within a repository; None where it does not.

    Args:
        repository: The worktree, or a directory within it.
        directory: The other one; what lies in a repository of its own is not part of this one.

    Raises:
        CommandError: A symbolic link of the repository leads there.
    """
    top, meant = _top(repository), directory.resolve()
    if top is None or top != _top(meant):
        return None
    path = directory.absolute()
    for one in (path, *path.parents):
        if one.is_symlink() and _top(one.parent) == top:
            raise CommandError(
                f"{one} is a symbolic link, which may lead elsewhere in another revision",
                "name the directory that it leads to",
            )
    return meant.relative_to(top).as_posix()


def holder(
    repository: Path, environ: Mapping[str, str], revision: str, directory: Path
) -> tuple[Path, str, str] | None:
    """Which worktree has a directory's files as a revision has them, at which commit, and where.

    Args:
        repository: The worktree, or a directory within it.
        environ: The session's variables.
        revision: A branch, a tag or a commit of it.
        directory: It may lie in a submodule, which has the files at the commit that the revision
            names; None where it is no part of the repository.

    Raises:
        CommandError: git does not know a commit, or a symbolic link leads to the directory.
    """
    place = place_within(repository, directory)
    if place is not None:
        return repository, resolve(repository, environ, revision), place
    top, inner = _top(repository), _top(directory)
    if top is None or inner is None or top not in inner.parents:
        return None
    meant, within = resolve(repository, environ, revision), inner.relative_to(top).as_posix()
    listed = git(repository, environ, "ls-tree", "--full-tree", meant, within).split()
    if listed[1:2] != [b"commit"]:
        return None
    return inner, resolve(inner, environ, listed[2].decode()), place_within(inner, directory) or "."


def files_at(
    repository: Path, environ: Mapping[str, str], revision: str, place: str
) -> tuple[tuple[str, bytes], ...]:
    """The files of a directory as a revision has them, whatever is checked out.

    Args:
        repository: The worktree, or a directory within it.
        environ: The session's variables.
        revision: The commit.
        place: From `holder`; subdirectories are not read.

    Returns:
        Each file's name and bytes; none where the revision has no such directory.

    Raises:
        CommandError: git does not know the revision, has lost a file, or a file of SQL is a link.
    """
    tree = f"{revision}:{'' if place == '.' else place}"
    listed = git(repository, environ, "ls-tree", "-z", "--full-tree", tree, or_nothing=True)
    blobs: dict[str, str] = {}
    for entry in filter(None, listed.decode(errors="replace").split("\0")):
        (mode, kind, number), name = entry.partition("\t")[0].split(), entry.partition("\t")[2]
        if mode == LINK and name.lower().endswith(".sql"):
            raise CommandError(f"{place}/{name} is a symbolic link", "commit the file itself")
        if kind == "blob" and mode != LINK:
            blobs[name] = number
    asked = "".join(f"{number}\n" for number in blobs.values()).encode()
    answer = git(repository, environ, "cat-file", "--batch", given=asked)
    try:
        return tuple(zip(blobs, _split(answer), strict=True))
    except ValueError:
        raise CommandError(
            f"git has lost a file of {place}/ in {repository}", "fetch the revision again"
        ) from None


def change(
    repository: Path | None, environ: Mapping[str, str], before: str, revision: str
) -> Change:
    """What was committed between two revisions; why it is not known, where it is not.

    Args:
        repository: The worktree; None where the code is not in git.
        environ: The session's variables, whose secrets the commits' texts must not show.
        before: The revision that ran before.
        revision: The one after it.
    """
    mask = Mask.of(environ)
    if repository is None:
        return Change(before=before, unknown=Remark(Says.NO_REPOSITORY))
    if not COMMIT.fullmatch(before):
        return Change(before=before, unknown=Remark(Says.NO_PREVIOUS))
    try:
        first, last = (resolve(repository, environ, one) for one in (before, revision))
        counted = _git(
            repository, environ, "rev-list", "--count", "--left-right", f"{first}...{last}"
        )
        taken_back, added = map(int, counted.split())
        form = ("-c", "log.showSignature=false", "log", "-z", "--format=%H%x00%an%x00%s")
        most = f"--max-count={MOST_COMMITS}"
        fields = _git(repository, environ, *form, most, f"{first}..{last}").split("\0")
        shallow = _git(repository, environ, "rev-parse", "--is-shallow-repository") == "true"
    except CommandError as error:
        return Change(before=before, unknown=Remark(Says.GIT_FAILED, detail=mask(error.problem)))
    texts = [mask(text)[:MOST_OF_A_LINE] for text in fields]
    return Change(
        before=before,
        commits=tuple(map(Commit, texts[::3], texts[1::3], texts[2::3])) if added else (),
        added=added,
        taken_back=taken_back,
        unknown=Remark(Says.SHALLOW) if shallow else None,
    )


def _top(path: Path) -> Path | None:
    """The nearest directory upwards that is a worktree of git."""
    resolved = path.resolve()
    return next((one for one in (resolved, *resolved.parents) if (one / ".git").exists()), None)


def _split(answer: bytes) -> Iterator[bytes]:
    """The contents in an answer of ``git cat-file --batch``."""
    while answer:
        head, _, answer = answer.partition(b"\n")
        length = int(head.split()[-1])
        yield answer[:length]
        answer = answer[length + 1 :]


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
    return git(repository, environ, *words).decode(errors="replace").rstrip("\n")


def git(
    repository: Path,
    environ: Mapping[str, str],
    *words: str,
    given: bytes = b"",
    or_nothing: bool = False,
) -> bytes:
    """What git answers.

    Args:
        repository: Where it is asked.
        environ: The session's variables.
        words: What it is asked.
        given: What it reads.
        or_nothing: Whether a failure stands for an empty answer.

    Raises:
        CommandError: It failed.
    """
    seen = without_secrets(environ)
    env = {name: value for name, value in seen.items() if name not in LEFT_BEHIND}
    try:
        answer = subprocess.run(
            ["git", "-C", str(repository), *words],
            env=env,
            input=given,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise CommandError("git is not installed", "install it, or set git = false") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"git {words[0]} took more than {TIMEOUT_S} s in {repository}") from None
    if answer.returncode and or_nothing:
        return b""
    if answer.returncode:
        said = answer.stderr.decode(errors="replace").strip().splitlines()
        raise CommandError(
            f"git {words[0]} failed in {repository}: {said[-1] if said else 'it said nothing'}",
            "check git and cwd in rollout.toml, and the revision",
        )
    return answer.stdout
