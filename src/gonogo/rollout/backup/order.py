"""What a backup is asked for, and how its progress is measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import Tools

BackupCheck = Literal["restore", "read"]
# pg_dump's and pg_restore's own words with --verbose, in the C locale.
AT_TABLE = re.compile(
    r'pg_(?:dump|restore): (?:dumping contents of|processing data for) table "(.+)"$'
)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BackupOrder:
    """What to back up, and how to verify it.

    Args:
        database: The database.
        tools: The client tools of its version.
        directory: Where backups are kept.
        environment: Part of the file's name.
        check: How it is verified.
        progress: Called with the activity, bytes done, and bytes in all (0: unknown).
    """

    database: DatabaseSettings
    tools: Tools
    directory: Path
    environment: Environment
    check: BackupCheck = "restore"
    progress: Progress = lambda *_: None


@dataclass(slots=True)
class TableProgress:
    """Turns a tool's messages into bytes done of bytes in all.

    A table counts as done when the next one is begun; before, as far as the file has grown since,
    which is less than what it holds where the file is compressed.

    Args:
        what: The activity, as it is shown.
        sizes: Bytes of each table, by ``schema.table``.
        tell: Called with the activity, bytes done and bytes in all.
    """

    what: str
    sizes: Mapping[str, int]
    tell: Progress
    _begun: dict[str, int] = field(default_factory=dict, init=False)
    _written: int = field(default=0, init=False)
    _written_before: int = field(default=0, init=False)

    def line(self, line: str) -> None:
        """Read one message of the tool."""
        if match := AT_TABLE.match(line.strip()):
            # A table that is dumped in parts, or that we did not size, counts once, or nothing.
            self._begun[match[1]] = self.sizes.get(match[1], 0)
            self._written_before = self._written

    def tick(self, written_bytes: int = 0) -> None:
        """Report the progress.

        Args:
            written_bytes: The size of what has been written; 0 where it is unknown.
        """
        self._written = max(self._written, written_bytes)
        *done, at_work = self._begun.values() or (0,)
        grown = min(self._written - self._written_before, at_work)
        self.tell(self.what, sum(done) + grown, sum(self.sizes.values()))
