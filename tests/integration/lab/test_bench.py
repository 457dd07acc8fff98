"""The benchmark runs, compares like with like, and leaves nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONTESTANTS = ("the gate's surveys", "written by hand", "one query a number", "the floor")


@pytest.mark.slow
def test_a_small_benchmark_prints_its_tables() -> None:
    """Every contestant has a row and every goal an answer; server and data are gone."""
    finished = subprocess.run(
        [sys.executable, "-m", "lab.bench", "20K", "--rounds=1", "--days=2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    for name in CONTESTANTS:
        assert f"| {name}" in finished.stdout
    assert "| memory flat in the number of rows |" in finished.stdout
    assert not (ROOT / ".gonogo" / "bench").exists()


def test_an_invalid_number_of_rows_is_refused() -> None:
    """The usage is printed, and no server is started."""
    finished = subprocess.run(
        [sys.executable, "-m", "lab.bench", "many"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 2
    assert "invalid" in finished.stderr
