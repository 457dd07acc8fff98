"""A backup that is proved: dumped from one snapshot, read to its end, restored, and counted.

    plan → snapshot and counts → dump to `.partial` → rename → verify

Nothing of the database is changed, save for the scratch database of the verification, which is
dropped again however that ends.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import IsolationLevel

from gonogo.errors import BackupError
from gonogo.postgres.connection import first_line
from gonogo.postgres.session import Connection, connect
from gonogo.postgres.tools import Tools
from gonogo.record.files import make_directory, open_private
from gonogo.rollout.backup.order import BackupCheck, BackupOrder
from gonogo.rollout.backup.place import PARTIAL, ROOM_BESIDE_BYTES, place_problem
from gonogo.rollout.backup.progress import TableProgress
from gonogo.rollout.backup.proof import UNCHANGED, prove
from gonogo.rollout.backup.scratch import LOCK_WAIT, OURS
from gonogo.rollout.backup.tables import TABLES, count_rows

NAME_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class VerifiedBackup:
    """A backup that verified.

    Args:
        path: The file, in pg_dump's custom format.
        size_bytes: Its size.
        sha256: Of the file.
        tool_version: pg_dump's.
        made_at: When the snapshot was taken.
        verified_by: ``restore``: restored and counted; ``read``: read to its end.
        verified_at: When that was done.
        rows: Rows by table within the snapshot.
    """

    path: Path
    size_bytes: int
    sha256: str
    tool_version: str
    made_at: datetime
    verified_by: BackupCheck
    verified_at: datetime
    rows: Mapping[str, int]


def make_backup(order: BackupOrder) -> VerifiedBackup:
    """Back up a database and prove the backup.

    Returns:
        The verified backup; a file that did not verify keeps the ending ``.partial``.

    Raises:
        BackupError: No room, no right, a failed dump, or a dump that did not verify. Nothing of
            the database was changed.
    """
    made_at = datetime.now(UTC)
    path = _free_path(order.directory, f"backup_{order.environment}_{made_at.strftime(NAME_TIME)}")
    partial = path.with_suffix(PARTIAL)
    try:
        make_directory(order.directory)
        rows, sizes = _dump(order, partial)
        size_bytes, sha256 = partial.stat().st_size, file_sha256(partial)
        prove(order, partial, rows, sizes)
        _keep(partial, path)
    except psycopg.Error as error:
        raise BackupError(first_line(error), UNCHANGED, step="backup") from error
    except OSError as error:
        raise BackupError(str(error), UNCHANGED, step="backup") from error
    verified_at = datetime.now(UTC)
    return VerifiedBackup(
        path=path,
        size_bytes=size_bytes,
        sha256=sha256,
        tool_version=order.tools.version,
        made_at=made_at,
        verified_by=order.check,
        verified_at=verified_at,
        rows=rows,
    )


def _free_path(directory: Path, stem: str) -> Path:
    """A backup is never written over: one of the same second gets a number."""
    path, twin = directory / f"{stem}.dump", 2
    while path.exists():
        path, twin = directory / f"{stem}-{twin}.dump", twin + 1
    return path


def _dump(order: BackupOrder, partial: Path) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Write the dump, and count the tables within the very snapshot that it is taken from."""
    with connect(order.database.conninfo, "gonogo backup") as connection:
        connection.autocommit = False
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        # The snapshot must outlive the dump, however long that takes.
        connection.execute("set idle_in_transaction_session_timeout = 0")
        snapshot = _exported(connection)
        tables = connection.execute(TABLES).fetchall()
        total_bytes = sum(size for _, _, size in tables)
        if problem := place_problem(order.directory, total_bytes + ROOM_BESIDE_BYTES):
            raise BackupError(problem, UNCHANGED, step="backup")
        # Made first, so that no other user can read even its beginning.
        os.close(open_private(partial))
        sizes = {f"{schema}.{table}": int(size) for schema, table, size in tables}
        progress = TableProgress("dump", sizes, order.progress)
        order.tools.run(
            "pg_dump",
            _words(order.tools, snapshot, partial),
            order.database,
            on_tick=lambda: progress.tick(partial.stat().st_size),
            on_line=progress.line,
        )
        order.progress("dump", total_bytes, total_bytes)
        return count_rows(connection, tables) if order.check == "restore" else {}, sizes


def _words(tools: Tools, snapshot: str, partial: Path) -> list[str]:
    how = ["--verbose", "--format=custom", f"--compress={tools.compression}", LOCK_WAIT, *OURS]
    return [*how, f"--snapshot={snapshot}", f"--file={partial}"]


def _exported(connection: Connection) -> str:
    """The name of the snapshot that the connection's transaction sees."""
    row = connection.execute("select pg_export_snapshot()").fetchone()
    return str(row and row[0])


def file_sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _keep(partial: Path, path: Path) -> None:
    """Give the file its name only once it is whole, proved, and on the disk."""
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.rename(path)
