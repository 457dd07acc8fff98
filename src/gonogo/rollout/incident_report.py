"""The draft of an incident report after a rollback: what the ledger and the archive know of it.

A person finishes it: the users' view of it and the plan are theirs to write. Every text in it comes
from elsewhere, and is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from gonogo.ledger.history import incidents
from gonogo.ledger.rows import Deployment, Incident, StepRow
from gonogo.model.kinds import Outcome
from gonogo.model.step import StepRecord
from gonogo.postgres.session import Connection, ask_int, asking
from gonogo.record.canonical import read_record
from gonogo.record.listing import ArchivedRecord, list_records
from gonogo.report.answers import answers
from gonogo.report.markdown import escape, table
from gonogo.report.text import moment, span, visible

OPEN = "to be filled in"
ISSUES = frozenset({Outcome.FIRED, Outcome.FAILED, Outcome.CRITICAL})
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
        connection: The connection to the ledger.
        schema: The application's schema.
        archive_dir: Where the gate's records are.
        database: The key of the database, by which its records are known.
        simulated: Whether it is a rehearsal.
        anchor: The table whose rows say how large the application is.
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
    database: str
    simulated: bool = False
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report.

    Args:
        title: Its heading.
        lines: Sentences, or items of a list.
        head: The names of a table's columns; empty without a table.
        rows: The table's cells.
    """

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """The draft of an incident report.

    Args:
        title: Its title.
        parts: From first to last.
    """

    title: str
    parts: tuple[Part, ...]

    @property
    def markdown(self) -> str:
        """The report as Markdown."""
        lines = [f"# {escape(visible(self.title))}", ""]
        for part in self.parts:
            lines += [f"## {escape(visible(part.title))}", ""]
            lines += [f"- {escape(visible(line))}" for line in part.lines]
            lines += [""] if part.lines else []
            if part.head:
                cells = ([escape(visible(cell)) for cell in row] for row in part.rows)
                lines += [*table(part.head, cells), ""]
        return "\n".join(lines)


def draft(course: Course) -> IncidentReport:
    """Draft the report of a rollback.

    Args:
        course: What is known of it.

    Raises:
        GonogoError: The ledger cannot be read any more.
        OSError: The archive cannot be read.
    """
    one = course.deployment
    rehearsal = " (a rehearsal)" if course.simulated else ""
    return IncidentReport(
        f"Incident report, draft: rollback of deployment {one.id}, {one.environment}{rehearsal}",
        (
            Part(
                "Reason",
                (
                    course.reason or f"none was given: {OPEN}",
                    f"rolled back by {course.mode}, by {course.rolled_back_by}",
                    f"revision {one.revision}, back to {one.previous_revision}",
                    f"deployed {moment(one.started_at)} by {one.deployed_by}",
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
        tuple((one.title, one.kind, moment(one.opened_at), _closed(one)) for one in found),
    )
    failed = [row for row in course.steps if row.outcome == "failed"]
    yield Part(
        "Issues: steps that failed",
        () if failed else ("none",),
        ("Step", "Of the", "Began", "Why") if failed else (),
        tuple(
            (row.name, row.procedure, moment(row.started_at), row.error or "-") for row in failed
        ),
    )
    yield _gate(course)


def _gate(course: Course) -> Part:
    title = "Issues: what the newest gate found"
    newest = _newest_gate(course)
    if newest is None:
        return Part(title, ("no gate was run since the deployment",))
    rows = tuple(_findings(newest))
    return Part(
        title,
        (f"{newest.verdict or 'no verdict'}, record {newest.name}",),
        ("Check", "Asked as", "Answer", "Why") if rows else (),
        rows,
    )


def _newest_gate(course: Course) -> ArchivedRecord | None:
    """The newest whole record of this database's gate since the deployment; None without one."""
    environment, since = course.deployment.environment, course.deployment.started_at
    return next(
        (
            record
            for record in list_records(course.archive_dir)
            if record.environment == environment
            and record.is_look
            and record.database == course.database
            and record.moment >= since.replace(microsecond=0)
        ),
        None,
    )


def _findings(gate: ArchivedRecord) -> Iterator[tuple[str, ...]]:
    for one in answers(read_record(gate.directory)):
        if one.outcome in ISSUES:
            yield one.title, one.role.value, one.outcome.value, one.reason


def _taken(course: Course) -> Iterator[tuple[str, ...]]:
    proved = {record.name: record for record in course.records}
    for row in course.steps:
        if row.procedure == "rollback":
            record = proved.get(row.name)
            line = record.proved if record and row.outcome == record.outcome else row.error or ""
            took = (
                span((row.finished_at - row.started_at).total_seconds()) if row.finished_at else "-"
            )
            yield row.name, moment(row.started_at), took, row.outcome, line


def _closed(one: Incident) -> str:
    return moment(one.closed_at) if one.closed_at else "open"


def _impact(course: Course) -> tuple[str, ...]:
    """The impact on users, a line each; what is not known yet is left to be filled in."""
    known = () if course.anchor is None else (_counted(course, course.anchor),)
    proved = {record.name: record.evidence for record in course.records}
    complaints = sum(
        one.kind == "complaint" and _concerns(one, course.deployment.started_at)
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


def _counted(course: Course, anchor: str) -> str:
    query = sql.SQL("select count(*) from {}").format(sql.Identifier(course.schema, anchor))
    with asking(f"the {anchor} cannot be counted"):
        return f"{anchor} in the database: {ask_int(course.connection, query):,}"


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
        return f"the application was stopped {moment(stops[0])} and is not up again"
    down = span((max(ends) - min(stops)).total_seconds())
    return f"the application was stopped {moment(min(stops))}, and healthy again {down} later"


def _rows_since(rows: object) -> Iterator[str]:
    if isinstance(rows, Mapping):
        for name, counts in rows.items():
            counted = ", ".join(f"{count:,} {what}" for what, count in counts.items())
            yield f"rows of {name} since the backup: {counted}"


def _rows_aside(evidence: Mapping[str, Any]) -> Iterator[str]:
    rows = evidence.get("rows_aside")
    if rows:
        yield f"rows kept aside in {evidence.get('aside')}: {sum(rows.values()):,}"


def _rows_left(evidence: Mapping[str, Any]) -> Iterator[str]:
    for line in evidence.get("cannot_be_carried", ()):
        yield f"could not be carried over: {line}"
    for line in evidence.get("treated_as_damage", ()):
        yield f"treated as damage, so the backup's rows stay: {line}"


def _concerns(one: Incident, since: datetime) -> bool:
    """Whether an incident that is not void was open at any time since.

    Args:
        one: The incident.
        since: When the deployment began.
    """
    return not one.void and (one.closed_at is None or one.closed_at >= since)
