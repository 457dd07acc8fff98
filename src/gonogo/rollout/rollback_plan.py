"""What is asked of a rollback, and its plan: what it would do, in lines for a person."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from gonogo.application.commands import Commands
from gonogo.errors import MigrationError
from gonogo.ledger import history
from gonogo.ledger.attempts import staying_lines, taken_lines
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import MigrationRow, StepRow
from gonogo.model.step import Tell
from gonogo.postgres.parser.reverts import kept
from gonogo.rollout.migrations.revert import aside_schema, plan
from gonogo.rollout.restore.carry import Carried
from gonogo.rollout.restore.restoration import is_swapped, restoring
from gonogo.rollout.restore.swap import COMPARISON, PREPARATION
from gonogo.rollout.rollback_steps import restored_steps, reverting_steps, swapped_steps
from gonogo.rollout.runner.back import span, to_be_rolled_back, why_none
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import RollbackMode
from gonogo.rollout.runner.site import look_at_site
from gonogo.rollout.runner.steps import Step, running
from gonogo.rollout.runner.work import Work

BY_GIT = "git checkout --quiet --detach {revision}"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a rollback.

    Args:
        mode: How the database is rolled back.
        reason: Why; recorded.
        damaged: For a restore: tables in which changes and deletions since the backup are damage,
            so that the backup's rows stand.
        deployment: Which one, where it is not the latest; None otherwise.
        agree: For a restore: is shown what would become of the rows since the backup, and returns
            the database's name as a person typed it, or raises; None takes the given consent.
    """

    mode: RollbackMode = "revert"
    reason: str = ""
    damaged: tuple[str, ...] = ()
    deployment: int | None = None
    agree: Callable[[Sequence[str]], str] | None = None


def as_agreed(work: Work, asked: Request) -> Request:
    """The request, completed by that of an earlier run that did not end.

    Args:
        work: The deployment that is rolled back.
        asked: What is asked now.
    """
    reason = asked.reason or work.deployment.rollback_reason or ""
    damaged = asked.damaged
    if asked.mode == "restore" and not damaged:
        damaged = _confirmed_damage(work.site.ledger.steps(work.deployment.id))
        if damaged:
            work.site.runner.note(f"--damaged {', '.join(damaged)}: as it was agreed to before")
    return replace(asked, reason=reason, damaged=damaged)


def _confirmed_damage(rows: Sequence[StepRow]) -> tuple[str, ...]:
    """The damaged tables of the last comparison that a person confirmed: steps follow it."""
    compared: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    for row in rows:
        if row.procedure != "rollback":
            compared = agreed = ()
        elif row.name == COMPARISON:
            named = row.evidence.get("damaged")
            compared = tuple(map(str, named)) if isinstance(named, list) else ()
        elif row.name not in PREPARATION:
            agreed = compared
    return agreed


def plan_rollback(context: RolloutContext, tell: Tell, request: Request) -> tuple[str, ...]:
    """What a rollback would do, in lines; nothing in the database is changed, no lock is kept.

    For a restore the backup is restored into a database of its own, which is dropped again.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        request: What would be asked.

    Raises:
        GonogoError: The rollback cannot be planned, and could not be done.
    """
    with (
        running("rollback", tell, context.logs, context.environ) as runner,
        look_at_site(context, runner) as site,
    ):
        work = to_be_rolled_back(site, request.deployment)
        if work is None:
            return (f"nothing to roll back: {why_none(site, request.deployment)}",)
        if request.mode == "revert" and not is_swapped(work):
            return (*step_lines(work, reverting_steps(work)), *revert_lines(work))
        if is_swapped(work):
            return tuple(step_lines(work, swapped_steps()))
        with restoring(work, as_agreed(work, request).damaged) as restoration:
            was_there = restoration.new.is_there
            try:
                for step in restoration.preparation:
                    runner.run(step, work)
                carried = restoration.needed_prospect
                steps = restored_steps(restoration)
                lines = restore_lines(work, carried, restoration.new.left_out.named)
                also = taken_lines(span(site, work.deployment))
                return (*step_lines(work, steps), *also, *lines)
            finally:
                if not was_there:
                    restoration.discard()


def step_lines(work: Work, steps: Sequence[Step[Work]]) -> Iterator[str]:
    """Each step with the command that it runs, in their order.

    Args:
        work: What would be rolled back.
        steps: Those of the rollback.
    """
    commands = work.commands
    for number, step in enumerate(steps, 1):
        yield f"{number:>2}. {step.title}{_command(work, commands, step.name)}"


def revert_lines(work: Work) -> Iterator[str]:
    """What would become of each migration, and of what was written through it.

    Args:
        work: What would be rolled back.
    """
    rows = history.in_place(work.site.connection)
    back = span(work.site, work.deployment)
    yield from taken_lines(back)
    try:
        steps = plan(work.site.connection, work.migrations, back.ids)
    except MigrationError as error:
        yield f"CANNOT BE REVERTED: {error}"
        steps = ()
    files = {one.version: one for one in work.migrations}
    for row in rows.values():
        if row.deployment_id in back.ids and not row.adopted and not _has_revert(files, row):
            yield f"{row.version}_{row.name} CANNOT BE REVERTED: it has no revert file"
    for one in steps:
        yield f"{one.filename} is reverted"
        yield from (f"  {line}" for line in _moves(work, one))
    yield from staying_lines(back, rows.values())
    if not steps:
        yield "no migration that it applied is in place"


def restore_lines(work: Work, carried: Carried, left_out: Sequence[str]) -> Iterator[str]:
    """What would become of what was written since the backup.

    Args:
        work: What would be rolled back.
        carried: What could be carried over, as it was tried.
        left_out: Objects that this role cannot restore.
    """
    database = work.site.identity.database
    yield carried.summary
    for one in carried.since:
        yield f"  since the backup  {one}"
    for one in carried.left:
        why = carried.reasons.get(one.name) or _why_not(carried, one.name, keyed=one.keyed)
        yield f"  CANNOT BE CARRIED OVER  {one} ({why})"
    for one in carried.damage:
        yield f"  treated as damage, so the backup's rows stay  {one}"
    for name in left_out:
        yield f"  CANNOT BE RESTORED  {name} (a superuser has to create it again)"
    if any(_beyond(carried)):
        kept = f"{database}_rolled_back_<time>"
        yield f"not in the backup, only in the database that is kept as {kept}"
    yield from (f"  {line}" for line in _beyond(carried))
    yield from (f"  {line}" for line in carried.beside.lines)


def _beyond(carried: Carried) -> Iterator[str]:
    beyond = carried.beyond
    filled = {name: count for name, count in beyond.tables.items() if count}
    for name, count in filled.items():
        yield f"{name}: {count:,} rows"
    if empty := len(beyond.tables) - len(filled):
        yield f"{empty} tables without rows"
    if beyond.columns:
        yield f"columns {', '.join(beyond.columns)}"
    yield from beyond.objects


def _why_not(carried: Carried, name: str, *, keyed: bool) -> str:
    if gone := carried.gone.get(name):
        return f"the live table has no more {', '.join(gone)}"
    return "a row that it refers to is not there" if keyed else "the table has no primary key"


def _command(work: Work, commands: Commands, name: str) -> str:
    if name not in type(work.context.section.commands).model_fields:
        return ""
    if (words := commands.words(name)) is not None:
        return f": {commands.mask(shlex.join(words))}"
    if name == "revert_code" and work.context.section.repository:
        return f": {BY_GIT.format(revision=work.deployment.previous_revision)}"
    return ": no command is configured, so it is skipped"


def _has_revert(files: dict[str, Migration], row: MigrationRow) -> bool:
    one = files.get(row.version)
    # A file that is missing altogether was reported already.
    return one is None or one.revert is not None


def _moves(work: Work, one: Migration) -> Iterator[str]:
    """What the revert file moves aside, read from its own statements."""
    aside = aside_schema(work.deployment.id)
    for statement in one.revert.inside if one.revert else ():
        found = kept(statement)
        if found is None:
            continue
        schema, name = found.table
        if found.query:
            yield f"columns are kept in {aside}.{name}: {_count(work, found.query)}"
        elif found.columns:
            yield f"columns leave {name}: {', '.join(found.columns)}"
        else:
            table = sql.Identifier(*filter(None, (schema, name))).as_string()
            yield f"table {name} moves to {aside}: {_count(work, f'table {table}')}"


def _count(work: Work, rows: str) -> str:
    connection = work.site.connection
    path = sql.Identifier(work.schema).as_string()
    try:
        with connection.transaction():
            connection.execute("set transaction read only")
            connection.execute("select set_config('search_path', %s, true)", (path,))
            query = b"select count(*) from (" + rows.encode() + b"\n) as moved"
            row = connection.execute(query).fetchone()
    except psycopg.Error:
        return "number of rows unknown"
    return f"{row[0] if row else 0:,} rows"
