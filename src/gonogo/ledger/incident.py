"""Incidents of the ledger: critical ones and users' complaints, which stand in the way of GO."""

from __future__ import annotations

from psycopg.rows import class_row

from gonogo.errors import UsageError
from gonogo.ledger.rows import Incident
from gonogo.postgres.session import Connection, asking

KINDS = ("critical", "complaint")


@asking("the incident could not be opened")
def open_incident(connection: Connection, title: str, kind: str = "critical") -> int:
    """Open an incident, and return its id.

    Args:
        connection: In autocommit.
        title: What happened, in one line.
        kind: critical or complaint.

    Raises:
        UsageError: The title is empty, or the kind is neither.
    """
    if not title.strip():
        raise UsageError("an incident needs a title", "say in one line what happened")
    if kind not in KINDS:
        raise UsageError(f"an incident is {' or '.join(KINDS)}, not {kind!r}")
    row = connection.execute(
        "insert into gonogo.incident (title, kind) values (%s, %s) returning id",
        (title.strip(), kind),
    ).fetchone()
    return int(row[0]) if row else 0


@asking("the incident could not be closed")
def close_incident(connection: Connection, incident_id: int, *, void: bool = False) -> None:
    """Close an incident.

    Args:
        connection: In autocommit.
        incident_id: Which.
        void: It was none, and does not count.

    Raises:
        UsageError: There is no open incident of that id.
    """
    closed = connection.execute(
        "update gonogo.incident set closed_at = clock_timestamp(), void = %s "
        "where id = %s and closed_at is null",
        (void, incident_id),
    )
    if closed.rowcount == 0:
        raise UsageError(f"there is no open incident {incident_id}", "list them first")


@asking("the incidents could not be read")
def incidents(connection: Connection, *, only_open: bool = False) -> tuple[Incident, ...]:
    """Incidents, newest first."""
    with connection.cursor(row_factory=class_row(Incident)) as cursor:
        cursor.execute(
            """
            select id, title, kind, opened_at, opened_by::text, closed_at, void
            from gonogo.incident
            where not %s or closed_at is null
            order by id desc""",
            (only_open,),
        )
        return tuple(cursor)
