"""A rollback's impact on users, as far as the ledger knows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from psycopg import sql

from gonogo.ledger.history import incidents
from gonogo.ledger.rows import StepRow
from gonogo.postgres.session import asking
from gonogo.report.text import span
from gonogo.rollout.course import OPEN, Course, at, concerns


def impact(course: Course) -> tuple[str, ...]:
    """The impact on users, a line each; what is not known yet is left to be filled in."""
    known = () if course.anchor is None else (_counted(course, course.anchor),)
    proved = {record.name: record.evidence for record in course.records}
    complaints = sum(
        one.kind == "complaint" and concerns(one, course.deployment.started_at)
        for one in incidents(course.connection)
    )
    return (
        *known,
        f"complaints since the deployment: {complaints:,}",
        _outage(course.steps),
        *_rows_since(proved.get("prove", {}).get("rows")),
        *_rows_aside(proved.get("revert", {})),
        *_rows_left(proved.get("carry_rows", {})),
        f"what users saw of it: {OPEN}",
    )


def _counted(course: Course, table: str) -> str:
    query = sql.SQL("select count(*) from {}").format(sql.Identifier(course.schema, table))
    with asking(f"the {table} cannot be counted"):
        row = course.connection.execute(query).fetchone()
    return f"{table} in the database: {row[0] if row else 0:,}"


def _outage(steps: Iterable[StepRow]) -> str:
    """How long the application was down, from its stop to its health."""
    back = [row for row in steps if row.procedure == "rollback"]
    stops = [row.started_at for row in back if row.name == "stop_app" and row.outcome != "skipped"]
    starts = [
        row.finished_at
        for row in back
        if row.name in {"start_app", "wait_healthy"} and row.outcome == "succeeded"
    ]
    if not stops:
        return f"the application was not stopped by a command; how long it was down: {OPEN}"
    ends = [one for one in starts if one]
    if not ends:
        return f"the application was stopped {at(stops[0])} and is not up again"
    down = span((max(ends) - min(stops)).total_seconds())
    return f"the application was down for {down}, from {at(min(stops))} on"


def _rows_since(rows: object) -> Iterator[str]:
    if isinstance(rows, Mapping):
        for name, counts in rows.items():
            told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
            yield f"rows of {name} since the backup: {told}"


def _rows_aside(evidence: Mapping[str, Any]) -> Iterator[str]:
    rows = evidence.get("rows_aside")
    if rows:
        yield f"rows kept aside in {evidence.get('aside')}: {sum(rows.values()):,}"


def _rows_left(evidence: Mapping[str, Any]) -> Iterator[str]:
    for line in evidence.get("cannot_be_carried", ()):
        yield f"could not be carried over: {line}"
    for line in evidence.get("treated_as_damage", ()):
        yield f"treated as damage, so the backup's rows stay: {line}"
