"""``gonogo deploy``: with consent, and with a record of how it ended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.databases import OfFleet, standing_now
from gonogo.cli.inputs import confirmed, masked, rollout_context
from gonogo.errors import GonogoError, UsageError
from gonogo.interruption import interruptible
from gonogo.model.kinds import Environment
from gonogo.screen import command

if TYPE_CHECKING:
    from gonogo.report.narration import Narration
    from gonogo.rollout.runner.context import RolloutContext
    from gonogo.rollout.runner.result import DeploymentResult, RollbackResult
    from gonogo.rollout.runner.site import Consent
    from gonogo.rollout.standing import Standing

TITLES = {
    ("deployment", "succeeded"): "Deployed",
    ("deployment", "unchanged"): "Deployed already: nothing was changed",
    ("deployment", "failed"): "The deployment failed",
    ("rollback", "succeeded"): "Rolled back",
    ("rollback", "unchanged"): "There was nothing to roll back: nothing was changed",
    ("rollback", "failed"): "The rollback failed",
}


class Check(StrEnum):
    """How a backup is verified."""

    READ = "read"
    RESTORE = "restore"


def deploy(  # noqa: PLR0913  # each is an option of the command
    environment: Annotated[Environment, typer.Argument(help="Must be what NODE_ENV says.")],
    *,
    database: OfFleet = None,
    revision: Annotated[str, typer.Option(help="What is to run; by default git's HEAD.")] = "",
    previous_revision: Annotated[
        str, typer.Option(help="What runs now; by default as git or the ledger says.")
    ] = "",
    yes_deploy_to: Annotated[
        str | None,
        typer.Option(
            metavar="DBNAME", help="Confirm a deployment to production by its database's name."
        ),
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(metavar="REASON", parser=masked, help="Go without a signed GO of staging."),
    ] = None,
    staging_record: Annotated[
        str | None,
        typer.Option(
            metavar="RECORD", help="The signed record of staging; by default the newest there is."
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another deployer.")] = False,
    backup_check: Annotated[
        Check, typer.Option(help="restore proves more; read is for very large databases.")
    ] = Check.RESTORE,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show what would be done and what it would lock.")
    ] = False,
) -> None:
    """Deploy the application's revision and its migrations, step by step."""
    from gonogo.application.environment import LOOKS, deploys
    from gonogo.config.sections import find_record
    from gonogo.rollout.preflight.readiness import require_go
    from gonogo.rollout.runner.site import Consent

    uses = LOOKS if plan else deploys(environment)
    context = rollout_context(environment, os.environ, uses, database)
    archive_dir = context.config.archive_dir
    context = replace(
        context,
        revision=revision,
        previous_revision=previous_revision,
        backup_check=backup_check.value,
        staging_record=find_record(staging_record, archive_dir) if staging_record else None,
    )
    if plan:
        _plan(context, override)
        return
    if environment is Environment.PRODUCTION:
        # Before a person is asked for anything.
        require_go(context, override)
    _deploy(context, Consent(yes_deploy_to, wait), override)


def restart(
    environment: Annotated[Environment, typer.Argument(help="Must be what NODE_ENV says.")],
    *,
    database: OfFleet = None,
    yes_restart: Annotated[
        str | None,
        typer.Option(metavar="DBNAME", help="Confirm a restart by the database's name."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another deployer.")] = False,
) -> None:
    """Stop the application, start the version that fits the schema, and prove that it runs."""
    from gonogo.application.environment import RESTARTS
    from gonogo.report.narration import Narration
    from gonogo.rollout.recovery import restart as carry_out
    from gonogo.rollout.runner.site import Consent

    context = rollout_context(environment, os.environ, RESTARTS, database)
    narration, name = Narration.to_terminal(streams=True), yes_restart
    standing = standing_now("restart", context.database, with_ledger=True)
    require_mark(standing, environment)
    if environment is Environment.PRODUCTION:
        lines = [
            f"stop and start the application of {context.place}",
            *describe_database(context, standing),
        ]
        name = confirmed(
            narration, standing.identity, lines, given=yes_restart, option="--yes-restart"
        )
    narration.chapter(f"Restart {context.place}")
    with interruptible("run the same again"):
        result = carry_out(context, narration, Consent(name, wait))
    narration.chapter("Restarted" if result.error is None else "The restart failed")
    _list(narration, "not done", result.not_done)
    _list(narration, "log", [str(result.log)])
    if result.error:
        raise result.error


def _plan(context: RolloutContext, override: str | None) -> None:
    from gonogo.cli.preflight import show_plan
    from gonogo.report.narration import Narration
    from gonogo.rollout.preflight.plan import plan
    from gonogo.rollout.preflight.readiness import require_go

    with interruptible("nothing was changed"):
        made = plan(context)
        if context.environment is Environment.PRODUCTION:
            try:
                require_go(context, override)
            except GonogoError as error:
                # A plan may be looked at before anybody signed.
                made = replace(made, notes=(*made.notes, error.problem))
        show_plan(Narration.to_terminal(), context, made)


def see_status() -> str:
    """What to do after an interruption."""
    return f"{command('status')} shows how far it came; run the same again to go on from there"


def _deploy(context: RolloutContext, consent: Consent, override: str | None) -> None:
    from gonogo.report.narration import Narration
    from gonogo.rollout.deploy import deploy as carry_out
    from gonogo.rollout.recording import recorded

    narration = Narration.to_terminal(streams=True)
    if context.environment is Environment.PRODUCTION:
        name = _deployment_confirmed(context, narration, consent.confirmed_database)
        consent = replace(consent, confirmed_database=name)
    narration.chapter(f"Deploy to {context.place}")
    with interruptible(see_status()):
        result, record = recorded(
            "deployment",
            context,
            narration,
            lambda tell: carry_out(context, tell, consent, override_reason=override),
        )
    _show_result("deployment", narration, result, record)
    if (automatic := result.rollback) is not None:
        # It has ended already, and gets a record of its own.
        _, page = recorded("rollback", context, narration, lambda _: automatic)
        show_rollback(narration, automatic, page)
    if result.error:
        raise result.error


def _deployment_confirmed(context: RolloutContext, narration: Narration, given: str | None) -> str:
    standing = standing_now("deploy", context.database)
    require_mark(standing, context.environment)
    lines = [f"deploy {context.revision or 'HEAD'} to {context.place}"]
    lines += describe_database(context, standing)
    if irreversible := _irreversible(context, standing):
        lines += [f"cannot be reverted, only restored from the backup: {irreversible}"]
    return confirmed(narration, standing.identity, lines, given=given, option="--yes-deploy-to")


def _irreversible(context: RolloutContext, standing: Standing) -> str:
    """The files to be applied that have no revert file; empty when all have one."""
    from gonogo.ledger.migration import irreversible, named

    known = {row.version: row for row in standing.migrations if row.reverted_at is None}
    return named(irreversible(context.migrations(), known))


def require_mark(standing: Standing, environment: Environment) -> None:
    """Refuse a database that the ledger knows as another environment.

    Raises:
        UsageError: It is such a database.
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


def show_rollback(narration: Narration, result: RollbackResult, record: Path) -> None:
    """Show how a rollback ended.

    Args:
        narration: The terminal.
        result: How it ended.
        record: Its ``record.html``.

    Raises:
        GonogoError: What failed.
    """
    from gonogo.rollout.recording import REPORT

    _show_result("rollback", narration, result, record)
    if result.report:
        _list(narration, "report", [str(record.with_name(REPORT.name))])
    if result.error:
        raise result.error


def _show_result(
    kind: str, narration: Narration, result: DeploymentResult | RollbackResult, record: Path
) -> None:
    from gonogo.cli.checklist import checklist_lines

    narration.chapter(TITLES[kind, result.outcome])
    if result.outcome == "failed":
        done = [step.title for step in result.steps if step.outcome == "succeeded"]
        _list(narration, "done", done)
        _list(narration, "not done", result.not_done)
    _list(narration, "next", result.next_steps)
    if result.outcome == "succeeded":
        # After a rollback the other phases wait for the next deployment.
        phase = "rollback" if kind == "rollback" else ""
        _list(narration, "checklist", checklist_lines(record.with_name("record.json"), phase))
    if result.outcome == "failed":
        _list(narration, "log", [str(result.log)])
    _list(narration, "record", [str(record)])


def _list(narration: Narration, label: str, lines: Sequence[str]) -> None:
    for place, line in enumerate(lines):
        narration.say(f"  {'' if place else label:<9} {line}")
