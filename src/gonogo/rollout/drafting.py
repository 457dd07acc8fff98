"""The draft of an incident report after a rollback: what the ledger and the archive know of it.

A person finishes it: how users saw it and what comes next is theirs to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from gonogo.database.session import Connection, asking
from gonogo.ledger.incident import incidents
from gonogo.ledger.rows import Deployment, Incident, StepRow
from gonogo.procedure.report import Part, Report
from gonogo.procedure.steps import StepRecord
from gonogo.record.listing import ArchivedRecord, list_records, load
from gonogo.record.text import moment, span
from gonogo.window import format_moment

OPEN = "to be filled in"
TOLD = frozenset({"fired", "failed", "critical"})
DONE = {"succeeded": "done", "running": "not finished"}
PLAN = (
    "the cause, and how it was found",
    "what is changed before the next deployment, and who does it",
    "how the change is proved in staging",
    "when the next deployment begins, and who decides",
)


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of a rollback when its report is drafted.

    Args:
        deployment: What was rolled back.
        mode: revert or restore.
        reason: Why, as it was given.
        rolled_back_by: Who did it.
        records: The steps of this run, with what each proved.
        steps: The ledger's rows of the deployment, its rollback's included.
        connection: To the ledger.
        schema: The application's schema.
        archive_dir: Where the gate's records are.
        simulated: Whether it is a rehearsal.
    """

    deployment: Deployment
    mode: str
    reason: str
    rolled_back_by: str
    records: Sequence[StepRecord]
    steps: Sequence[StepRow]
    connection: Connection
    schema: str
    archive_dir: Path
    simulated: bool = False


def draft(course: Course) -> Report:
    """Draft the report of a rollback.

    Args:
        course: What is known of it.

    Raises:
        GonogoError: The ledger cannot be read any more.
        OSError: The archive cannot be read.
    """
    one = course.deployment
    rehearsal = " (a rehearsal)" if course.simulated else ""
    return Report(
        f"Incident report, draft: rollback of deployment {one.id}, {one.environment}{rehearsal}",
        (
            Part(
                "Reason",
                (
                    course.reason or f"none was given: {OPEN}",
                    f"rolled back by {course.mode}, by {course.rolled_back_by}",
                    f"revision {one.revision}, back to {one.previous_revision}",
                    f"deployed {_at(one.started_at)} by {one.deployed_by}",
                ),
            ),
            *_issues(course),
            Part("Impact on users", _impact(course)),
            Part(
                "Steps taken",
                head=("Step", "Began", "Took", "Outcome", "What it proved"),
                rows=tuple(_taken(course)),
            ),
            Part("Plan for the next deployment", tuple(f"{line}: {OPEN}" for line in PLAN)),
        ),
    )


def _issues(course: Course) -> Iterator[Part]:
    since = course.deployment.started_at
    found = [one for one in incidents(course.connection) if _concerns(one, since)]
    yield Part(
        "Issues: incidents since the deployment",
        () if found else ("none is in the ledger",),
        ("Incident", "Kind", "Opened", "Closed") if found else (),
        tuple((one.title, one.kind, _at(one.opened_at), _closed(one)) for one in found),
    )
    failed = [row for row in course.steps if row.outcome == "failed"]
    yield Part(
        "Issues: steps that failed",
        () if failed else ("none",),
        ("Step", "Of the", "Began", "Why") if failed else (),
        tuple((row.name, row.procedure, _at(row.started_at), row.error or "-") for row in failed),
    )
    yield _gate(course)


def _gate(course: Course) -> Part:
    title = "Issues: what the newest gate found"
    newest = newest_gate(course)
    if newest is None:
        return Part(title, ("no gate was asked since the deployment",))
    document, _ = load(newest.directory)
    rows = tuple(_findings(document))
    return Part(
        title,
        (f"{newest.verdict or 'no verdict'}, record {newest.name}",),
        ("Check", "Asked as", "Answer", "Why") if rows else (),
        rows,
    )


def newest_gate(course: Course) -> ArchivedRecord | None:
    """The newest whole record of a gate since the deployment began; None without one."""
    environment, since = course.deployment.environment, course.deployment.started_at
    return next(
        (
            record
            for record in list_records(course.archive_dir)
            if (record.environment, record.kind, record.state) == (environment, "gate", "complete")
            and record.moment >= since.replace(microsecond=0)
        ),
        None,
    )


def _findings(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in document.get("findings", ()):
        if one.get("outcome") in TOLD:
            name = str(one.get("title") or one.get("metric", ""))
            why = str(one.get("reason", ""))
            yield name, str(one.get("role", "")), str(one["outcome"]), why


def _impact(course: Course) -> tuple[str, ...]:
    users = sql.SQL("select count(*) from {}").format(sql.Identifier(course.schema, "users"))
    with asking("the users cannot be counted"):
        row = course.connection.execute(users).fetchone()
    proved = {record.name: record.evidence for record in course.records}
    complaints = sum(
        one.kind == "complaint" and _concerns(one, course.deployment.started_at)
        for one in incidents(course.connection)
    )
    return (
        f"users in the database: {row[0] if row else 0:,}",
        f"complaints since the deployment: {complaints:,}",
        _outage(course.steps),
        *_rows_since(proved.get("prove", {}).get("rows")),
        *_rows_aside(proved.get("revert", {})),
        *_rows_left(proved.get("carry_rows", {})),
        f"what users saw of it: {OPEN}",
    )


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
        return f"the application was stopped {_at(stops[0])} and is not up again"
    down = span((max(ends) - min(stops)).total_seconds())
    return f"the application was down for {down}, from {_at(min(stops))} on"


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
    for line in evidence.get("taken_for_damage", ()):
        yield f"taken for damage, the backup's rows stand: {line}"


def _taken(course: Course) -> Iterator[tuple[str, ...]]:
    proved = {record.name: record for record in course.records}
    for row in course.steps:
        if row.procedure == "rollback":
            record = proved.get(row.name)
            told = record.proved if record and row.outcome == record.outcome else row.error or ""
            took = (
                span((row.finished_at - row.started_at).total_seconds()) if row.finished_at else "-"
            )
            yield row.name, _at(row.started_at), took, row.outcome, told


def _concerns(one: Incident, since: datetime) -> bool:
    """Whether it was open at any time since, and was one."""
    return not one.void and (one.closed_at is None or one.closed_at >= since)


def _closed(one: Incident) -> str:
    return _at(one.closed_at) if one.closed_at else "open"


def _at(when: datetime) -> str:
    return moment(format_moment(when))
