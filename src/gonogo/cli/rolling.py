"""``gonogo deploy`` and ``rollback``: with consent, and with a record of what became of it."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.endings import interruptible
from gonogo.cli.session import open_database, require_ledger, required_environment, rollout_context
from gonogo.errors import UsageError
from gonogo.model import Environment

if TYPE_CHECKING:
    from gonogo.narration import Narration
    from gonogo.rollout.context import RolloutContext
    from gonogo.rollout.site import Consent
    from gonogo.rollout.standing import Standing

SEE_STATUS = "nox -s status tells how far it came; run the same again to go on from there"


class Check(StrEnum):
    """How a backup is verified."""

    READ = "read"
    RESTORE = "restore"


def deploy(  # noqa: PLR0913  # each is an option of the command
    environment: Annotated[Environment, typer.Argument(help="Must be what NODE_ENV says.")],
    *,
    revision: Annotated[str, typer.Option(help="What is to run; by default git's HEAD.")] = "",
    previous_revision: Annotated[
        str, typer.Option(help="What runs now; by default what git or the ledger says.")
    ] = "",
    yes_deploy_to: Annotated[
        str | None, typer.Option(metavar="DBNAME", help="The consent that production asks for.")
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Go without a signed GO record of staging."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another deployer.")] = False,
    backup_check: Annotated[
        Check, typer.Option(help="restore proves more; read is for the huge.")
    ] = Check.RESTORE,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only tell what would be done, and what it would lock.")
    ] = False,
) -> None:
    """Deploy the application's revision and its migrations, step by step."""
    from gonogo.rollout.deploy import require_go
    from gonogo.rollout.site import Consent

    if not plan:
        require_go(environment, override)
    context = rollout_context(
        environment,
        os.environ,
        revision=revision,
        previous_revision=previous_revision,
        backup_check=backup_check.value,
    )
    if plan:
        _plan(context)
        return
    _deploy(context, Consent(yes_deploy_to, wait), override)


def rollback(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; recorded.")] = "",
    yes_roll_back: Annotated[
        str | None, typer.Option(metavar="DBNAME", help="The consent that is asked for.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another deployer.")] = False,
) -> None:
    """Roll back the latest deployment: migrations reverted, data moved aside, old code."""
    from gonogo.rollout.site import Consent

    named = required_environment(environment)
    context = rollout_context(named, {**os.environ, "NODE_ENV": named.value})
    _roll_back(context, Consent(yes_roll_back, wait), reason)


def _plan(context: RolloutContext) -> None:
    from gonogo.cli.planning import show_plan
    from gonogo.narration import Narration
    from gonogo.rollout.plan import plan

    with interruptible("nothing was changed"):
        show_plan(Narration.to_terminal(), context, plan(context))


def _deploy(context: RolloutContext, consent: Consent, override: str | None) -> None:
    from gonogo.cli.outcome import tell_deployment
    from gonogo.narration import Narration
    from gonogo.rollout.deploy import deploy as carry_out
    from gonogo.rollout.recording import recorded

    narration, name = Narration.to_terminal(streams=True), consent.confirmed_database
    if context.environment is Environment.PRODUCTION:
        name = _deployment_confirmed(context, narration, name)
    narration.chapter(f"Deploy to {context.environment}")
    with interruptible(SEE_STATUS):
        result, record = recorded(
            "deployment",
            context,
            lambda: carry_out(
                context,
                narration,
                confirmed_database=name,
                override_reason=override,
                wait=consent.wait,
            ),
        )
    tell_deployment(narration, context, result, record)


def _roll_back(context: RolloutContext, consent: Consent, reason: str) -> None:
    from gonogo.cli.outcome import tell_rollback
    from gonogo.narration import Narration
    from gonogo.rollout.recording import recorded
    from gonogo.rollout.rollback import rollback as carry_out

    narration = Narration.to_terminal(streams=True)
    name = _rollback_confirmed(context, narration, consent.confirmed_database)
    if name is None:
        return
    narration.chapter(f"Roll back {context.environment}")
    with interruptible(SEE_STATUS):
        result, record = recorded(
            "rollback",
            context,
            lambda: carry_out(
                context, narration, reason=reason, confirmed_database=name, wait=consent.wait
            ),
        )
    tell_rollback(narration, result, record)


def _deployment_confirmed(context: RolloutContext, narration: Narration, given: str | None) -> str:
    from gonogo.cli.consent import confirmed
    from gonogo.rollout.standing import read_standing

    with open_database("deploy") as connection:
        standing = read_standing(connection)
    _require_mark(standing, context.environment)
    told = [f"deploy {context.revision or 'HEAD'} to {context.environment}"]
    told += _database(context, standing)
    if lasting := _lasting(context, standing):
        told += [f"cannot be reverted, only restored from the backup: {lasting}"]
    return confirmed(narration, standing.identity, told, given=given, option="--yes-deploy-to")


def _lasting(context: RolloutContext, standing: Standing) -> str:
    """The files to come that no revert takes back; empty when there are none."""
    from gonogo.rollout.inventory import irreversible, named

    known = {row.version: row for row in standing.migrations if row.reverted_at is None}
    return named(irreversible(context.migrations(), known))


def _rollback_confirmed(
    context: RolloutContext, narration: Narration, given: str | None
) -> str | None:
    """The name of the database; None when there is nothing to roll back."""
    from gonogo.cli.consent import confirmed
    from gonogo.rollout.standing import read_standing

    with open_database("rollback") as connection:
        require_ledger(connection)
        standing = read_standing(connection)
    _require_mark(standing, context.environment)
    latest = standing.latest
    if latest is None or latest.outcome == "rolled_back":
        done = f"deployment {latest.id} is rolled back already" if latest else "none was begun"
        narration.say(f"nothing to roll back: {done}; nothing was done")
        return None
    told = [
        f"roll back deployment {latest.id} of {context.environment} ({standing.state(latest)})",
        f"revision {latest.revision}, back to {latest.previous_revision}",
        "what the new version wrote into new tables and columns is moved aside, not dropped",
        *_database(context, standing),
    ]
    return confirmed(narration, standing.identity, told, given=given, option="--yes-roll-back")


def _require_mark(standing: Standing, environment: Environment) -> None:
    if standing.mark and standing.mark.name != environment:
        raise UsageError(
            f"the ledger knows this database as {standing.mark.name}, not as {environment};"
            " nothing was done",
            "check which database the variables name",
        )


def _database(context: RolloutContext, standing: Standing) -> list[str]:
    identity = standing.identity
    return [
        f"database {identity.database} ({context.database.shown})",
        f"PostgreSQL {identity.server_version} as {identity.role}",
        f"system identifier {identity.system_identifier or 'not for this role to know'}",
    ]
