"""``nox -s release``: make the release that CHANGELOG.md and the version of HEAD name.

Everything is made twice, from two exports of the commit, and must have the same bytes: whoever
checks out the tag makes the same files. What stands in the way is one line.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

CHANGELOG = Path("CHANGELOG.md")
SOURCE = Path("src/gonogo/__init__.py")
LOCK = Path("locks/gonogo.txt")
UNRELEASED = "Unreleased"
SECTION = re.compile(
    r"^## \[([^\]\n]+)\](?: - ([^\n]+))?\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
NUMBERS = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class ReleaseError(Exception):
    """What stands in the way of a release, in one line."""


@dataclass(frozen=True, slots=True)
class Release:
    """What HEAD is a release of.

    Args:
        version: Three numbers.
        day: When it is released.
        text: Its section of the changelog.
        commit: HEAD.
        tagged: Whether the tag is there already, at this commit.
    """

    version: str
    day: date
    text: str
    commit: str
    tagged: bool


def main(words: Sequence[str]) -> int:
    """Prepare, check or make a release; the exit code."""
    try:
        said = _carried_out(words)
    except ReleaseError as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    sys.stdout.write(f"release: {said}\n")
    return 0


def _carried_out(words: Sequence[str]) -> str:
    match words:
        case ["prepare", version]:
            return prepare(version, datetime.now(UTC).date())
        case ["check"]:
            return f"{ready().version} can be made"
        case []:
            return make(ready())
        case _:
            raise ReleaseError("it takes no word, or `prepare VERSION`")


def prepare(version: str, today: date) -> str:
    """Give what is unreleased a version and today's date; what to do next.

    Raises:
        ReleaseError: It cannot be.
    """
    _require_clean_tree()
    before = _version()
    if _numbers(version) <= _numbers(before):
        raise ReleaseError(f"{version} does not come after {before}")
    if _git("tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} exists: name a later version")
    changelog = CHANGELOG.read_text(encoding="utf-8")
    if not _sections(changelog).get(UNRELEASED, (None, ""))[1]:
        raise ReleaseError(f"{CHANGELOG} has no text under [{UNRELEASED}]: there is nothing new")
    head = f"## [{UNRELEASED}]\n"
    CHANGELOG.write_text(
        changelog.replace(head, f"{head}\n## [{version}] - {today}\n", 1), encoding="utf-8"
    )
    source = SOURCE.read_text(encoding="utf-8")
    SOURCE.write_text(VERSION.sub(f'__version__ = "{version}"', source), encoding="utf-8")
    return f"{CHANGELOG} and {SOURCE} say {version} now: commit them, then run this without a word"


def ready() -> Release:
    """The release that HEAD is.

    Raises:
        ReleaseError: It is none, and why.
    """
    _require_clean_tree()
    version = _version()
    sections = _sections(CHANGELOG.read_text(encoding="utf-8"))
    if sections.pop(UNRELEASED, (None, ""))[1]:
        raise ReleaseError(
            f"{CHANGELOG} has text under [{UNRELEASED}]: give it a version with `prepare VERSION`"
        )
    newest = next(iter(sections), None)
    if newest != version:
        raise ReleaseError(
            f"{CHANGELOG} says {newest or 'no version'}, and {SOURCE} says {version}"
        )
    _numbers(version)
    day, text = sections[version]
    if not text:
        raise ReleaseError(f"{CHANGELOG} has no text under [{version}]")
    commit, tag = _git("rev-parse", "HEAD"), f"v{version}"
    tagged = _git("rev-parse", f"{tag}^{{commit}}") if _git("tag", "--list", tag) else None
    if tagged not in {None, commit}:
        raise ReleaseError(f"the tag {tag} exists, at another commit: name a later version")
    return Release(version, _day(day), text, commit, tagged is not None)


def make(release: Release) -> str:
    """Make wheel, sdist, SBOM, notes and their hashes in ``dist/``; what to do next.

    Raises:
        ReleaseError: Two builds differ, or one failed.
    """
    target = Path("dist", release.version)
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as place:
        first, second = (_build(release, Path(place, name)) for name in ("first", "second"))
        hashes, others = _hashes(first), _hashes(second)
        if differing := sorted(name for name in hashes if hashes[name] != others.get(name)):
            raise ReleaseError(f"two builds of this commit differ in {', '.join(differing)}")
        shutil.copytree(first, target)
    sums = "".join(f"{digest}  {name}\n" for name, digest in hashes.items())
    (target / "SHA256SUMS").write_text(sums, encoding="utf-8")
    sys.stdout.write(sums)
    if release.tagged:
        return f"{target} holds what the tag v{release.version} is"
    tag = f'git tag --annotate v{release.version} --message "gonogo {release.version}"'
    return f"{target} is made; now: {tag} {release.commit}"


def _build(release: Release, place: Path) -> Path:
    """Build everything once, from an export of the commit."""
    tree, made = place / "tree", place / "made"
    made.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", release.commit], capture_output=True, check=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(tree, filter="data")
    except tarfile.TarError as error:
        raise ReleaseError(f"the commit holds what no other machine has: {error}") from None
    built = ("hatchling", "build", "--target=wheel", "--target=sdist", f"--directory={made}")
    _run(tree, sys.executable, "-m", *built)
    sbom = made / f"gonogo-{release.version}.cdx.json"
    sbom.write_text(_listed(release, tree, place), encoding="utf-8")
    notes = f"# gonogo {release.version}\n\n{release.day}, commit {release.commit}\n\n"
    (made / "NOTES.md").write_text(f"{notes}{release.text}\n", encoding="utf-8")
    return made


def _listed(release: Release, tree: Path, place: Path) -> str:
    """The SBOM: what the lock pins, and what of it gonogo itself asks for."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415  # only a release installs it
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415  # likewise

    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # pyproject.toml leaves the version to the source, where the tool does not look.
    about = {"name": project["name"], "version": release.version, "license": project["license"]}
    lines = "".join(f'{key} = "{text}"\n' for key, text in about.items())
    (place / "pyproject.toml").write_text(f"[project]\n{lines}", encoding="utf-8")
    options = (f"--pyproject={place / 'pyproject.toml'}", "--sv=1.6", "--output-reproducible")
    program, file = str(Path(sys.executable).with_name("cyclonedx-py")), place / "sbom.json"
    _run(tree, program, "requirements", *options, f"--output-file={file}", str(LOCK))
    sbom = json.loads(file.read_bytes())
    asked = {
        re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0].lower()
        for one in (*project["dependencies"], *project["optional-dependencies"]["sandbox"])
    }
    # A lock does not say which package needs which. Whatever the tool lists without a dependency
    # is one that has none; what is not listed is unknown.
    root = sbom["metadata"]["component"]["bom-ref"]
    direct = [one["bom-ref"] for one in sbom["components"] if one["name"] in asked]
    sbom["dependencies"] = [{"ref": root, "dependsOn": direct}]
    text = json.dumps(sbom, indent=2) + "\n"
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ReleaseError(f"the SBOM is not as CycloneDX asks: {str(problem).splitlines()[0]}")
    return text


def _run(tree: Path, *words: str) -> None:
    epoch = _git("log", "-1", "--format=%ct", "HEAD")
    environ = os.environ | {"SOURCE_DATE_EPOCH": epoch}
    ended = subprocess.run(
        words, cwd=tree, env=environ, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise ReleaseError(f"{' '.join(words[:4])} failed: {ended.stderr.strip()[-500:]}")


def _hashes(place: Path) -> dict[str, str]:
    files = sorted(place.iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _require_clean_tree() -> None:
    changed = [line[3:] for line in _git("status", "--porcelain").splitlines()]
    if changed:
        some = ", ".join(changed[:3]) + (" …" if changed[3:] else "")
        raise ReleaseError(f"the working tree is not what HEAD is: {some}")


def _version() -> str:
    found = VERSION.search(SOURCE.read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError(f"{SOURCE} names no version")
    return found[1]


def _numbers(version: str) -> tuple[int, ...]:
    if not NUMBERS.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version: name three numbers, such as 0.2.0")
    return tuple(map(int, version.split(".")))


def _sections(changelog: str) -> dict[str, tuple[str | None, str]]:
    """The changelog's sections by name: the date behind it, and the text."""
    return {name: (day or None, text.strip()) for name, day, text in SECTION.findall(changelog)}


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise ReleaseError(f"{CHANGELOG}: {text!r} is no date, such as 2026-11-30") from None


def _git(*words: str) -> str:
    ended = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ReleaseError(f"git {words[0]}: {ended.stderr.strip()}")
    return ended.stdout.rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
