"""The proof of a backup: read to its end, restored into a scratch database, and counted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gonogo.errors import BackupError
from gonogo.postgres.session import connect
from gonogo.postgres.settings import DatabaseSettings
from gonogo.rollout.backup.order import BackupOrder
from gonogo.rollout.backup.progress import TableProgress
from gonogo.rollout.backup.scratch import scratch_database
from gonogo.rollout.backup.tables import TABLES, count_rows

UNCHANGED = "nothing was changed"


def prove(
    order: BackupOrder, partial: Path, rows: Mapping[str, int], sizes: Mapping[str, int]
) -> None:
    """Prove that a dump holds what was in the snapshot that it was taken from.

    Args:
        order: What was ordered.
        partial: The dump.
        rows: Rows by table within the snapshot.
        sizes: Bytes by table, to tell how far it is.

    Raises:
        BackupError: It cannot be read, or holds something else.
    """
    size_bytes = partial.stat().st_size
    order.progress("read", 0, size_bytes)
    # A listing is not enough: it accepts a dump cut in half.
    order.tools.run("pg_restore", ["--file=/dev/null", str(partial)])
    order.progress("read", size_bytes, size_bytes)
    if order.check == "restore":
        with scratch_database(order.database) as scratch:
            _restore(order, scratch, partial, sizes)
            _compare(scratch, partial, rows)


def _restore(
    order: BackupOrder, scratch: DatabaseSettings, partial: Path, sizes: Mapping[str, int]
) -> None:
    progress = TableProgress("restore", sizes, order.progress)
    jobs = min(os.cpu_count() or 1, 4)
    whole = ["--exit-on-error", "--no-owner", "--no-privileges"]
    order.tools.run(
        "pg_restore",
        ["--verbose", *whole, f"--jobs={jobs}", str(partial)],
        scratch,
        on_tick=progress.tick,
        on_line=progress.line,
    )
    progress.tick()


def _compare(scratch: DatabaseSettings, partial: Path, rows: Mapping[str, int]) -> None:
    with connect(scratch.conninfo, "gonogo backup") as connection:
        restored = count_rows(connection, connection.execute(TABLES).fetchall())
    differing = sorted(
        table for table in rows.keys() | restored.keys() if rows.get(table) != restored.get(table)
    )
    if differing:
        raise BackupError(
            f"the restored backup differs in {', '.join(differing[:5])}"
            f" ({len(differing)} of {len(rows)} tables)",
            f"{UNCHANGED}; keep {partial} for a look",
            step="backup",
        )
