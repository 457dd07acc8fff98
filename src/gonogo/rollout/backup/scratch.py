"""A scratch database beside another one, like it; it is dropped again however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import sql

from gonogo.postgres.likeness import create_like
from gonogo.postgres.session import Connection, connect
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.tools import Tools

OURS = ("--exclude-schema=gonogo", "--exclude-schema=gonogo_aside_*")
LOCK_WAIT = "--lock-wait-timeout=30s"
OWN = "select oid, datname from pg_database where datname = current_database()"


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


@contextmanager
def likeness(database: DatabaseSettings, tools: Tools) -> Iterator[Connection]:
    """A scratch database with the schema of another, and none of its rows.

    Args:
        database: The other one; nothing of it is changed, and no lock of it is kept.
        tools: The client tools of its version.

    Raises:
        BackupError: The schema could not be dumped or restored.
        psycopg.Error: The role may not create databases.
    """
    with (
        TemporaryDirectory(prefix="gonogo-plan-") as directory,
        scratch_database(database, "plan") as scratch,
    ):
        dump = Path(directory) / "schema.dump"
        words = ["--format=custom", "--schema-only", LOCK_WAIT, *OURS, f"--file={dump}"]
        tools.run("pg_dump", words, database)
        restore = ["--exit-on-error", "--no-owner", "--no-privileges", str(dump)]
        tools.run("pg_restore", restore, scratch)
        with connect(scratch.conninfo, "gonogo plan") as connection:
            yield connection
