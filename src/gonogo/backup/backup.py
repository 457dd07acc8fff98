"""A backup that is proved: dumped from one snapshot, read to its end, restored, and counted.

    plan → snapshot and counts → dump to `.partial` → rename → verify

Nothing of the database is changed, save for the scratch database of the verification, which is
dropped again however that ends.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, LiteralString

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.rows import TupleRow

from gonogo.backup.place import place_problem
from gonogo.backup.progress import Progress, TableProgress
from gonogo.database.likeness import create_like
from gonogo.database.session import Connection, connect
from gonogo.errors import BackupError
from gonogo.measure.connection import first_line
from gonogo.model import Environment
from gonogo.programs.tools import Tools
from gonogo.record.files import make_directory, open_private
from gonogo.settings import DatabaseSettings

BackupCheck = Literal["restore", "read"]

NAME_TIME = "%Y%m%dT%H%M%SZ"
PARTIAL = ".dump.partial"
OURS = ("--exclude-schema=gonogo", "--exclude-schema=gonogo_aside_*")
LOCK_WAIT = "--lock-wait-timeout=30s"
ROOM_BESIDE_BYTES = 16 * 1024**2
CHUNK_BYTES = 1024**2
UNCHANGED = "nothing was changed"

# Partitions are counted, not their parents; the rows of a foreign table are not in a dump.
APPLICATION_TABLES = """
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and n.nspname <> 'gonogo' and n.nspname !~ '^gonogo_aside_'
  and not exists (
      select from pg_depend as d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
"""
SIZES = "select n.nspname, c.relname, pg_table_size(c.oid)"
TABLES = f"{SIZES}{APPLICATION_TABLES}"
OWN = "select oid, datname from pg_database where datname = current_database()"


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
        _verify(order, partial, rows, sizes)
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
        snapshot = _one(connection, "select pg_export_snapshot()")
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
            [
                "--verbose",
                "--format=custom",
                f"--compress={order.tools.compression}",
                f"--snapshot={snapshot}",
                f"--file={partial}",
                LOCK_WAIT,
                *OURS,
            ],
            order.database,
            on_tick=lambda: progress.tick(partial.stat().st_size),
            on_line=progress.line,
        )
        order.progress("dump", total_bytes, total_bytes)
        return count_rows(connection, tables) if order.check == "restore" else {}, sizes


def count_rows(connection: Connection, tables: list[TupleRow]) -> dict[str, int]:
    """Rows by table, each named ``schema.table``.

    Args:
        connection: Whose snapshot is counted in.
        tables: Rows of `TABLES`.
    """
    counted: dict[str, int] = {}
    for schema, table, _ in tables:
        query = sql.SQL("select count(*) from only {}").format(sql.Identifier(schema, table))
        counted[f"{schema}.{table}"] = int(str(_one(connection, query)))
    return counted


def _verify(
    order: BackupOrder, partial: Path, rows: Mapping[str, int], sizes: Mapping[str, int]
) -> None:
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


@contextmanager
def scratch_database(
    database: DatabaseSettings, purpose: str = "scratch"
) -> Iterator[DatabaseSettings]:
    """An empty database of the same encoding and locale, which a dump does not carry.

    Args:
        database: The source; the new one lies beside it, and is dropped again.
        purpose: Part of its name; two of the same purpose are never there at once.
    """
    with connect(database.conninfo, "gonogo backup") as connection:
        oid, own = connection.execute(OWN).fetchone() or (0, "")
        # Named by the source, so that what a killed run left behind is replaced by the next.
        name = f"gonogo_{purpose}_{oid}"
        drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        connection.execute(drop)
        create_like(connection, own, name)
        try:
            yield database.with_database(name)
        finally:
            connection.execute(drop)


def _one(connection: Connection, query: LiteralString | sql.Composed) -> object:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def file_sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _keep(partial: Path, path: Path) -> None:
    """Give the file its name only once it is whole, proved, and on the disk."""
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.rename(path)
