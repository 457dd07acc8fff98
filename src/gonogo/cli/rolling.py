"""``gonogo deploy``: with consent, and with a record of what became of it."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.endings import interruptible
from gonogo.cli.finding import find_record
from gonogo.cli.session import open_database, rollout_context
from gonogo.errors import GonogoError, UsageError
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    from gonogo.report.narration import Narration
    from gonogo.rollout.runner.context import RolloutContext
    from gonogo.rollout.runner.site import Consent
    from gonogo.rollout.standing import Standing

SEE_STATUS = "./noxw -s status tells how far it came; run the same again to go on from there"


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
    staging_record: Annotated[
        str | None,
        typer.Option(
            metavar="RECORD", help="The signed record of staging; by default the newest there is."
        ),
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
    from gonogo.rollout.preflight.permission import require_go
    from gonogo.rollout.runner.site import Consent

    context = rollout_context(
        environment,
        os.environ,
        revision=revision,
        previous_revision=previous_revision,
        backup_check=backup_check.value,
    )
    if staging_record:
        found = find_record(staging_record, context.config.archive_dir)
        context = replace(context, staging_record=found)
    if plan:
        _plan(context, override)
        return
    if environment is Environment.PRODUCTION:
        # Before a person is asked for anything.
        require_go(context, override)
    _deploy(context, Consent(yes_deploy_to, wait), override)


def _plan(context: RolloutContext, override: str | None) -> None:
    from gonogo.cli.planning import show_plan
    from gonogo.report.narration import Narration
    from gonogo.rollout.preflight.permission import require_go
    from gonogo.rollout.preflight.plan import plan

    with interruptible("nothing was changed"):
        made = plan(context)
        if context.environment is Environment.PRODUCTION:
            try:
                require_go(context, override)
            except GonogoError as error:
                # A plan may be looked at before anybody signed.
                made = replace(made, notes=(*made.notes, error.problem))
        show_plan(Narration.to_terminal(), context, made)


def _deploy(context: RolloutContext, consent: Consent, override: str | None) -> None:
    from gonogo.cli.outcome import tell_deployment
    from gonogo.report.narration import Narration
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
            narration,
            lambda tell: carry_out(
                context,
                tell,
                confirmed_database=name,
                override_reason=override,
                wait=consent.wait,
            ),
        )
    tell_deployment(narration, context, result, record)


def _deployment_confirmed(context: RolloutContext, narration: Narration, given: str | None) -> str:
    from gonogo.cli.consent import confirmed
    from gonogo.rollout.standing import read_standing

    with open_database("deploy") as connection:
        standing = read_standing(connection)
    require_mark(standing, context.environment)
    told = [f"deploy {context.revision or 'HEAD'} to {context.environment}"]
    told += describe_database(context, standing)
    if lasting := _lasting(context, standing):
        told += [f"cannot be reverted, only restored from the backup: {lasting}"]
    return confirmed(narration, standing.identity, told, given=given, option="--yes-deploy-to")


def _lasting(context: RolloutContext, standing: Standing) -> str:
    """The files to come that no revert takes back; empty when there are none."""
    from gonogo.ledger.migration import irreversible, named

    known = {row.version: row for row in standing.migrations if row.reverted_at is None}
    return named(irreversible(context.migrations(), known))


def require_mark(standing: Standing, environment: Environment) -> None:
    """See that the ledger does not know the database as another environment.

    Raises:
        UsageError: It does.
    """
    if standing.mark and standing.mark.name != environment:
        raise UsageError(
            f"the ledger knows this database as {standing.mark.name}, not as {environment};"
            " nothing was done",
            "check which database the variables name",
        )


def describe_database(context: RolloutContext, standing: Standing) -> list[str]:
    """Which database it is, in lines for a person."""
    identity = standing.identity
    return [
        f"database {identity.database} ({context.database.shown})",
        f"PostgreSQL {identity.server_version} as {identity.role}",
        f"system identifier {identity.system_identifier or 'not for this role to know'}",
    ]
