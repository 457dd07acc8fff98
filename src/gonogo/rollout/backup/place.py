"""The directory of the backups: room for another one, and what is left unfinished."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gonogo.model.kinds import Environment
from gonogo.postgres.session import Connection
from gonogo.rollout.backup.tables import TABLES

PARTIAL = ".dump.partial"
ROOM_BESIDE_BYTES = 16 * 1024**2


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


def remove_partial(directory: Path, environment: Environment) -> None:
    """Remove the dumps of an environment that no run finished.

    Args:
        directory: Where backups are kept.
        environment: Whose.
    """
    for left in directory.glob(f"backup_{environment}_*{PARTIAL}"):
        left.unlink(missing_ok=True)


def needed_bytes(connection: Connection) -> int:
    """How much room a backup may take: what the tables hold, were nothing of it compressed."""
    tables = connection.execute(TABLES).fetchall()
    return sum(int(size) for _, _, size in tables) + ROOM_BESIDE_BYTES
