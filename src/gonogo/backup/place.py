"""The directory of the backups: whether it can take another one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def place_problem(directory: Path, needed_bytes: int) -> str:
    """Why a directory cannot take a backup; empty when it can.

    Args:
        directory: Where backups are kept; it need not be there yet.
        needed_bytes: How much room there must be.
    """
    there = directory
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        return f"{there} is no directory: set backup_dir in rollout.toml"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{there} cannot be written: make it so, or set backup_dir in rollout.toml"
    free_bytes = shutil.disk_usage(there).free
    if free_bytes < needed_bytes:
        return (
            f"{directory} has {free_bytes / 1e6:,.0f} MB free, a backup may take"
            f" {needed_bytes / 1e6:,.0f} MB: free some room, or set backup_dir in rollout.toml"
        )
    return ""
