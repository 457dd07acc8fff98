"""The steps of a rollback, in an order that keeps its outage short: build, stop, database, start.

The old code is built, or at hand, before anything is stopped. What never ran is not stopped.
"""

from __future__ import annotations

from dataclasses import replace

from gonogo.application.identity import State
from gonogo.ledger.rows import StepRow
from gonogo.rollout.application_steps import (
    REVERT_CODE_AGAIN,
    SWITCH,
    build_step,
    command_step,
    restarted,
    revert_code,
    verify_old_endpoints,
    wait_healthy,
)
from gonogo.rollout.database_steps import REVERT_AGAIN, move_aside, prove
from gonogo.rollout.fleet import OF_THE_CODE, others, touched
from gonogo.rollout.identity_steps import IDENTITY, SEEN, STOP_STANDS, STOPPED, instances
from gonogo.rollout.restore.restoration import Restoration
from gonogo.rollout.runner.steps import LOOKS, Resumption, Step
from gonogo.rollout.runner.work import Work

BUILD: tuple[Step[Work], ...] = (
    Step("revert_code", "Bring the code back", revert_code, REVERT_CODE_AGAIN),
    build_step("reinstall", "Install the dependencies of the old code"),
    build_step("rebuild", "Build the old code", last=True),
)
STOP: tuple[Step[Work], ...] = (
    SEEN,
    command_step("stop_jobs", "Stop the background jobs", STOP_STANDS),
    command_step("stop_app", "Stop the application", STOP_STANDS),
    STOPPED,
)
_AGAIN: Resumption[Work] = Resumption(
    stands=lambda _: False, otherwise="it may have been started again since"
)
# A restore closes the database to its users, so what was stopped before is stopped again.
STOP_AGAIN = (SEEN, *(replace(step, resumption=_AGAIN) for step in STOP if step is not SEEN))
REVERT: tuple[Step[Work], ...] = (
    Step("revert", "Revert the migrations, data moved aside", move_aside, REVERT_AGAIN),
)
PROVE: tuple[Step[Work], ...] = (
    Step("wait_healthy", "Wait until the application is healthy", wait_healthy, LOOKS),
    IDENTITY,
    Step("old_endpoints", "Verify the old endpoints", verify_old_endpoints, LOOKS),
    Step("prove", "Prove that the database is what it was", prove, LOOKS),
)
START: tuple[Step[Work], ...] = (
    SWITCH,
    command_step("start_app", "Start the application", restarted("stop_app")),
    command_step("start_jobs", "Start the background jobs", restarted("stop_jobs")),
    *PROVE,
)
STEPS = (*BUILD, *STOP, *REVERT, *START)
RESTARTS = frozenset({"stop_jobs", "stop_app", "switch", "start_app", "start_jobs"})


def reverting_steps(work: Work) -> tuple[Step[Work], ...]:
    """The steps of a rollback by revert.

    Args:
        work: What is rolled back.
    """
    elsewhere = any(one.may_have_switched(work.deployment.revision) for one in others(work.context))
    if work.context.member and not elsewhere and not touched(_deploying(work), OF_THE_CODE):
        # The code waited for the fleet, and is what it was.
        return (*REVERT, *PROVE)
    if _only_in_the_checkout(work):
        # The reverts are read from the directory that revert_code brings back.
        return (*STOP, *REVERT, *BUILD, *START)
    if not elsewhere and _runs_still(work):
        return (*BUILD, *REVERT, *PROVE)
    return STEPS


def restored_steps(restoration: Restoration) -> tuple[Step[Work], ...]:
    """The steps of a rollback by restore, after its preparation.

    Args:
        restoration: The prepared one.
    """
    return (*BUILD, *STOP_AGAIN, *restoration.steps, *START)


def swapped_steps() -> tuple[Step[Work], ...]:
    """The steps that are left where the restored database is in its place already."""
    return (*BUILD, *STOP, *START)


def _runs_still(work: Work) -> bool:
    """Whether the old version was never stopped, and so runs: the new one never did.

    An attempt before this one, which is taken back too, may have stopped it.
    """
    rows = work.site.ledger.steps(work.deployment.id)
    if not any(row.procedure == "deploy" and row.name == "migrate" for row in rows):
        # Without its steps nothing is known of a deployment.
        return False
    rows = _deploying(work)
    if any(row.name in RESTARTS and row.outcome != "skipped" for row in rows):
        return False
    return all(one.state is not State.GONE for one in instances(work))


def _deploying(work: Work) -> tuple[StepRow, ...]:
    """The steps of all that is taken back."""
    attempts = (work.deployment.id, *work.earlier)
    return tuple(row for one in attempts for row in work.site.ledger.steps(one))


def _only_in_the_checkout(work: Work) -> bool:
    """Whether the reverts would be gone with the new code."""
    section, directory = work.context.section, work.context.config.migrations_dir
    return (
        directory is not None
        and section.repository is None
        and directory.resolve().is_relative_to(section.cwd.resolve())
    )
