"""The file of row hashes: written whole or not at all, for its owner alone; read with care."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

from gonogo.errors import DatabaseError
from gonogo.record.files import open_private
from gonogo.rollout.backup.fingerprint import TableColumns

FORMAT = "gonogo.rowhashes/1"


def read_header(file: gzip.GzipFile, path: Path) -> tuple[TableColumns, ...]:
    """The tables whose rows follow, in the order in which the lines name their places.

    Args:
        file: At its beginning.
        path: Its path, for the error.

    Raises:
        DatabaseError: It is none of ours.
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
        raise DatabaseError(f"{path.name} is no file of row hashes of this version")
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
