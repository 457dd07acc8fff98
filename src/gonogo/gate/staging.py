"""Where pytest's own reports are written before the record's directory is known."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from gonogo.config.project import Project

PREFIX = "gate-"
NAME = re.compile(r"gate-(\d+)-")


def staging_directory(project: Project) -> Path:
    """Make a directory for one run, and remove what killed runs left.

    Args:
        project: It lies in the project's working directory, or, where that cannot be written, in
            the system's temporary one.
    """
    try:
        project.work_dir.mkdir(exist_ok=True)
        sweep(project)
        return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=project.work_dir))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="gonogo-"))


def sweep(project: Project) -> None:
    """Remove what killed runs left in the project's working directory."""
    for left in project.work_dir.glob(f"{PREFIX}*"):
        _sweep(left)


def _sweep(left: Path) -> None:
    match = NAME.match(left.name)
    try:
        os.kill(int(match[1]) if match else 0, 0)
    except ProcessLookupError:
        shutil.rmtree(left, ignore_errors=True)
    except PermissionError:
        # Somebody else's process has that number: it may be theirs.
        return
