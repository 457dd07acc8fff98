"""Roll back by revert: reverse migrations, data moved aside, old code, and the proof of equality.

Every step can be run again, so a rollback that stopped goes on when it is run once more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from gonogo.errors import GonogoError, UsageError
from gonogo.rollout.application import (
    REVERT_CODE_AGAIN,
    command_step,
    revert_code,
    undone_by,
    verify_old_endpoints,
    wait_healthy,
)
from gonogo.rollout.context import RolloutContext
from gonogo.rollout.database_steps import REVERT_AGAIN, move_aside, prove
from gonogo.rollout.narrator import Narrator, narrated
from gonogo.rollout.result import RollbackResult
from gonogo.rollout.resume import carry_out
from gonogo.rollout.rows import Deployment
from gonogo.rollout.site import Consent, Site, open_site
from gonogo.rollout.steps import LOOKS, Step, Tell
from gonogo.rollout.work import Work, facts, reread, take_up

STEPS: tuple[Step[Work], ...] = (
    command_step("stop_jobs", "Stop the background jobs"),
    command_step("stop_app", "Stop the application"),
    Step("revert", "Revert the migrations, data moved aside", move_aside, REVERT_AGAIN),
    Step("revert_code", "Bring the code back", revert_code, REVERT_CODE_AGAIN),
    command_step("reinstall", "Install the dependencies of the old code"),
    command_step("rebuild", "Build the old code"),
    command_step("start_app", "Start the application", undone_by("stop_app")),
    command_step("start_jobs", "Start the background jobs", undone_by("stop_jobs")),
    Step("wait_healthy", "Wait until the application is healthy", wait_healthy, LOOKS),
    Step("old_endpoints", "Verify the old endpoints", verify_old_endpoints, LOOKS),
    Step("prove", "Prove that the database is what it was", prove, LOOKS),
)
NEXT = (
    "tell the team",
    "finish the incident report: reason, issues, impact on users, steps taken, plan",
    "read what was moved aside before it is removed for good",
)
AGAIN = ("mend what failed and run nox -s rollback again: it goes on from there",)


def rollback(
    context: RolloutContext,
    tell: Tell,
    *,
    mode: Literal["revert"] = "revert",
    reason: str = "",
    confirmed_database: str | None = None,
    wait: bool = False,
) -> RollbackResult:
    """Roll back the latest deployment, however it ended.

    Args:
        context: The circumstances.
        tell: Shows each event.
        mode: How the database is taken back.
        reason: Why; recorded.
        confirmed_database: The database's name as typed by a person; production asks for it.
        wait: Wait for another deployer instead of refusing.

    Returns:
        How it ended, also when a step failed: then everything before that step stands.

    Raises:
        GonogoError: Something was wrong before the first step; nothing was done.
    """
    if mode != "revert":
        raise UsageError(f"there is no mode {mode}", "the mode is revert")
    consent = Consent(confirmed_database, wait)
    started_at = datetime.now(UTC)
    with (
        narrated("rollback", tell, context.logs, context.environ) as narrator,
        open_site(context, narrator, consent) as site,
    ):
        work = take_up(site)
        if work is None:
            return _result(site, None, reason, started_at)
        return _roll_back(work, reason, started_at)


def roll_back(work: Work, reason: str) -> RollbackResult:
    """Roll back a deployment whose database is open and locked already.

    Args:
        work: The deployment that failed.
        reason: Why; recorded.
    """
    told = work.site.narrator
    site = replace(work.site, narrator=Narrator("rollback", told.tell, told.log))
    # As it is now: the backup's step wrote down what the rollback is measured by.
    deployment = reread(site, work.deployment.id)
    return _roll_back(replace(work, site=site, deployment=deployment), reason, datetime.now(UTC))


def _roll_back(work: Work, reason: str, started_at: datetime) -> RollbackResult:
    site, deployment = work.site, work.deployment
    if deployment.outcome == "succeeded":
        # From its first step on, what was deployed is no longer what runs.
        site.ledger.finish_deployment(deployment.id, "failed")
    try:
        carry_out(STEPS, work)
    except GonogoError as error:
        return _result(site, deployment, reason, started_at, error)
    site.ledger.roll_back_deployment(deployment.id, "revert", reason)
    return _result(site, deployment, reason, started_at)


def _result(
    site: Site,
    deployment: Deployment | None,
    reason: str,
    started_at: datetime,
    error: GonogoError | None = None,
) -> RollbackResult:
    done = {record.name for record in site.narrator.records}
    left = [step.title for step in STEPS if step.name not in done]
    return RollbackResult(
        outcome="failed" if error else "succeeded" if deployment else "unchanged",
        deployment_id=deployment.id if deployment else None,
        mode="revert",
        reason=reason,
        identity=site.identity,
        facts=facts(site, deployment, site.narrator.log.path),
        steps=tuple(site.narrator.records),
        not_done=tuple(left) if deployment else (),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        log=site.narrator.log.path,
        error=error,
        next_steps=AGAIN if error else NEXT,
    )
