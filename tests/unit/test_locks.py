"""The locks hold what pyproject.toml asks for, pinned and hashed, and nothing of one machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gonogo.config.project import Project

ROOT = Project.find(Path(__file__).parent).root
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PYPROJECT["dependency-groups"]
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
RUNTIME = [*PROJECT["dependencies"], *EXTRAS["sandbox"], *EXTRAS["notify"], *GROUPS["build"]]
WANTED = {
    "gonogo": RUNTIME,
    "dev": [*RUNTIME, *GROUPS["test"], *GROUPS["lint"], *GROUPS["nox"]],
    "nox": GROUPS["nox"],
    "lock": GROUPS["lock"],
    "release": GROUPS["release"],
}
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)", re.MULTILINE)
LINE = re.compile(r"([a-z0-9-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?)")


def read(name: str) -> str:
    """A lock's text."""
    return (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package; platforms may differ."""
    found: dict[str, set[str]] = {}
    for pin in PIN.finditer(read(name)):
        found.setdefault(pin["name"], set()).add(pin["version"])
    return found


def test_there_is_a_lock_for_each_home_and_none_beside() -> None:
    """No lock is left over from a home that is gone."""
    assert {path.stem for path in (ROOT / "locks").glob("*")} == set(WANTED)


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_satisfies_what_the_project_asks_for(name: str) -> None:
    """`./noxw -s lock` was run after the last change of a requirement."""
    locked = pins(name)
    for requirement in map(Requirement, WANTED[name]):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not locked"
        assert all(requirement.specifier.contains(version) for version in versions)


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_is_pins_and_hashes_only(name: str) -> None:
    """No index, no path, no option: whoever installs brings their own registry."""
    assert [line for line in read(name).splitlines() if not LINE.fullmatch(line)] == []


def test_developers_run_what_users_run() -> None:
    """The tests prove the very versions that `rehearse` and `gate` install."""
    dev = pins("dev")
    assert {name: dev[name] for name in pins("gonogo")} == pins("gonogo")


def test_the_noxfile_asks_for_the_nox_that_the_project_asks_for() -> None:
    """`uv run noxfile.py` and `./noxw` agree on what nox is new enough."""
    script = re.search(r"^# dependencies = (\[.*\])$", _noxfile(), re.MULTILINE)
    assert script
    assert tomllib.loads(f"x = {script[1]}")["x"] == GROUPS["nox"]
    assert f'# requires-python = "{PROJECT["requires-python"]}"' in _noxfile()


def _noxfile() -> str:
    return (ROOT / "noxfile.py").read_text(encoding="utf-8")
