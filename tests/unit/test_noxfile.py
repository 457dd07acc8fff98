"""The noxfile in a checkout of its own: what it says before any session has begun its work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.config.project import Project

ROOT = Project.find(Path(__file__).parent).root
IDLE = '\n\n@nox.session\ndef idle(session):\n    session.log("idle")\n'

Nox = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Nox:
    """Run a session in a copy of the project, where no uv is to be found."""
    noxfile = tmp_path / "noxfile.py"
    noxfile.write_text((ROOT / "noxfile.py").read_text(encoding="utf-8") + IDLE, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "uv.py").write_text("raise ImportError\n", encoding="utf-8")

    def nox(session: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--session", session],
            env={**os.environ, "PYTHONPATH": str(hidden), "PATH": str(hidden)},
            capture_output=True,
            text=True,
            check=False,
        )

    return nox


def test_nothing_is_said_of_a_uv_that_nobody_needs(run: Nox) -> None:
    """Nox looks for it at each start; what it does not find does not matter."""
    told = run("idle")
    assert told.returncode == 0
    assert "idle" in told.stderr
    assert "uv binary" not in told.stderr


def test_a_checkout_that_cannot_be_written_is_told_in_one_line(run: Nox, tmp_path: Path) -> None:
    """Not in a traceback."""
    (tmp_path / ".nox").touch()
    told = run("docs")
    assert told.returncode == 1
    assert f"{tmp_path / '.nox'} cannot be written (" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("report", "code", "says"),
    [
        ('{"dependencies": [{"name": "a", "vulns": []}]}', 0, "1 packages, and no vulnerability"),
        (
            '{"dependencies": [{"name": "a", "vulns": [{"id": "CVE-1"}]}, {"name": "b"}]}',
            1,
            "vulnerabilities are known: a (CVE-1)",
        ),
        (
            '{"dependencies": [{"name": "a", "vulns": []}, {"name": "b", "skip_reason": "?"}]}',
            1,
            "NOT audited: the advisories of 1 of 2 packages could not be had",
        ),
        ('{"dependencies": []}', 1, "NOT audited: the advisories could not be had"),
        ("", 1, "NOT audited: the advisories could not be had"),
    ],
    ids=["all is well", "a vulnerability", "one package unasked", "no package", "no report"],
)
def test_an_audit_that_could_not_ask_is_no_pass(
    run: Nox, tmp_path: Path, report: str, code: int, says: str
) -> None:
    """The tool itself ends with 0 where it could ask about nothing: its report is judged."""
    program = tmp_path / ".nox" / "audit" / "bin" / "pip-audit"
    program.parent.mkdir(parents=True)
    answer = f"printf '%s' '{report}' > \"${{word#--output=}}\"" if report else ":"
    case = f"case $word in --output=*) {answer} ;; esac"
    program.write_text(f"#!/bin/sh\nfor word; do {case}; done\n", encoding="utf-8")
    program.chmod(0o755)
    with (tmp_path / "noxfile.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef _make_ready(session, home):\n    session.log(home.name)\n")
    told = run("audit")
    assert told.returncode == code, told.stderr
    assert says in told.stderr
    assert "Traceback" not in told.stderr
