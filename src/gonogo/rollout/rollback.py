"""Roll back: by revert, data moved aside, or by restore; old code, and the proof of equality.

Every step can be run again, so a rollback that stopped goes on when it is run once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from gonogo.application.environment import ROLLS_BACK
from gonogo.errors import DatabaseError, GonogoError, StepError, UsageError
from gonogo.ledger.attempts import TakenBack, taken_lines
from gonogo.ledger.rows import Deployment
from gonogo.model.step import Tell
from gonogo.postgres.session import application_schema, first_line
from gonogo.record.canonical import database_of
from gonogo.rollout.backup.scratch import drop_left
from gonogo.rollout.fleet import others, require_alone
from gonogo.rollout.identity_steps import outage_of
from gonogo.rollout.incident_report import Course, IncidentReport, draft
from gonogo.rollout.recovery import after_failure, after_interruption
from gonogo.rollout.restore.restoration import Restoration, drop_prepared, is_swapped, restoring
from gonogo.rollout.restore.swap import reopen_cut_short
from gonogo.rollout.rollback_plan import Request, as_agreed, restore_lines
from gonogo.rollout.rollback_steps import (
    START,
    STEPS,
    restored_steps,
    reverting_steps,
    swapped_steps,
)
from gonogo.rollout.runner.back import going_back, to_be_rolled_back
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import RollbackMode, RollbackResult, provenance
from gonogo.rollout.runner.site import Consent, Site, open_site, require_consent
from gonogo.rollout.runner.steps import Runner, Step, running
from gonogo.rollout.runner.work import Work, carry_out, reread
from gonogo.screen import command

__all__ = ["STEPS", "Request", "roll_back", "rollback"]

NEXT: Mapping[RollbackMode, tuple[str, ...]] = {
    "revert": (
        "inform the team",
        "copy the draft of the incident report, and finish it: impact on users, plan",
        "read what was moved aside before it is removed for good",
    ),
    "restore": (
        "inform the team",
        "copy the draft of the incident report, and finish it: impact on users, plan",
        f"drop the old database once its data is no longer needed: {command('status')} names it",
    ),
}
AGAIN = (f"fix what failed and run {command('rollback')} again: it goes on from there",)


def rollback(
    context: RolloutContext,
    tell: Tell,
    request: Request | None = None,
    consent: Consent | None = None,
) -> RollbackResult:
    """Roll back the latest deployment, or the one that is asked for, however it ended.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        request: What is asked; a revert by default.
        consent: A person's consent; production asks for it.

    Returns:
        How it ended, also when a step failed: then the steps before it have taken effect.

    Raises:
        GonogoError: Something was wrong before the first step; nothing was done.
    """
    asked = request or Request()
    consent = replace(consent or Consent(), asked_later=asked.agree is not None)
    started_at = datetime.now(UTC)
    with running("rollback", tell, context.logs, context.environ) as runner:
        if reopen_cut_short(context.database):
            runner.note("a restore that was cut short had closed the database: it is open again")
        with open_site(context, runner, consent, ROLLS_BACK) as site:
            require_alone(others(context))
            work = to_be_rolled_back(site, asked.deployment)
            if work is None:
                return _result(_Ending(site, None, asked, started_at))
            for name in drop_left(site.connection):
                runner.note(f"the scratch database {name}, left by a killed run, is dropped")
            return _by_mode(work, as_agreed(work, asked), consent, started_at)


def roll_back(work: Work, reason: str) -> RollbackResult:
    """Roll back a deployment whose database is open and locked already, by revert.

    Args:
        work: The deployment that failed.
        reason: Why; recorded.
    """
    deploying = work.site.runner
    watch, deploying.watch = deploying.watch, None
    runner = Runner("rollback", deploying.tell, deploying.log, watch=watch)
    site = replace(work.site, runner=runner)
    # As it is now: the backup's step wrote down what the rollback is measured by.
    back = going_back(site, reread(site, work.deployment.id))
    return _run(back, Request(reason=reason), reverting_steps(back), datetime.now(UTC))


def _by_mode(work: Work, asked: Request, consent: Consent, started_at: datetime) -> RollbackResult:
    if is_swapped(work):
        work.site.runner.note("the restored database is in its place: the rollback goes on")
        _agreed(work, asked, consent, ("the database is restored already; the rest follows",))
        return _run(work, replace(asked, mode="restore"), swapped_steps(), started_at)
    if asked.mode == "revert":
        result = _run(work, asked, reverting_steps(work), started_at)
        if result.error is None and drop_prepared(work):
            work.site.runner.note(
                "the database that a restore had prepared is dropped: it is no longer needed"
            )
        return result
    with restoring(work, asked.damaged) as restoration:
        return _restored(restoration, asked, consent, started_at)


def _restored(
    restoration: Restoration, asked: Request, consent: Consent, started_at: datetime
) -> RollbackResult:
    work = restoration.work
    steps = restored_steps(restoration)
    try:
        carry_out(restoration.preparation, work)
        left_out = restoration.new.left_out.named
        lines = restore_lines(work, restoration.needed_prospect, left_out)
        _agreed(work, asked, consent, tuple(lines))
    except UsageError:
        restoration.discard()
        raise
    except GonogoError as error:
        restoration.discard(unless_ready=isinstance(error, StepError))
        if not isinstance(error, StepError):
            raise
        left = (*restoration.preparation, *steps)
        return _result(_Ending(work.site, work.deployment, asked, started_at, left, error))
    return _run(work, asked, steps, started_at, restoration)


def _agreed(work: Work, asked: Request, consent: Consent, lines: Sequence[str]) -> None:
    if asked.agree is not None:
        consent = replace(consent, confirmed_database=asked.agree(lines))
    environment, database = work.context.environment, work.site.identity.database
    require_consent(environment, database, consent)


def _run(
    work: Work,
    asked: Request,
    steps: Sequence[Step[Work]],
    started_at: datetime,
    restoration: Restoration | None = None,
) -> RollbackResult:
    """Run the steps to the end or to the first that fails; a restore moves the work on its way."""
    deployment, ledger = work.deployment, work.site.ledger
    if deployment.outcome == "succeeded":
        # From its first step on, what was deployed is no longer what runs.
        ledger.finish_deployment(deployment.id, "failed")
    ledger.begin_rollback(deployment.id, asked.mode, asked.reason)
    for line in taken_lines(work.back) if work.back else ():
        work.site.runner.note(line)
    ended = _Ending(work.site, deployment, asked, started_at, tuple(steps), back=work.back)
    try:
        carry_out([step for step in steps if step not in START], work)
        last = [step for step in steps if step in START]
        carry_out(last, restoration.work if restoration else work)
    except GonogoError as error:
        after_failure(restoration.work if restoration else work, error)
        return _result(replace(ended, error=error))
    except KeyboardInterrupt as interruption:
        after_interruption(work, interruption)
        raise
    ledger.roll_back_deployment(deployment.id, asked.mode, asked.reason, work.earlier)
    return _result(ended)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a rollback ended.

    Args:
        site: The database; after a restore its ledger is that of the new one.
        deployment: What was rolled back; None when there was nothing.
        asked: What was asked.
        started_at: When it began.
        steps: All that it should have done.
        error: What failed.
        back: What it takes back; None when there was nothing, or nothing was begun.
    """

    site: Site
    deployment: Deployment | None
    asked: Request
    started_at: datetime
    steps: tuple[Step[Work], ...] = ()
    error: GonogoError | None = None
    back: TakenBack | None = None


def _result(ended: _Ending) -> RollbackResult:
    """The result of a rollback, with the draft of its incident report."""
    site, deployment, error = ended.site, ended.deployment, ended.error
    done = {record.name for record in site.runner.records}
    reverted, stays = _files(ended)
    return RollbackResult(
        outcome="failed" if error else "succeeded" if deployment else "unchanged",
        deployment=deployment,
        deployment_id=deployment.id if deployment else None,
        mode=ended.asked.mode,
        reason=ended.asked.reason,
        provenance=provenance(site, deployment),
        steps=tuple(site.runner.records),
        not_done=tuple(step.title for step in ended.steps if step.name not in done),
        started_at=ended.started_at,
        finished_at=datetime.now(UTC),
        log=site.runner.log.path,
        outage=outage_of(site.runner),
        error=error,
        next_steps=AGAIN if error else NEXT[ended.asked.mode],
        reverted=reverted,
        stays=stays,
        report=_report(ended),
    )


def _files(ended: _Ending) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of the migrations that are taken back, and of those that are still in place."""
    if ended.back is None:
        return (), ()
    try:
        rows = ended.site.ledger.migrations()
    except DatabaseError as error:
        ended.site.runner.note(f"what is taken back cannot be listed: {error.problem}")
        return (), ()
    own = [row for row in rows if row.deployment_id in ended.back.ids]
    stays = {f"{row.version}_{row.name}.sql": None for row in own if row.reverted_at is None}
    names = dict.fromkeys(f"{row.version}_{row.name}.sql" for row in own)
    return tuple(name for name in names if name not in stays), tuple(stays)


def _report(ended: _Ending) -> IncidentReport | None:
    """The draft of the incident report; where it cannot be drafted the rollback stands."""
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
                application_schema(connection, context.anchor),
                context.config.archive_dir,
                database_of(provenance(site, deployment)),
                context.simulated,
                context.anchor,
            )
        )
    except (GonogoError, OSError, psycopg.Error) as error:
        site.runner.note(f"the incident report cannot be drafted: {first_line(error)}")
        return None
