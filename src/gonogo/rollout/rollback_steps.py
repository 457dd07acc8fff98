"""The steps of a rollback around the database's own: stop, old code, start, prove."""

from __future__ import annotations

from dataclasses import replace

from gonogo.rollout.application import (
    REVERT_CODE_AGAIN,
    command_step,
    restarted,
    revert_code,
    verify_old_endpoints,
    wait_healthy,
)
from gonogo.rollout.database_steps import REVERT_AGAIN, move_aside, prove
from gonogo.rollout.runner.steps import LOOKS, Resumption, Step
from gonogo.rollout.runner.work import Work

STOP: tuple[Step[Work], ...] = (
    command_step("stop_jobs", "Stop the background jobs", restarted()),
    command_step("stop_app", "Stop the application", restarted()),
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
    command_step("start_app", "Start the application", restarted("stop_app")),
    command_step("start_jobs", "Start the background jobs", restarted("stop_jobs")),
    Step("wait_healthy", "Wait until the application is healthy", wait_healthy, LOOKS),
    Step("old_endpoints", "Verify the old endpoints", verify_old_endpoints, LOOKS),
    Step("prove", "Prove that the database is what it was", prove, LOOKS),
)
STEPS = (*STOP, *REVERT, *START)
