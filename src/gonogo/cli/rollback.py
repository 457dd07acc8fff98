"""``gonogo rollback``: by revert or restore, planned, confirmed and recorded; and what lies aside.

``--drop-aside`` and ``--reapply-aside`` work on what a revert moved aside, each with a confirmation
of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.databases import OfFleet, open_database, standing_now
from gonogo.cli.deploy import describe_database, require_mark, see_status, show_rollback
from gonogo.cli.inputs import (
    confirmed,
    masked,
    require_somebody,
    required_environment,
    rollout_context,
)
from gonogo.errors import UsageError
from gonogo.interruption import interruptible
from gonogo.screen import command

if TYPE_CHECKING:
    from gonogo.ledger.rows import Deployment
    from gonogo.report.narration import Narration
    from gonogo.rollout.rollback_plan import Request
    from gonogo.rollout.runner.context import RolloutContext
    from gonogo.rollout.runner.result import RollbackMode
    from gonogo.rollout.runner.site import Consent
    from gonogo.rollout.standing import Standing

CONSENT = "--yes-roll-back"


class Mode(StrEnum):
    """How the database is rolled back."""

    REVERT = "revert"
    RESTORE = "restore"


BECOMES: Mapping[RollbackMode, str] = {
    "revert": "what the new version wrote into new tables and columns is moved aside, not dropped",
    "restore": "the backup takes the database's place; the database as it is is kept under"
    " another name",
}


def rollback(  # noqa: PLR0913  # each is an option of the command
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV.")
    ] = None,
    database: OfFleet = None,
    mode: Annotated[
        Mode, typer.Option(help="revert loses nothing; restore is for damaged old data.")
    ] = Mode.REVERT,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would happen; change nothing.")
    ] = False,
    damaged: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TABLE",
            help="With restore: changes and deletions in it since the backup are damage.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", parser=masked, help="Why; recorded.")] = "",
    yes_roll_back: Annotated[
        str | None,
        typer.Option(metavar="DBNAME", help="Confirm the rollback by the database's name."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another deployer.")] = False,
    drop_aside: Annotated[
        bool, typer.Option("--drop-aside", help="Remove for good what a revert moved aside.")
    ] = False,
    reapply_aside: Annotated[
        bool,
        typer.Option(
            "--reapply-aside", help="After a new deployment: copy back what was moved aside."
        ),
    ] = False,
    deployment: Annotated[
        int | None,
        typer.Option(help="Which deployment, where it is not the latest, or there are several."),
    ] = None,
) -> None:
    """Roll back the latest deployment: migrations reverted, data moved aside, old code."""
    from gonogo.application.environment import LOOKS, ROLLS_BACK
    from gonogo.rollout.rollback_plan import Request
    from gonogo.rollout.runner.site import Consent

    chosen = {"--plan": plan, "--drop-aside": drop_aside, "--reapply-aside": reapply_aside}
    given = [name for name, is_given in chosen.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} do not go together", "say one thing at a time")
    if damaged and mode is not Mode.RESTORE:
        raise UsageError("--damaged goes with --mode restore alone", "a revert keeps every row")
    named = required_environment(environment)
    uses = LOOKS if plan or drop_aside or reapply_aside else ROLLS_BACK
    context = rollout_context(named, {**os.environ, "NODE_ENV": named.value}, uses, database)
    request = Request(mode.value, reason, tuple(damaged or ()), deployment)
    consent = Consent(yes_roll_back, wait)
    if plan:
        _plan(context, request)
    elif drop_aside or reapply_aside:
        _aside(context, deployment, consent, drop=drop_aside)
    else:
        _roll_back(context, request, consent)


def _plan(context: RolloutContext, request: Request) -> None:
    from gonogo.report.narration import Narration
    from gonogo.rollout.rollback_plan import plan_rollback

    narration = Narration.to_terminal(streams=True)
    with interruptible("nothing was changed"):
        lines = plan_rollback(context, narration, request)
    narration.chapter(f"What rollback --mode {request.mode} would do")
    for line in lines:
        narration.say(f"  {line}")
    narration.say("nothing was changed")


def _roll_back(context: RolloutContext, request: Request, consent: Consent) -> None:
    from gonogo.ledger.attempts import to_roll_back, why_nothing
    from gonogo.report.narration import Narration
    from gonogo.rollout.recording import recorded
    from gonogo.rollout.rollback import rollback as carry_out
    from gonogo.rollout.runner.site import Consent

    narration = Narration.to_terminal(streams=True)
    standing = _standing(context, narration)
    meant = to_roll_back(standing.deployments, request.deployment)
    if meant is None:
        why = why_nothing(standing.deployments, request.deployment)
        narration.say(f"nothing to roll back: {why}; nothing was done")
        return
    described = _described(context, standing, meant, request.mode)

    given = consent.confirmed_database

    def agree(lines: Sequence[str]) -> str:
        shown = [*described, *lines]
        return confirmed(narration, standing.identity, shown, given=given, option=CONSENT)

    if request.mode == "restore":
        # Before the preparation, which may be long.
        require_somebody(standing.identity, given=given, option=CONSENT)
        request, consent = replace(request, agree=agree), Consent(wait=consent.wait)
    else:
        consent = replace(consent, confirmed_database=agree(()))
    narration.chapter(f"Roll back {context.place}")
    with interruptible(see_status()):
        result, record = recorded(
            "rollback",
            context,
            narration,
            lambda tell: carry_out(context, tell, request, consent),
        )
    show_rollback(narration, result, record)


def _standing(context: RolloutContext, narration: Narration) -> Standing:
    """The database's standing, after opening it where an interrupted restore had closed it."""
    from gonogo.rollout.restore.swap import reopen_cut_short

    if reopen_cut_short(context.database):
        narration.say("a restore that was cut short had closed the database: it is open again")
    standing = standing_now("rollback", context.database, with_ledger=True)
    require_mark(standing, context.environment)
    return standing


def _described(
    context: RolloutContext, standing: Standing, meant: Deployment, mode: RollbackMode
) -> list[str]:
    from gonogo.ledger.attempts import staying_lines, taken_back, taken_lines

    back = taken_back(standing.deployments, meant, standing.migrations)
    there = [row for row in standing.migrations if row.reverted_at is None]
    return [
        f"roll back deployment {meant.id} of {context.place} ({standing.state(meant)})",
        *taken_lines(back),
        f"revision {meant.revision}, back to {back.previous_revision}",
        BECOMES[mode],
        *(staying_lines(back, there) if mode == "revert" else ()),
        *describe_database(context, standing),
    ]


def _aside(
    context: RolloutContext, deployment: int | None, consent: Consent, *, drop: bool
) -> None:
    """Drop for good what a revert moved aside, or copy it back."""
    from gonogo.report.narration import Narration
    from gonogo.rollout.aside import drop_kept, reapply_kept

    narration = Narration.to_terminal(streams=True)
    given = consent.confirmed_database
    name = _aside_confirmed(context, narration, deployment, given, drop=drop)
    consent = replace(consent, confirmed_database=name)
    with interruptible("either all of it was changed or nothing: run the same again"):
        if drop:
            drop_kept(context, narration, deployment, consent)
            return
        for one in reapply_kept(context, narration, deployment, consent):
            narration.say(f"  {one}")
    narration.say(f"it lies aside still: {command('rollback', '--drop-aside')} removes it")


def _aside_confirmed(
    context: RolloutContext,
    narration: Narration,
    deployment: int | None,
    given: str | None,
    *,
    drop: bool,
) -> str:
    from gonogo.rollout.migrations.revert import chosen

    with open_database("rollback", context.database, with_ledger=True) as connection:
        aside = chosen(connection, deployment)
    standing = standing_now("rollback", context.database)
    require_mark(standing, context.environment)
    what = "drop for good" if drop else "copy back"
    lines = [
        f"{what} what deployment {aside.deployment_id} wrote, which lies in {aside.schema}:",
        *(f"  {table}: {count:,} rows" for table, count in aside.rows.items()),
        *describe_database(context, standing),
    ]
    return confirmed(narration, standing.identity, lines, given=given, option=CONSENT)
