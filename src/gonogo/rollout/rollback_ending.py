"""What is asked of a rollback, and what it hands back, however it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from gonogo.errors import GonogoError
from gonogo.ledger.rows import Deployment, StepRow
from gonogo.postgres.identity import application_schema
from gonogo.postgres.session import first_line
from gonogo.rollout.course import Course
from gonogo.rollout.drafting import draft
from gonogo.rollout.restore.swap import COMPARISON, PREPARATION
from gonogo.rollout.runner.report import Report
from gonogo.rollout.runner.result import RollbackMode, RollbackResult, facts
from gonogo.rollout.runner.site import Site
from gonogo.rollout.runner.steps import Step
from gonogo.rollout.runner.work import Work

NEXT: Mapping[RollbackMode, tuple[str, ...]] = {
    "revert": (
        "tell the team",
        "copy the draft of the incident report, and finish it: impact on users, plan",
        "read what was moved aside before it is removed for good",
    ),
    "restore": (
        "tell the team",
        "copy the draft of the incident report, and finish it: impact on users, plan",
        "drop the old database once nobody needs what it alone holds: ./noxw -s status names it",
    ),
}
AGAIN = ("mend what failed and run ./noxw -s rollback again: it goes on from there",)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a rollback.

    Args:
        mode: How the database is taken back.
        reason: Why; recorded.
        damaged: Of a restore: tables in which what was changed or deleted since the backup is
            damage, so that the backup's rows stand.
        deployment: Which one, where it is not the latest; None otherwise.
        agree: Of a restore: shown what would become of the rows since the backup, it gives the
            database's name as a person typed it, or raises; None takes `confirmed_database`.
    """

    mode: RollbackMode = "revert"
    reason: str = ""
    damaged: tuple[str, ...] = ()
    deployment: int | None = None
    agree: Callable[[Sequence[str]], str] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a rollback ended.

    Args:
        site: The database; after a restore its ledger is that of the new one.
        deployment: What was rolled back; None when there was nothing.
        asked: What was asked.
        started_at: When it began.
        steps: All that it should have done.
        error: What failed.
    """

    site: Site
    deployment: Deployment | None
    asked: Request
    started_at: datetime
    steps: tuple[Step[Work], ...] = ()
    error: GonogoError | None = None


def as_agreed(work: Work, asked: Request) -> Request:
    """What a rollback that did not come to its end was asked stands where nothing else is said.

    Args:
        work: The deployment that is rolled back.
        asked: What is asked now.
    """
    reason = asked.reason or work.deployment.rollback_reason or ""
    damaged = asked.damaged
    if asked.mode == "restore" and not damaged:
        damaged = _damage_agreed_to(work.site.ledger.steps(work.deployment.id))
        if damaged:
            work.site.runner.note(f"--damaged {', '.join(damaged)}: as it was agreed to before")
    return replace(asked, reason=reason, damaged=damaged)


def _damage_agreed_to(rows: Sequence[StepRow]) -> tuple[str, ...]:
    """The damaged tables of the last comparison that somebody agreed to: steps follow it."""
    compared: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    for row in rows:
        if row.procedure != "rollback":
            compared = agreed = ()
        elif row.name == COMPARISON:
            named = row.evidence.get("damaged")
            compared = tuple(map(str, named)) if isinstance(named, list) else ()
        elif row.name not in PREPARATION:
            agreed = compared
    return agreed


def result_of(ended: Ended) -> RollbackResult:
    """What a rollback hands back, the draft of its incident report included."""
    site, deployment, error = ended.site, ended.deployment, ended.error
    done = {record.name for record in site.runner.records}
    return RollbackResult(
        outcome="failed" if error else "succeeded" if deployment else "unchanged",
        deployment_id=deployment.id if deployment else None,
        mode=ended.asked.mode,
        reason=ended.asked.reason,
        facts=facts(site, deployment),
        steps=tuple(site.runner.records),
        not_done=tuple(step.title for step in ended.steps if step.name not in done),
        started_at=ended.started_at,
        finished_at=datetime.now(UTC),
        log=site.runner.log.path,
        error=error,
        next_steps=AGAIN if error else NEXT[ended.asked.mode],
        report=_report(ended),
    )


def _report(ended: Ended) -> Report | None:
    """The draft of the incident report; that it cannot be drafted undoes no rollback."""
    site, deployment = ended.site, ended.deployment
    if deployment is None:
        return None
    context, asked, connection = site.context, ended.asked, site.ledger.connection
    try:
        return draft(
            Course(
                deployment,
                asked.mode,
                asked.reason,
                context.deployed_by,
                tuple(site.runner.records),
                site.ledger.steps(deployment.id),
                connection,
                application_schema(connection),
                context.config.archive_dir,
                context.simulated,
            )
        )
    except (GonogoError, OSError, psycopg.Error) as error:
        site.runner.note(f"the incident report cannot be drafted: {first_line(error)}")
        return None
