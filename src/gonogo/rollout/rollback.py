"""Roll back: by revert, data moved aside, or by restore; old code, and the proof of equality.

Every step can be run again, so a rollback that stopped goes on when it is run once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from gonogo.errors import GonogoError, StepError, UsageError
from gonogo.measure.connection import first_line
from gonogo.rollout.application import (
    REVERT_CODE_AGAIN,
    command_step,
    revert_code,
    undone_by,
    verify_old_endpoints,
    wait_healthy,
)
from gonogo.rollout.beside import reopen_cut_short
from gonogo.rollout.context import RolloutContext
from gonogo.rollout.database_steps import REVERT_AGAIN, move_aside, prove
from gonogo.rollout.drafting import Course, draft
from gonogo.rollout.narrator import Narrator, narrated
from gonogo.rollout.prospect import restore_lines, revert_lines, step_lines
from gonogo.rollout.report import Report
from gonogo.rollout.restore import Restoration, is_swapped, restoring
from gonogo.rollout.result import RollbackMode, RollbackResult
from gonogo.rollout.resume import carry_out
from gonogo.rollout.rows import Deployment
from gonogo.rollout.session import application_schema
from gonogo.rollout.site import Consent, Site, look_at_site, open_site, require_consent
from gonogo.rollout.steps import LOOKS, Resumption, Step, Tell
from gonogo.rollout.work import Work, facts, reread, take_up

STOP: tuple[Step[Work], ...] = (
    command_step("stop_jobs", "Stop the background jobs"),
    command_step("stop_app", "Stop the application"),
)
# A restore closes the database under whoever uses it: what was stopped once may run again.
STOP_AGAIN = tuple(
    replace(
        step,
        resumption=Resumption(
            stands=lambda _: False, otherwise="somebody may have started it again since"
        ),
    )
    for step in STOP
)
REVERT: tuple[Step[Work], ...] = (
    Step("revert", "Revert the migrations, data moved aside", move_aside, REVERT_AGAIN),
)
START: tuple[Step[Work], ...] = (
    Step("revert_code", "Bring the code back", revert_code, REVERT_CODE_AGAIN),
    command_step("reinstall", "Install the dependencies of the old code"),
    command_step("rebuild", "Build the old code"),
    command_step("start_app", "Start the application", undone_by("stop_app")),
    command_step("start_jobs", "Start the background jobs", undone_by("stop_jobs")),
    Step("wait_healthy", "Wait until the application is healthy", wait_healthy, LOOKS),
    Step("old_endpoints", "Verify the old endpoints", verify_old_endpoints, LOOKS),
    Step("prove", "Prove that the database is what it was", prove, LOOKS),
)
STEPS = (*STOP, *REVERT, *START)
NEXT: Mapping[RollbackMode, tuple[str, ...]] = {
    "revert": (
        "tell the team",
        "copy the draft of the incident report, and finish it: impact on users, plan",
        "read what was moved aside before it is removed for good",
    ),
    "restore": (
        "tell the team",
        "copy the draft of the incident report, and finish it: impact on users, plan",
        "drop the old database once nobody needs what it alone holds: nox -s status names it",
    ),
}
AGAIN = ("mend what failed and run nox -s rollback again: it goes on from there",)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a rollback.

    Args:
        mode: How the database is taken back.
        reason: Why; recorded.
        damaged: Of a restore: tables in which what was changed or deleted since the backup is
            damage, so that the backup's rows stand.
        agree: Of a restore: shown what would become of the rows since the backup, it gives the
            database's name as a person typed it, or raises; None takes `confirmed_database`.
    """

    mode: RollbackMode = "revert"
    reason: str = ""
    damaged: tuple[str, ...] = ()
    agree: Callable[[Sequence[str]], str] | None = None


def rollback(
    context: RolloutContext,
    tell: Tell,
    request: Request | None = None,
    *,
    confirmed_database: str | None = None,
    wait: bool = False,
) -> RollbackResult:
    """Roll back the latest deployment, however it ended.

    Args:
        context: The circumstances.
        tell: Shows each event.
        request: What is asked; a revert by default.
        confirmed_database: The database's name as typed by a person; production asks for it.
        wait: Wait for another deployer instead of refusing.

    Returns:
        How it ended, also when a step failed: then everything before that step stands.

    Raises:
        GonogoError: Something was wrong before the first step; nothing was done.
    """
    asked = request or Request()
    consent = Consent(confirmed_database, wait, asked_later=asked.agree is not None)
    started_at = datetime.now(UTC)
    with narrated("rollback", tell, context.logs, context.environ) as narrator:
        if reopen_cut_short(context.database):
            narrator.note("a restore that was cut short had closed the database: it is open again")
        with open_site(context, narrator, consent) as site:
            work = take_up(site)
            if work is None:
                return _result(_Ended(site, None, asked, started_at))
            return _carried_out(work, asked, consent, started_at)


def roll_back(work: Work, reason: str) -> RollbackResult:
    """Roll back a deployment whose database is open and locked already, by revert.

    Args:
        work: The deployment that failed.
        reason: Why; recorded.
    """
    told = work.site.narrator
    site = replace(work.site, narrator=Narrator("rollback", told.tell, told.log))
    # As it is now: the backup's step wrote down what the rollback is measured by.
    deployment = reread(site, work.deployment.id)
    asked = Request(reason=reason)
    return _run(replace(work, site=site, deployment=deployment), asked, STEPS, datetime.now(UTC))


def plan_rollback(context: RolloutContext, tell: Tell, request: Request) -> tuple[str, ...]:
    """What a rollback would do, in lines; nothing of the database is changed, no lock is kept.

    For a restore the backup is restored into a database of its own, which goes again.

    Args:
        context: The circumstances.
        tell: Shows each event.
        request: What would be asked.

    Raises:
        GonogoError: It cannot be told, and could not be done.
    """
    with (
        narrated("rollback", tell, context.logs, context.environ) as narrator,
        look_at_site(context, narrator) as site,
    ):
        work = take_up(site)
        if work is None:
            return ("nothing to roll back",)
        if request.mode == "revert" and not is_swapped(work):
            return (*step_lines(work, STEPS), *revert_lines(work))
        if is_swapped(work):
            return tuple(step_lines(work, (*STOP, *START)))
        with restoring(work, request.damaged) as restoration:
            was_there = restoration.is_prepared
            try:
                for step in restoration.preparation:
                    narrator.run(step, work)
                carried = restoration.needed_prospect
                steps = (*STOP_AGAIN, *restoration.steps, *START)
                return (*step_lines(work, steps), *restore_lines(work, carried))
            finally:
                if not was_there:
                    restoration.discard()


def _carried_out(
    work: Work, asked: Request, consent: Consent, started_at: datetime
) -> RollbackResult:
    if is_swapped(work):
        work.site.narrator.note("the restored database is in its place: the rollback goes on")
        _agreed(work, asked, consent, ("the database is restored already; the rest follows",))
        return _run(work, replace(asked, mode="restore"), (*STOP, *START), started_at)
    if asked.mode == "revert":
        return _run(work, asked, STEPS, started_at)
    with restoring(work, asked.damaged) as restoration:
        return _restored(restoration, asked, consent, started_at)


def _restored(
    restoration: Restoration, asked: Request, consent: Consent, started_at: datetime
) -> RollbackResult:
    work = restoration.work
    steps = (*STOP_AGAIN, *restoration.steps, *START)
    try:
        carry_out(restoration.preparation, work)
        _agreed(work, asked, consent, tuple(restore_lines(work, restoration.needed_prospect)))
    except UsageError:
        restoration.discard()
        raise
    except GonogoError as error:
        restoration.discard(unless_ready=isinstance(error, StepError))
        if not isinstance(error, StepError):
            raise
        left = (*restoration.preparation, *steps)
        return _result(_Ended(work.site, work.deployment, asked, started_at, left, error))
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
    ended = _Ended(work.site, deployment, asked, started_at, tuple(steps))
    try:
        carry_out([step for step in steps if step not in START], work)
        carry_out(START, restoration.work if restoration else work)
    except GonogoError as error:
        return _result(replace(ended, error=error))
    ledger.roll_back_deployment(deployment.id, asked.mode, asked.reason)
    return _result(ended)


@dataclass(frozen=True, slots=True)
class _Ended:
    site: Site
    deployment: Deployment | None
    asked: Request
    started_at: datetime
    steps: tuple[Step[Work], ...] = ()
    error: GonogoError | None = None


def _result(ended: _Ended) -> RollbackResult:
    site, deployment, error = ended.site, ended.deployment, ended.error
    done = {record.name for record in site.narrator.records}
    return RollbackResult(
        outcome="failed" if error else "succeeded" if deployment else "unchanged",
        deployment_id=deployment.id if deployment else None,
        mode=ended.asked.mode,
        reason=ended.asked.reason,
        identity=site.identity,
        facts=facts(site, deployment, site.narrator.log.path),
        steps=tuple(site.narrator.records),
        not_done=tuple(step.title for step in ended.steps if step.name not in done),
        started_at=ended.started_at,
        finished_at=datetime.now(UTC),
        log=site.narrator.log.path,
        error=error,
        next_steps=AGAIN if error else NEXT[ended.asked.mode],
        report=_report(ended),
    )


def _report(ended: _Ended) -> Report | None:
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
                tuple(site.narrator.records),
                site.ledger.steps(deployment.id),
                connection,
                application_schema(connection),
                context.config.archive_dir,
                context.simulated,
            )
        )
    except (GonogoError, OSError, psycopg.Error) as error:
        site.narrator.note(f"the incident report cannot be drafted: {first_line(error)}")
        return None
