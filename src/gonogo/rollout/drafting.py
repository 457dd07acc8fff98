"""The draft of an incident report after a rollback: what the ledger and the archive know of it.

A person finishes it: how users saw it and what comes next is theirs to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from gonogo.ledger.history import incidents
from gonogo.ledger.rows import Incident
from gonogo.model.kinds import Outcome
from gonogo.record.canonical import read_record
from gonogo.record.listing import ArchivedRecord, list_records
from gonogo.report.answers import answers
from gonogo.report.text import span
from gonogo.rollout.course import OPEN, Course, at, concerns
from gonogo.rollout.impact import impact
from gonogo.rollout.runner.report import Part, Report

TOLD = frozenset({Outcome.FIRED, Outcome.FAILED, Outcome.CRITICAL})
PLAN = (
    "the cause, and how it was found",
    "what is changed before the next deployment, and who does it",
    "how the change is proved in staging",
    "when the next deployment begins, and who decides",
)


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
                    f"deployed {at(one.started_at)} by {one.deployed_by}",
                ),
            ),
            *_issues(course),
            Part("Impact on users", impact(course)),
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
    found = [one for one in incidents(course.connection) if concerns(one, since)]
    yield Part(
        "Issues: incidents since the deployment",
        () if found else ("none is in the ledger",),
        ("Incident", "Kind", "Opened", "Closed") if found else (),
        tuple((one.title, one.kind, at(one.opened_at), _closed(one)) for one in found),
    )
    failed = [row for row in course.steps if row.outcome == "failed"]
    yield Part(
        "Issues: steps that failed",
        () if failed else ("none",),
        ("Step", "Of the", "Began", "Why") if failed else (),
        tuple((row.name, row.procedure, at(row.started_at), row.error or "-") for row in failed),
    )
    yield _gate(course)


def _gate(course: Course) -> Part:
    title = "Issues: what the newest gate found"
    newest = _newest_gate(course)
    if newest is None:
        return Part(title, ("no gate was asked since the deployment",))
    rows = tuple(_findings(newest))
    return Part(
        title,
        (f"{newest.verdict or 'no verdict'}, record {newest.name}",),
        ("Check", "Asked as", "Answer", "Why") if rows else (),
        rows,
    )


def _newest_gate(course: Course) -> ArchivedRecord | None:
    """The newest whole record of a gate since the deployment began; None without one."""
    environment, since = course.deployment.environment, course.deployment.started_at
    return next(
        (
            record
            for record in list_records(course.archive_dir)
            if record.environment == environment
            and record.is_look
            and record.moment >= since.replace(microsecond=0)
        ),
        None,
    )


def _findings(gate: ArchivedRecord) -> Iterator[tuple[str, ...]]:
    for one in answers(read_record(gate.directory)):
        if one.outcome in TOLD:
            yield one.title, one.role.value, one.outcome.value, one.reason


def _taken(course: Course) -> Iterator[tuple[str, ...]]:
    proved = {record.name: record for record in course.records}
    for row in course.steps:
        if row.procedure == "rollback":
            record = proved.get(row.name)
            told = record.proved if record and row.outcome == record.outcome else row.error or ""
            took = (
                span((row.finished_at - row.started_at).total_seconds()) if row.finished_at else "-"
            )
            yield row.name, at(row.started_at), took, row.outcome, told


def _closed(one: Incident) -> str:
    return at(one.closed_at) if one.closed_at else "open"
