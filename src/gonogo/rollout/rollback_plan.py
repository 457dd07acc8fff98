"""`rollback -- --plan`: what a rollback would do, found out without doing it."""

from __future__ import annotations

from gonogo.model.step import Tell
from gonogo.rollout.prospect import restore_lines, revert_lines, step_lines
from gonogo.rollout.restore.restoration import is_swapped, restoring
from gonogo.rollout.rollback_ending import Request, as_agreed
from gonogo.rollout.rollback_steps import START, STEPS, STOP, STOP_AGAIN
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.site import look_at_site
from gonogo.rollout.runner.steps import running
from gonogo.rollout.runner.work import to_be_rolled_back, why_none


def plan_rollback(context: RolloutContext, tell: Tell, request: Request) -> tuple[str, ...]:
    """What a rollback would do, in lines; nothing of the database is changed, no lock is kept.

    For a restore the backup is restored into a database of its own, which goes again.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        request: What would be asked.

    Raises:
        GonogoError: It cannot be told, and could not be done.
    """
    with (
        running("rollback", tell, context.logs, context.environ) as runner,
        look_at_site(context, runner) as site,
    ):
        work = to_be_rolled_back(site, request.deployment)
        if work is None:
            return (f"nothing to roll back: {why_none(site, request.deployment)}",)
        if request.mode == "revert" and not is_swapped(work):
            return (*step_lines(work, STEPS), *revert_lines(work))
        if is_swapped(work):
            return tuple(step_lines(work, (*STOP, *START)))
        with restoring(work, as_agreed(work, request).damaged) as restoration:
            was_there = restoration.new.is_there
            try:
                for step in restoration.preparation:
                    runner.run(step, work)
                carried = restoration.needed_prospect
                steps = (*STOP_AGAIN, *restoration.steps, *START)
                return (*step_lines(work, steps), *restore_lines(work, carried))
            finally:
                if not was_there:
                    restoration.discard()
