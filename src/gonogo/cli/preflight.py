"""``gonogo preflight`` and ``deploy --plan``: what a deployment needs, and what it would do."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.databases import OfFleet
from gonogo.cli.inputs import required_environment, unchecked_context
from gonogo.errors import GonogoError
from gonogo.interruption import interruptible
from gonogo.model.kinds import Environment
from gonogo.report.text import OPEN
from gonogo.screen import command

if TYPE_CHECKING:
    from gonogo.report.narration import Narration
    from gonogo.rollout.migrations.effects import Effect
    from gonogo.rollout.preflight.plan import Plan, Size
    from gonogo.rollout.preflight.trial import PlannedMigration
    from gonogo.rollout.runner.context import RolloutContext

STATES = {
    "applied": "applied already: skipped",
    "adopted": "its objects are there already: adopted after verification, not run",
    "outstanding": "applied, but for what runs outside its transaction",
    "pending": "would be applied",
}
TEXT_WIDTH = 56
UNREVERTED = "cannot be reverted, it has no revert file: only a restore takes it back"


def preflight(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV.")
    ] = None,
    database: OfFleet = None,
    revision: Annotated[str, typer.Option(help="What is to run; by default git's HEAD.")] = "",
    build: Annotated[
        bool | None,
        typer.Option(
            "--build/--no-build",
            help="Build the revision in a scratch directory; by default for production.",
        ),
    ] = None,
) -> None:
    """Check everything that a deployment needs; change nothing."""
    from gonogo.application.environment import deploys
    from gonogo.report.narration import Narration
    from gonogo.rollout.preflight.readiness import inspect

    named = required_environment(environment)
    context, variables = unchecked_context(named, os.environ, deploys(named), database)
    context = replace(context, revision=revision)
    narration = Narration.to_terminal(streams=True)
    builds = named is Environment.PRODUCTION if build is None else build
    narration.chapter(f"Is all ready for a deployment to {context.place}?")
    with interruptible("nothing was changed"):
        ready = inspect(context, narration, variables, builds=builds)
    if not ready.problems:
        narration.say(f"ready: nothing stands in the way of {command(f'deploy {named}')}", "bold")
        return
    narration.chapter("To fix")
    for problem in ready.problems:
        narration.say(f"  ✗ {problem}")
    count = len(ready.problems)
    error = GonogoError(
        f"not ready: {count} {'problem stands' if count == 1 else 'problems stand'} in the way of a"
        f" deployment to {named}",
        "they are listed above; nothing was changed",
    )
    error.add_note(f"log: {ready.log}")
    raise error


def show_plan(narration: Narration, context: RolloutContext, plan: Plan) -> None:
    """Show the plan of a deployment.

    Args:
        narration: The terminal.
        context: The rollout's context.
        plan: What would be done.

    Raises:
        GonogoError: The deployment would not succeed.
    """
    narration.chapter(f"What a deployment to {context.place} would do")
    narration.rows(
        [
            ("database", f"{plan.identity.database} ({context.database.shown})"),
            ("revision", f"{plan.revision}, before it {plan.previous_revision}"),
        ],
    )
    narration.chapter("Its steps")
    narration.rows(list(_steps(context, plan)))
    narration.chapter("Its migrations")
    for one in plan.migrations:
        _show_migration(narration, one, plan)
    for title, lines in (("Worth knowing", plan.notes), ("What stands in the way", plan.problems)):
        if lines:
            narration.chapter(title)
            for line in lines:
                narration.say(f"  {line}")
    narration.say("nothing was changed", "bold")
    if plan.problems:
        count = len(plan.problems)
        raise GonogoError(
            f"a deployment would not succeed: {count} {'problem' if count == 1 else 'problems'}",
            "they are listed above",
        )


def _steps(context: RolloutContext, plan: Plan) -> Iterator[tuple[str, str]]:
    from gonogo.rollout.deploy import steps_of

    commands = context.commands(plan.revision, plan.previous_revision, lambda *_: None)
    known = type(context.section.commands).model_fields
    for step in steps_of(context.environment, stop_first=plan.stop_first):
        words = commands.words(step.name)
        absent = "no command is configured: skipped" if step.name in known else ""
        yield step.title, absent if words is None else commands.mask(shlex.join(words))


def _show_migration(narration: Narration, one: PlannedMigration, plan: Plan) -> None:
    narration.say(f"  {one.migration.filename}: {STATES[one.state]}", "bold")
    rows: list[tuple[str, ...]] = []
    quiet = 0
    for effect in one.effects or ():
        done = "; ".join(_effect(effect, plan.sizes))
        if done:
            text = " ".join(effect.statement.text.split())
            shown = text if len(text) <= TEXT_WIDTH else f"{text[: TEXT_WIDTH - 1]}…"
            rows.append((f"  line {effect.statement.line}", shown, done))
        else:
            quiet += 1
    if quiet:
        rows.append((f"  {quiet} more", "need no further lock of a table that is there", ""))
    if rows:
        narration.rows(rows)
    if one.state == "pending" and one.migration.revert is None:
        narration.say(f"    {UNREVERTED}", OPEN)


def _effect(effect: Effect, sizes: Mapping[str, Size]) -> Iterator[str]:
    if effect.outside:
        yield "outside a transaction"
    for lock in effect.locks:
        how = " as PostgreSQL's manual says, not measured" if effect.outside else ""
        yield f"{lock.mode} on {lock.table}{_size(sizes.get(lock.table))}{how}"
    if effect.outside and not effect.locks:
        yield "its locks are not known"
    for table in effect.rewrites:
        yield f"REWRITES {table}, row by row"
    for table in effect.indexes:
        yield f"reads every row of {table} under that lock"


def _size(size: Size | None) -> str:
    if size is None:
        return ""
    return f" ({size.rows:,} rows, {size.size_bytes / 1e6:,.1f} MB)"
