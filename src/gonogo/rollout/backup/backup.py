"""A backup that is proved: dumped from one snapshot, read to its end, restored, and counted.

    plan → snapshot and counts → dump to `.partial` → rename → verify

Nothing of the database is changed, save for the scratch database of the verification, which is
dropped again however that ends.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import IsolationLevel

from gonogo.errors import BackupError
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_text, connect, first_line
from gonogo.postgres.tools import Tools
from gonogo.record.files import make_directory, open_private
from gonogo.rollout.backup.order import BackupCheck, BackupOrder, TableProgress
from gonogo.rollout.backup.privileged import privileged, restore
from gonogo.rollout.backup.scratch import LOCK_WAIT, OURS, scratch_database
from gonogo.rollout.backup.tables import count_rows, table_sizes

NAME_TIME = "%Y%m%dT%H%M%SZ"
UNCHANGED = "nothing was changed"
PARTIAL = ".dump.partial"
ROOM_BESIDE_BYTES = 16 * 1024**2


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
        left_out: What the proof did not restore: the dump holds it, and the role could not create
            it.
    """

    path: Path
    size_bytes: int
    sha256: str
    tool_version: str
    made_at: datetime
    verified_by: BackupCheck
    verified_at: datetime
    rows: Mapping[str, int]
    left_out: tuple[str, ...] = ()


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
        left_out = prove(order, partial, rows, sizes)
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
        left_out=left_out,
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
        snapshot = ask_text(connection, "select pg_export_snapshot()") or ""
        sizes = table_sizes(connection)
        total_bytes = sum(sizes.values())
        if problem := place_problem(order.directory, total_bytes + ROOM_BESIDE_BYTES):
            raise BackupError(problem, UNCHANGED, step="backup")
        # Made first, so that no other user can read even its beginning.
        os.close(open_private(partial))
        progress = TableProgress("dump", sizes, order.progress)
        order.tools.run(
            "pg_dump",
            _words(order.tools, snapshot, partial),
            order.database,
            on_tick=lambda: progress.tick(partial.stat().st_size),
            on_line=progress.line,
        )
        order.progress("dump", total_bytes, total_bytes)
        return count_rows(connection) if order.check == "restore" else {}, sizes


def _words(tools: Tools, snapshot: str, partial: Path) -> list[str]:
    how = ["--verbose", "--format=custom", f"--compress={tools.compression}", LOCK_WAIT, *OURS]
    return [*how, f"--snapshot={snapshot}", f"--file={partial}"]


def file_sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _keep(partial: Path, path: Path) -> None:
    """Give the file its name only once it is whole, proved, and on the disk."""
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.rename(path)


def prove(
    order: BackupOrder, partial: Path, rows: Mapping[str, int], sizes: Mapping[str, int]
) -> tuple[str, ...]:
    """Prove that a dump holds what was in the snapshot that it was taken from.

    Args:
        order: What was ordered.
        partial: The dump.
        rows: Rows by table within the snapshot.
        sizes: Bytes by table, to tell how far it is.

    Returns:
        What could not be restored to prove it, because the role could not create it.

    Raises:
        BackupError: It cannot be read, or holds something else.
    """
    size_bytes = partial.stat().st_size
    order.progress("read", 0, size_bytes)
    # A listing is not enough: it accepts a dump cut in half.
    order.tools.run("pg_restore", ["--file=/dev/null", str(partial)])
    order.progress("read", size_bytes, size_bytes)
    if order.check != "restore":
        return ()
    with scratch_database(order.database) as scratch:
        left_out = _restore(order, scratch, partial, sizes)
        _compare(scratch, partial, rows)
    return left_out


def _restore(
    order: BackupOrder, scratch: DatabaseSettings, partial: Path, sizes: Mapping[str, int]
) -> tuple[str, ...]:
    progress = TableProgress("restore", sizes, order.progress)
    jobs = min(os.cpu_count() or 1, 4)
    with connect(order.database.conninfo, "gonogo backup") as connection:
        without = privileged(connection)
    restore(
        order.tools,
        partial,
        scratch,
        without,
        ["--verbose", "--no-owner", "--no-privileges", f"--jobs={jobs}"],
        on_tick=progress.tick,
        on_line=progress.line,
    )
    progress.tick()
    return without.named


def _compare(scratch: DatabaseSettings, partial: Path, rows: Mapping[str, int]) -> None:
    with connect(scratch.conninfo, "gonogo backup") as connection:
        restored = count_rows(connection)
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
        return f"{there} is not a directory: set backup_dir in rollout.toml"
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
    return sum(table_sizes(connection).values()) + ROOM_BESIDE_BYTES
