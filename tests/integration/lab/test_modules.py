"""The count of modules that a run enters."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_gate_run_and_a_sign_off_are_counted() -> None:
    """In a world of their own, which is gone afterwards."""
    finished = subprocess.run(
        [sys.executable, "-m", "lab.modules"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    assert "| `pytest checks/` | " in finished.stdout
    assert "| `gonogo sign_off` | " in finished.stdout
    assert "plugin/" in finished.stdout
    assert "signing/" in finished.stdout
