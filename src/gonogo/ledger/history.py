"""The ledger's history: migrations that were applied, every attempt at one, and incidents."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

from gonogo.errors import UsageError
from gonogo.ledger import installation
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import Incident, MigrationRow, StatementRow
from gonogo.postgres.session import Connection, ask_bool, ask_int, asking, first_line

KINDS = ("critical", "complaint")
COLUMNS: LiteralString = """
select deployment_id, version, name, sha256, xid::text, applied_at, duration_ms, adopted,
    completed_at, reverted_at
from gonogo.migration"""
EVERY: LiteralString = f"{COLUMNS} order by id"
STANDING: LiteralString = f"{COLUMNS} where reverted_at is null order by id"
OF_DEPLOYMENTS: LiteralString = (
    f"{COLUMNS} where deployment_id = any(%s) and not adopted and reverted_at is null order by id"
)

NAMES_WHO_CLOSES = 3
CLOSE_UNNAMED: LiteralString = """
update gonogo.incident
set closed_at = coalesce(closed_at, clock_timestamp()), void = %(void)s
where id = %(id)s and (closed_at is null or %(void)s and not void)"""
CLOSE: LiteralString = CLOSE_UNNAMED.replace(
    "void = %(void)s",
    """void = %(void)s,
    closed_by = case when closed_at is null then %(by)s else closed_by end,
    voided_by = case when %(void)s then %(by)s end""",
    1,
)


def in_place(connection: Connection) -> dict[str, MigrationRow]:
    """The migrations that are applied or adopted, and not reverted since, by version."""
    return {row.version: row for row in _migrations(connection, STANDING)}


def every(connection: Connection) -> tuple[MigrationRow, ...]:
    """Every migration that was ever applied or adopted, oldest first."""
    return _migrations(connection, EVERY)


def of_deployments(connection: Connection, deployments: Sequence[int]) -> tuple[MigrationRow, ...]:
    """The migrations that deployments applied themselves and that still stand, in that order."""
    return _migrations(connection, OF_DEPLOYMENTS, list(deployments))


@asking("the ledger's migrations cannot be read")
def _migrations(
    connection: Connection, query: LiteralString, *values: object
) -> tuple[MigrationRow, ...]:
    with connection.cursor(row_factory=class_row(MigrationRow)) as cursor:
        return tuple(cursor.execute(query, values))


def record(
    connection: Connection,
    migration: Migration,
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


@asking("the ledger's statements cannot be read")
def statements(connection: Connection, version: str) -> tuple[StatementRow, ...]:
    """The tries at the statements of a migration's part outside the transaction, oldest first."""
    if not ask_bool(connection, "select to_regclass('gonogo.migration_statement') is not null"):
        return ()
    with connection.cursor(row_factory=class_row(StatementRow)) as cursor:
        query = """
            select s.id, s.place, s.outcome, s.indexes_before::bigint[] as indexes_before
            from gonogo.migration_statement as s
            join gonogo.migration as m on m.id = s.migration_id
            where m.version = %s and m.reverted_at is null
            order by s.id"""
        return tuple(cursor.execute(query, (version,)))


def begin_statement(connection: Connection, version: str, place: int, indexes: list[int]) -> int:
    """Note that a statement outside a transaction begins, and return the row's id.

    Args:
        connection: In autocommit, or in the statement's own transaction.
        version: Of which migration.
        place: The statement's place, counted from 1.
        indexes: Every index that is there, by oid.
    """
    insert = """
        insert into gonogo.migration_statement (migration_id, place, indexes_before)
        select id, %s, %s::bigint[]::oid[] from gonogo.migration
        where version = %s and reverted_at is null
        returning id"""
    return ask_int(connection, insert, (place, indexes, version))


def end_statement(connection: Connection, statement_id: int, error: str | None = None) -> None:
    """Note how a statement outside a transaction ended.

    Args:
        connection: As for `begin_statement`.
        statement_id: Its row.
        error: Why it failed; None when it did not.
    """
    connection.execute(
        """
        update gonogo.migration_statement
        set finished_at = clock_timestamp(), outcome = %s, error = %s where id = %s""",
        ("failed" if error else "succeeded", error, statement_id),
    )


def mark_reverted(connection: Connection, deployments: Sequence[int], version: str) -> None:
    """Note that a migration of these deployments was reverted, in the transaction that does it."""
    connection.execute(
        """
        update gonogo.migration set reverted_at = clock_timestamp()
        where deployment_id = any(%s) and version = %s and reverted_at is null""",
        (list(deployments), version),
    )


@contextlib.contextmanager
def attempt(ledger: Connection, deployment_id: int, version: str) -> Iterator[None]:
    """Record one try on a connection of its own, so that it outlives the try's transaction.

    Args:
        ledger: An autocommit connection that is not the migrating one.
        deployment_id: By which deployment.
        version: What is tried.
    """
    begin = (
        "insert into gonogo.migration_attempt (deployment_id, version) values (%s, %s) returning id"
    )
    attempt_id = ask_int(ledger, begin, (deployment_id, version))
    finish = """
        update gonogo.migration_attempt
        set finished_at = clock_timestamp(), outcome = %s, sqlstate = nullif(%s, ''), error = %s
        where id = %s"""
    try:
        yield
    except BaseException as error:
        # The error that is on its way says more than a failure to write it down.
        with contextlib.suppress(psycopg.Error):
            sqlstate = getattr(error, "sqlstate", None) or ""
            ledger.execute(finish, ("failed", sqlstate, first_line(error), attempt_id))
        raise
    ledger.execute(finish, ("succeeded", "", None, attempt_id))


@asking("the incident could not be opened")
def open_incident(connection: Connection, title: str, by: str, kind: str = "critical") -> int:
    """Open an incident, and return its id.

    Args:
        connection: In autocommit.
        title: What happened, in one line.
        by: Who opens it.
        kind: critical or complaint.

    Raises:
        UsageError: The title is empty, or the kind is neither.
    """
    if not title.strip():
        raise UsageError("an incident needs a title", "say in one line what happened")
    if kind not in KINDS:
        raise UsageError(f"an incident is {' or '.join(KINDS)}, not {kind!r}")
    insert = """
        insert into gonogo.incident (title, opened_by, kind) values (%s, %s, %s) returning id"""
    return ask_int(connection, insert, (title.strip(), by, kind))


@asking("the incident could not be closed")
def close_incident(
    connection: Connection, incident_id: int, by: str, *, void: bool = False
) -> None:
    """Close an incident; as void, also one that is closed already.

    Args:
        connection: In autocommit; a ledger before version 3 does not say who closes it.
        incident_id: Which.
        by: Who closes it.
        void: It was a false alarm, and does not count.

    Raises:
        UsageError: There is no open incident of that id; or to void, none that counts.
    """
    closed = connection.execute(
        CLOSE if installation.version(connection) >= NAMES_WHO_CLOSES else CLOSE_UNNAMED,
        {"id": incident_id, "by": by, "void": void},
    )
    if closed.rowcount == 0:
        which = f"incident {incident_id} that counts" if void else f"open incident {incident_id}"
        raise UsageError(f"there is no {which}", "list them first")


@asking("the incidents could not be read")
def incidents(connection: Connection, *, only_open: bool = False) -> tuple[Incident, ...]:
    """Incidents, newest first."""
    with connection.cursor(row_factory=class_row(Incident)) as cursor:
        cursor.execute(
            """
            select id, title, kind, opened_at, opened_by::text, closed_at, void,
                to_jsonb(i) ->> 'closed_by' as closed_by, to_jsonb(i) ->> 'voided_by' as voided_by
            from gonogo.incident as i
            where not %s or closed_at is null
            order by id desc""",
            (only_open,),
        )
        return tuple(cursor)
