"""What a backup is ordered by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gonogo.model.kinds import Environment
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.tools import Tools
from gonogo.rollout.backup.progress import Progress

BackupCheck = Literal["restore", "read"]


@dataclass(frozen=True, slots=True)
class BackupOrder:
    """What to back up, and how.

    Args:
        database: The database.
        tools: The client tools of its version.
        directory: Where backups are kept.
        environment: Part of the file's name.
        check: How it is verified.
        progress: Called with what goes on, bytes done, and bytes in all (0: unknown).
    """

    database: DatabaseSettings
    tools: Tools
    directory: Path
    environment: Environment
    check: BackupCheck = "restore"
    progress: Progress = lambda *_: None
