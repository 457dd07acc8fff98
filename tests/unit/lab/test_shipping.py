"""What is built of the project for those who use it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[3]


def test_the_lab_is_not_shipped(tmp_path: Path) -> None:
    """Neither in the wheel nor in the source distribution."""
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    (source,) = tmp_path.glob("*.tar.gz")
    with ZipFile(wheel) as packed:
        names = packed.namelist()
    with tarfile.open(source) as packed:
        names += [name.partition("/")[2] for name in packed.getnames()]
    assert "gonogo/__init__.py" in names
    assert "src/gonogo/__init__.py" in names
    assert [name for name in names if name.startswith(("lab/", "tests/"))] == []
