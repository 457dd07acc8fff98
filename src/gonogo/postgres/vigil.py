"""Watches over a program of PostgreSQL's that waits for its server, for it would wait for ever."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from gonogo.errors import DatabaseError
from gonogo.postgres.sentinel import gone
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.watchdog import PROBE_AFTER_S


@dataclass(slots=True)
class Vigil:
    """Asks a server for a sign of life now and then, over a connection of its own.

    Args:
        database: Where the program connects.
    """

    database: DatabaseSettings
    _ask_at: float = field(default_factory=lambda: time.monotonic() + PROBE_AFTER_S, init=False)

    def tick(self) -> None:
        """Look whether it is time, and ask.

        Raises:
            DatabaseError: The server gave no sign of life, twice in a row.
        """
        if time.monotonic() < self._ask_at:
            return
        if gone(self.database):
            raise DatabaseError("the database stopped answering")
        self._ask_at = time.monotonic() + PROBE_AFTER_S
