"""A whole release of a clone: wheel, sdist, SBOM, notes and their hashes, the same each time."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
VERSION = "9.8.7"
WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
PIN = re.compile(r"^([a-z0-9-]+)==([^\s;]+)", re.MULTILINE)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what locks/release.txt pins."""
    home = tmp_path_factory.mktemp("release")
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    lock = f"--requirement={ROOT / 'locks' / 'release.txt'}"
    words = (home / "bin" / "pip", "install", "--quiet", "--no-compile", "--require-hashes", lock)
    installed = subprocess.run(words, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"pip cannot install the lock: {installed.stderr[-300:]}")
    return home / "bin" / "python"


def run(place: Path, *words: str | Path) -> str:
    """What a program prints there."""
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Path:
    """A clone whose HEAD is prepared to be a release."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout of git, so there is nothing to clone")
    place = tmp_path_factory.mktemp("clones") / "first"
    run(ROOT, "git", "clone", "--quiet", "--shared", ROOT, place)
    changelog = place / "CHANGELOG.md"
    text = re.sub(r"## \[Unreleased\]\n", "\\g<0>\n- A line.\n", changelog.read_text("utf-8"))
    changelog.write_text(text, encoding="utf-8")
    run(place, "git", *WHO, "commit", "--quiet", "--all", "--message", "A line")
    run(place, python, "-m", "lab.release", "prepare", VERSION)
    run(place, "git", *WHO, "commit", "--quiet", "--all", "--message", VERSION)
    return place


def made(place: Path, python: Path) -> dict[str, str]:
    """The hashes of what a release makes there, by name."""
    run(place, python, "-m", "lab.release")
    dist = place / "dist" / VERSION
    run(dist, "sha256sum", "--check", "--quiet", "SHA256SUMS")
    files = [file for file in dist.iterdir() if file.name != "SHA256SUMS"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def hashes(clone: Path, python: Path) -> dict[str, str]:
    """Those of the release that was made in the clone."""
    return made(clone, python)


def test_a_release_is_the_same_wherever_and_whenever_it_is_made(
    clone: Path, python: Path, hashes: dict[str, str], tmp_path: Path
) -> None:
    """Another clone, another moment, another umask: every file has the same hash."""
    assert set(hashes) == {
        f"gonogo-{VERSION}-py3-none-any.whl",
        f"gonogo-{VERSION}.tar.gz",
        f"gonogo-{VERSION}.cdx.json",
        "NOTES.md",
    }
    other = tmp_path / "elsewhere" / "second"
    run(tmp_path, "sh", "-c", f"umask 077; git clone --quiet --shared {clone} {other}")
    assert made(other, python) == hashes


@pytest.mark.usefixtures("hashes")
def test_the_sbom_names_what_the_lock_pins_and_the_wheel_its_version(clone: Path) -> None:
    """As CycloneDX, which its own tool has held against the schema, and as the wheel says."""
    dist = clone / "dist" / VERSION
    sbom = json.loads((dist / f"gonogo-{VERSION}.cdx.json").read_bytes())
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    about = sbom["metadata"]["component"]
    assert (about["name"], about["version"]) == ("gonogo", VERSION)
    listed = {(one["name"], one["version"]) for one in sbom["components"]}
    assert listed == set(PIN.findall((ROOT / "locks" / "gonogo.txt").read_text("utf-8")))
    assert all(one["purl"].startswith("pkg:pypi/") for one in sbom["components"])
    # What is listed without a dependency has none; of other packages a lock does not say.
    (root,) = sbom["dependencies"]
    assert root["ref"] == about["bom-ref"]
    asked = {one["name"] for one in sbom["components"] if one["bom-ref"] in root["dependsOn"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["sandbox"]]
    assert asked == {canonicalize_name(Requirement(one).name) for one in needed}
    with zipfile.ZipFile(dist / f"gonogo-{VERSION}-py3-none-any.whl") as wheel:
        metadata = wheel.read(f"gonogo-{VERSION}.dist-info/METADATA").decode()
        assert f"\nVersion: {VERSION}\n" in metadata
        assert f'"{VERSION}"' in wheel.read("gonogo/__init__.py").decode()
    notes = (dist / "NOTES.md").read_text("utf-8")
    assert notes.startswith(f"# gonogo {VERSION}\n\n")
    assert "- A line.\n" in notes
