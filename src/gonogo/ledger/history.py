"""What the ledger says of migrations: which are in place, and every try."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

import psycopg
from psycopg.rows import class_row

from gonogo.ledger.rows import MigrationRow
from gonogo.postgres.connection import first_line
from gonogo.postgres.session import Connection, asking

COLUMNS = """
select deployment_id, version, name, sha256, xid::text, applied_at, duration_ms, adopted,
    completed_at, reverted_at
from gonogo.migration"""


class MigrationFile(Protocol):
    """What the ledger keeps of a migration's file."""

    @property
    def version(self) -> str:
        """Its number, as the file's name says it."""

    @property
    def name(self) -> str:
        """What it makes, as the file's name says it."""

    @property
    def sha256(self) -> str:
        """The hash of its text."""


@asking("the ledger's migrations cannot be read")
def in_place(connection: Connection) -> dict[str, MigrationRow]:
    """The migrations that are applied or adopted, and not reverted since, by version."""
    with connection.cursor(row_factory=class_row(MigrationRow)) as cursor:
        cursor.execute(f"{COLUMNS} where reverted_at is null order by id")
        return {row.version: row for row in cursor}


@asking("the ledger's migrations cannot be read")
def every(connection: Connection) -> tuple[MigrationRow, ...]:
    """Every migration that was ever applied or adopted, oldest first."""
    with connection.cursor(row_factory=class_row(MigrationRow)) as cursor:
        return tuple(cursor.execute(f"{COLUMNS} order by id"))


@asking("the ledger's migrations cannot be read")
def of_deployment(connection: Connection, deployment_id: int) -> tuple[MigrationRow, ...]:
    """What a deployment applied itself and did not take back, in the order in which it did."""
    with connection.cursor(row_factory=class_row(MigrationRow)) as cursor:
        cursor.execute(
            f"{COLUMNS} where deployment_id = %s and not adopted and reverted_at is null "
            "order by id",
            (deployment_id,),
        )
        return tuple(cursor)


def record(
    connection: Connection,
    migration: MigrationFile,
    deployment_id: int,
    duration_ms: int,
    *,
    adopted: bool = False,
    complete: bool = True,
) -> None:
    """Write a migration's ledger row, inside the migration's own transaction.

    Args:
        connection: In that transaction.
        migration: What was applied or adopted.
        deployment_id: By which deployment.
        duration_ms: How long its statements took, in milliseconds.
        adopted: Its objects were there already.
        complete: Nothing of it is outstanding outside the transaction.
    """
    connection.execute(
        """
        insert into gonogo.migration
            (deployment_id, version, name, sha256, duration_ms, adopted, completed_at)
        values (%s, %s, %s, %s, %s, %s, case when %s then clock_timestamp() end)""",
        (
            deployment_id,
            migration.version,
            migration.name,
            migration.sha256,
            duration_ms,
            adopted,
            complete,
        ),
    )


def complete(connection: Connection, version: str) -> None:
    """Note that the part outside the transaction is done too."""
    connection.execute(
        """
        update gonogo.migration set completed_at = clock_timestamp()
        where version = %s and reverted_at is null""",
        (version,),
    )


def mark_reverted(connection: Connection, deployment_id: int, version: str) -> None:
    """Note that a migration was taken back, inside the transaction that does so."""
    connection.execute(
        """
        update gonogo.migration set reverted_at = clock_timestamp()
        where deployment_id = %s and version = %s and reverted_at is null""",
        (deployment_id, version),
    )


@contextlib.contextmanager
def attempt(ledger: Connection, deployment_id: int, version: str) -> Iterator[None]:
    """Record one try on a connection of its own, so that it outlives the try's transaction.

    Args:
        ledger: An autocommit connection that is not the migrating one.
        deployment_id: By which deployment.
        version: What is tried.
    """
    row = ledger.execute(
        "insert into gonogo.migration_attempt (deployment_id, version) values (%s, %s) "
        "returning id",
        (deployment_id, version),
    ).fetchone()
    finish = """
        update gonogo.migration_attempt
        set finished_at = clock_timestamp(), outcome = %s, sqlstate = nullif(%s, ''), error = %s
        where id = %s"""
    attempt_id = row and row[0]
    try:
        yield
    except BaseException as error:
        # The error that is on its way says more than a failure to write it down.
        with contextlib.suppress(psycopg.Error):
            sqlstate = getattr(error, "sqlstate", None) or ""
            ledger.execute(finish, ("failed", sqlstate, first_line(error), attempt_id))
        raise
    ledger.execute(finish, ("succeeded", "", None, attempt_id))
