"""Every row's hash in a file beside the backup, so that later differences can be counted.

The file is gzip: a first line of JSON names tables, keys and columns; then one line a row as COPY
writes it: the table's place in that list, the row's key, the row's hash.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from psycopg import sql
from psycopg.pq import TransactionStatus

from gonogo.errors import DatabaseError
from gonogo.postgres.session import Connection, asking
from gonogo.record.files import open_private
from gonogo.rollout.backup.tables import TableColumns, describe

CHUNK_BYTES = 1 << 16
FORMAT = "gonogo.rowhashes/1"


@dataclass(frozen=True, slots=True)
class TableDifference:
    """What became of a table's rows; without a primary key a change counts as deleted and added.

    Args:
        table: The table.
        unchanged: Rows with the same contents, over the columns that were hashed.
        changed: Rows whose key is there with other contents.
        deleted: Rows whose key is gone.
        added: Rows whose key is new.
    """

    table: str
    unchanged: int
    changed: int
    deleted: int
    added: int

    @property
    def intact(self) -> bool:
        """Whether every row that was hashed is still there, unchanged."""
        return self.changed == 0 and self.deleted == 0


@asking("the rows could not be hashed")
def write_row_hashes(
    connection: Connection, tables: Sequence[TableColumns], path: Path, schema: str
) -> int:
    """Write the key and the hash of every row, all of one snapshot.

    Args:
        connection: From `session.connect`; inside a transaction its snapshot is used.
        tables: From `describe`.
        path: The file, written whole or not at all; readable by its owner only.
        schema: The application's schema.

    Returns:
        The file's size in bytes.

    Raises:
        DatabaseError: A table or column is not there, or may not be read.
    """
    header = {"format": FORMAT, "tables": [asdict(one) for one in tables]}
    part = path.with_name(path.name + ".part")
    with written(part) as file:
        file.write(json.dumps(header).encode() + b"\n")
        with _snapshot(connection):
            for block in hashed(connection, tables, schema):
                file.write(block)
    part.replace(path)
    return path.stat().st_size


def hashed(
    connection: Connection, tables: Sequence[TableColumns], schema: str = ""
) -> Iterator[bytes]:
    """The lines of every row: its table's place, its key, its hash.

    Args:
        connection: Its snapshot is read.
        tables: From `describe`.
        schema: The application's schema.
    """
    for place, one in enumerate(tables):
        query = sql.SQL("copy (select {}, {}, {} from {}) to stdout").format(
            place, one.key_text, one.row_hash, one.relation(schema)
        )
        with connection.cursor() as cursor, cursor.copy(query) as copy:
            yield from map(bytes, copy)


def take_in(connection: Connection, blocks: Iterable[bytes]) -> None:
    """Put lines of `hashed` into the temporary table ``gonogo_rows`` (place, key, hash).

    Args:
        connection: In a transaction, at whose end the table goes.
        blocks: Of those lines.
    """
    connection.execute(
        "create temporary table gonogo_rows (place integer, key text, hash bigint) on commit drop"
    )
    with connection.cursor().copy("copy gonogo_rows from stdin") as copy:
        for block in blocks:
            copy.write(block)
    connection.execute("analyze gonogo_rows")


@asking("the rows could not be compared")
def compare_row_hashes(
    connection: Connection, path: Path, schema: str
) -> tuple[TableDifference, ...]:
    """Count what changed since `write_row_hashes`, over the columns that it named.

    Args:
        connection: From `session.connect`; a temporary table is used.
        path: The file.
        schema: The application's schema.

    Raises:
        DatabaseError: The file is not one of ours or is damaged, or a hashed column is gone.
    """
    with opened(path) as file, connection.transaction(force_rollback=True):
        tables = read_header(file, path)
        take_in(connection, iter(partial(file.read, CHUNK_BYTES), b""))
        now = {one.table: one for one in describe(connection, [t.table for t in tables], schema)}
        return tuple(
            _compare(connection, place, one, now.get(one.table), schema)
            for place, one in enumerate(tables)
        )


def _compare(
    connection: Connection, place: int, then: TableColumns, now: TableColumns | None, schema: str
) -> TableDifference:
    gone = set(then.columns) - set(now.columns if now else then.columns)
    if gone:
        raise DatabaseError(f"{then.table} has lost columns: {', '.join(sorted(gone))}")
    today = sql.SQL("select {} as key, {} as hash from {}").format(
        then.key_text, then.row_hash, then.relation(schema)
    )
    nothing = sql.SQL("select null::text as key, null::bigint as hash where false")
    query = sql.SQL(
        "select count(*) filter (where t.hash = n.hash), count(*) filter (where t.hash <> n.hash), "
        "count(*) filter (where n.hash is null), count(*) filter (where t.hash is null) "
        "from (select key, hash from gonogo_rows where place = {}) as t "
        "full join ({}) as n on n.key = t.key"
    ).format(place, today if now else nothing)
    row = connection.execute(query).fetchone()
    unchanged, changed, deleted, added = row or (0, 0, 0, 0)
    return TableDifference(then.table, unchanged, changed, deleted, added)


def _snapshot(connection: Connection) -> AbstractContextManager[object]:
    if connection.info.transaction_status != TransactionStatus.IDLE:
        return contextlib.nullcontext()
    return _repeatable_read(connection)


@contextlib.contextmanager
def _repeatable_read(connection: Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        yield


def read_header(file: gzip.GzipFile, path: Path) -> tuple[TableColumns, ...]:
    """The tables whose rows follow, in the order in which the lines name their places.

    Args:
        file: At its beginning.
        path: Its path, for the error.

    Raises:
        DatabaseError: It is not a file of row hashes.
    """
    try:
        header = json.loads(file.readline())
        tables = tuple(
            TableColumns(
                one["table"], tuple(one["key"]), tuple(one["columns"]), one.get("schema", "")
            )
            for one in header["tables"]
        )
        known = header["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise DatabaseError(f"{path.name} is not a file of row hashes of this version")
    return tables


@contextlib.contextmanager
def written(path: Path) -> Iterator[gzip.GzipFile]:
    """A file that its owner alone may read, on disk when the body ends; gone when it fails."""
    try:
        with os.fdopen(open_private(path), "wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as file:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def opened(path: Path) -> Iterator[gzip.GzipFile]:
    """A file of row hashes, to be read.

    Raises:
        DatabaseError: It is not there, or damaged.
    """
    try:
        with gzip.open(path, "rb") as file:
            yield file
    except (OSError, EOFError) as error:
        raise DatabaseError(f"{path.name} cannot be read: {type(error).__name__}") from error
