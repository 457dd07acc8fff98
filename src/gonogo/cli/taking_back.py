"""``gonogo rollback``: by revert or restore, with a look ahead, with consent, and with a record."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.aside import afterwards
from gonogo.cli.endings import interruptible
from gonogo.cli.rolling import SEE_STATUS, describe_database, require_mark
from gonogo.cli.session import open_database, require_ledger, required_environment, rollout_context
from gonogo.errors import UsageError

if TYPE_CHECKING:
    from gonogo.ledger.rows import Deployment
    from gonogo.report.narration import Narration
    from gonogo.rollout.runner.context import RolloutContext
    from gonogo.rollout.standing import Standing

CONSENT = "--yes-roll-back"


class Mode(StrEnum):
    """How the database is taken back."""

    REVERT = "revert"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say.

    Args:
        mode: How the database is taken back.
        reason: Why.
        damaged: Tables whose changes since the backup are damage.
        given: The consent, when an option gave it.
        wait: Wait for another deployer.
        deployment: Which one, where it is not the latest.
    """

    mode: Mode
    reason: str
    damaged: tuple[str, ...]
    given: str | None
    wait: bool
    deployment: int | None = None


def rollback(  # noqa: PLR0913  # each is an option of the command
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV.")
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="revert loses nothing; restore is for damaged old data.")
    ] = Mode.REVERT,
    plan: Annotated[
        bool, typer.Option("--plan", help="Tell what would happen; change nothing.")
    ] = False,
    damaged: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TABLE",
            help="With restore: what was changed or deleted in it since the backup is damage.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; recorded.")] = "",
    yes_roll_back: Annotated[
        str | None, typer.Option(metavar="DBNAME", help="The consent that is asked for.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another deployer.")] = False,
    drop_aside: Annotated[
        bool, typer.Option("--drop-aside", help="Remove for good what a revert moved aside.")
    ] = False,
    reapply_aside: Annotated[
        bool, typer.Option("--reapply-aside", help="After a new deployment: copy it back.")
    ] = False,
    deployment: Annotated[
        int | None,
        typer.Option(help="Which one, where it is not the latest, or there are several."),
    ] = None,
) -> None:
    """Roll back the latest deployment: migrations reverted, data moved aside, old code."""
    _require_sense({"--plan": plan, "--drop-aside": drop_aside, "--reapply-aside": reapply_aside})
    if damaged and mode is not Mode.RESTORE:
        raise UsageError("--damaged goes with --mode restore alone", "a revert keeps every row")
    named = required_environment(environment)
    context = rollout_context(named, {**os.environ, "NODE_ENV": named.value})
    wish = Wish(mode, reason, tuple(damaged or ()), yes_roll_back, wait, deployment)
    if plan:
        _plan(context, wish)
    elif drop_aside or reapply_aside:
        afterwards(context, wish.given, deployment, drop=drop_aside, wait=wait)
    else:
        _roll_back(context, wish)


def _require_sense(chosen: Mapping[str, bool]) -> None:
    given = [name for name, is_given in chosen.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} do not go together", "say one thing at a time")


def _plan(context: RolloutContext, wish: Wish) -> None:
    from gonogo.report.narration import Narration
    from gonogo.rollout.rollback import Request
    from gonogo.rollout.rollback_plan import plan_rollback

    narration = Narration.to_terminal(streams=True)
    with interruptible("nothing was changed"):
        request = Request(wish.mode.value, wish.reason, wish.damaged, wish.deployment)
        lines = plan_rollback(context, narration, request)
    narration.chapter(f"What rollback --mode {wish.mode} would do")
    for line in lines:
        narration.say(f"  {line}")
    narration.say("nothing was changed")


def _roll_back(context: RolloutContext, wish: Wish) -> None:
    from gonogo.cli.consent import confirmed, require_somebody
    from gonogo.cli.outcome import tell_rollback
    from gonogo.report.narration import Narration
    from gonogo.rollout.recording import recorded
    from gonogo.rollout.rollback import Request
    from gonogo.rollout.rollback import rollback as carry_out

    narration = Narration.to_terminal(streams=True)
    standing = _standing(context, narration)
    meant = _meant(standing, narration, wish.deployment)
    if meant is None:
        return
    told = _told(context, standing, meant, wish)

    def agree(lines: Sequence[str]) -> str:
        return confirmed(
            narration, standing.identity, [*told, *lines], given=wish.given, option=CONSENT
        )

    name, agreed = None, None
    if wish.mode is Mode.RESTORE:
        # Before the preparation, which may be long.
        require_somebody(standing.identity, given=wish.given, option=CONSENT)
        agreed = agree
    else:
        name = agree(())
    narration.chapter(f"Roll back {context.environment}")
    request = Request(wish.mode.value, wish.reason, wish.damaged, wish.deployment, agreed)
    with interruptible(SEE_STATUS):
        result, record = recorded(
            "rollback",
            context,
            narration,
            lambda tell: carry_out(context, tell, request, confirmed_database=name, wait=wish.wait),
        )
    tell_rollback(narration, result, record)


def _standing(context: RolloutContext, narration: Narration) -> Standing:
    """How the database stands, opened again when a restore that was cut short had closed it."""
    from gonogo.rollout.restore.swap import reopen_cut_short
    from gonogo.rollout.standing import read_standing

    if reopen_cut_short(context.database):
        narration.say("a restore that was cut short had closed the database: it is open again")
    with open_database("rollback") as connection:
        require_ledger(connection)
        standing = read_standing(connection)
    require_mark(standing, context.environment)
    return standing


def _meant(standing: Standing, narration: Narration, number: int | None) -> Deployment | None:
    """The deployment to roll back; None, and why is told, when there is nothing."""
    from gonogo.ledger.rows import to_roll_back, why_nothing

    meant = to_roll_back(standing.deployments, number)
    if meant is None:
        why = why_nothing(standing.deployments, number)
        narration.say(f"nothing to roll back: {why}; nothing was done")
    return meant


def _told(context: RolloutContext, standing: Standing, meant: Deployment, wish: Wish) -> list[str]:
    becomes = {
        Mode.REVERT: "what the new version wrote into new tables and columns is moved aside, not"
        " dropped",
        Mode.RESTORE: "the backup takes the database's place; the database as it is is kept under"
        " another name",
    }
    return [
        f"roll back deployment {meant.id} of {context.environment} ({standing.state(meant)})",
        f"revision {meant.revision}, back to {meant.previous_revision}",
        becomes[wish.mode],
        *describe_database(context, standing),
    ]
