"""``gonogo rollback --drop-aside`` and ``--reapply-aside``: each with its own confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gonogo.cli.endings import interruptible
from gonogo.cli.rolling import describe_database, require_mark
from gonogo.cli.session import open_database, require_ledger

if TYPE_CHECKING:
    from gonogo.report.narration import Narration
    from gonogo.rollout.runner.context import RolloutContext

CONSENT = "--yes-roll-back"


def afterwards(
    context: RolloutContext, given: str | None, deployment: int | None, *, drop: bool, wait: bool
) -> None:
    """Drop for good what a revert moved aside, or copy it back.

    Args:
        context: The circumstances.
        given: The consent, when an option gave it.
        deployment: Whose; None where something lies aside of one alone.
        drop: Drop it; else it is copied back.
        wait: Wait for another deployer.

    Raises:
        GonogoError: Nothing of it lies aside, a person cancelled, or a statement failed.
    """
    from gonogo.report.narration import Narration
    from gonogo.rollout.afterwards import drop_kept, reapply_kept
    from gonogo.rollout.runner.site import Consent

    narration = Narration.to_terminal(streams=True)
    name = _confirmed(context, narration, given, deployment, drop=drop)
    consent = Consent(name, wait)
    with interruptible("nothing of it was changed, or all: run the same again"):
        if drop:
            drop_kept(context, narration, deployment, consent)
            return
        for one in reapply_kept(context, narration, deployment, consent):
            narration.say(f"  {one}")
    narration.say("it lies aside still: ./noxw -s rollback -- --drop-aside removes it")


def _confirmed(
    context: RolloutContext,
    narration: Narration,
    given: str | None,
    deployment: int | None,
    *,
    drop: bool,
) -> str:
    from gonogo.cli.consent import confirmed
    from gonogo.rollout.migrations.revert import chosen
    from gonogo.rollout.standing import read_standing

    with open_database("rollback") as connection:
        require_ledger(connection)
        aside = chosen(connection, deployment)
    with open_database("rollback") as connection:
        standing = read_standing(connection)
    require_mark(standing, context.environment)
    what = "drop for good" if drop else "copy back"
    told = [
        f"{what} what deployment {aside.deployment_id} wrote, which lies in {aside.schema}:",
        *(f"  {table}: {count:,} rows" for table, count in aside.rows.items()),
        *describe_database(context, standing),
    ]
    return confirmed(narration, standing.identity, told, given=given, option=CONSENT)
