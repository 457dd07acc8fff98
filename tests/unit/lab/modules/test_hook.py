"""What counts as entering a module."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from gonogo.report.markdown import escape

ROOT = Path(__file__).parents[4]
MODULE = escape.__module__
FILE = f"{MODULE.removeprefix('gonogo.').replace('.', '/')}.py"


def counted(directory: Path, text: str) -> dict[str, list[str]]:
    """What a program of that text enters and imports."""
    (directory / "program.py").write_text(text, encoding="utf-8")
    out = directory / "out.json"
    subprocess.run(
        [sys.executable, "-m", "lab.modules.hook", str(out), "program"],
        cwd=directory,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        check=True,
    )
    found: dict[str, list[str]] = json.loads(out.read_bytes())
    return found


def test_a_module_is_entered_when_a_function_of_it_runs(tmp_path: Path) -> None:
    """Whoever calls it."""
    found = counted(tmp_path, f"import {MODULE}\n{MODULE}.{escape.__name__}('a')\n")
    assert found["entered"] == [FILE]


def test_a_module_that_is_imported_is_not_entered(tmp_path: Path) -> None:
    """Its body and its classes' bodies run, and are no functions."""
    found = counted(tmp_path, f"import {MODULE}\n")
    assert FILE not in found["entered"]
    assert FILE in found["imported"]


def test_a_function_that_runs_in_a_thread_counts(tmp_path: Path) -> None:
    """The gate measures in threads."""
    call = f"threading.Thread(target={MODULE}.{escape.__name__}, args=('a',)).start()"
    assert counted(tmp_path, f"import threading, {MODULE}\n{call}\n")["entered"] == [FILE]


def test_a_program_that_ends_by_itself_is_counted_all_the_same(tmp_path: Path) -> None:
    """As pytest and the command line do, with an exit code."""
    found = counted(tmp_path, f"import sys, {MODULE}\nsys.exit(0)\n")
    assert FILE in found["imported"]
