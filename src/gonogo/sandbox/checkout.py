"""Copies of a project: what a gate and a rehearsal need of it."""

from __future__ import annotations

import shutil
from pathlib import Path

NEEDED = (
    "checks",
    "migrations",
    "conftest.py",
    "pyproject.toml",
    "rollout.toml",
    ".squawk.toml",
)


def copy_project(source: Path, target: Path) -> Path:
    """Copy a project, without its archive and other leftovers.

    Args:
        source: The project's root.
        target: Where to; made when it is missing.

    Returns:
        The target.
    """
    for name in NEEDED:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source / name, target / name, ignore=ignored)
        else:
            shutil.copy(source / name, target / name)
    return target
