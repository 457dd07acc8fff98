"""What a rollback would do, in lines for a person: step by step, before anything is done."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from gonogo.application.commands import Commands
from gonogo.errors import MigrationError
from gonogo.ledger import history
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import MigrationRow
from gonogo.rollout.migrations.revert import aside_schema, plan
from gonogo.rollout.restore.carry import Carried
from gonogo.rollout.runner.steps import Step
from gonogo.rollout.runner.work import Work

MOVED = re.compile(r"\balter\s+table\s+(\w+)\s+set\s+schema\s+:aside", re.IGNORECASE)
COPIED = re.compile(
    r"\binsert\s+into\s+:aside\.(\w+)\s*\([^)]*\)\s*(select\b.*)", re.IGNORECASE | re.DOTALL
)
ALTERED = re.compile(r"\balter\s+table\s+(\w+)(.*)", re.IGNORECASE | re.DOTALL)
DROPPED = re.compile(r"\bdrop\s+column\s+(?:if\s+exists\s+)?(\w+)", re.IGNORECASE)
BY_GIT = "git checkout --quiet --detach {revision}"


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
    own = work.deployment.id
    try:
        steps = plan(work.site.connection, work.migrations, own)
    except MigrationError as error:
        yield f"CANNOT BE REVERTED: {error}"
        steps = ()
    files = {one.version: one for one in work.migrations}
    for row in rows.values():
        if row.deployment_id == own and not row.adopted and not _has_revert(files, row):
            yield f"{row.version}_{row.name} CANNOT BE REVERTED: it has no revert file"
    for one in steps:
        yield f"{one.path.name} is reverted"
        yield from (f"  {line}" for line in _moves(work, one))
    yield from _staying(rows, own)
    if not steps:
        yield "no migration of this deployment is in place"


def restore_lines(work: Work, carried: Carried) -> Iterator[str]:
    """What would become of what was written since the backup.

    Args:
        work: What would be rolled back.
        carried: What could be carried over, as it was tried.
    """
    database = work.site.identity.database
    yield carried.summary
    for one in carried.since:
        yield f"  since the backup  {one}"
    for one in carried.left:
        why = carried.reasons.get(one.name) or _why_not(carried, one.name, keyed=one.keyed)
        yield f"  CANNOT BE CARRIED OVER  {one} ({why})"
    for one in carried.damage:
        yield f"  taken for damage, the backup's rows stand  {one}"
    if any(_beyond(carried)):
        kept = f"{database}_rolled_back_<time>"
        yield f"not in the backup, only in the database that is kept as {kept}"
    yield from (f"  {line}" for line in _beyond(carried))


def _beyond(carried: Carried) -> Iterator[str]:
    beyond = carried.beyond
    filled = {name: count for name, count in beyond.tables.items() if count}
    for name, count in filled.items():
        yield f"{name}: {count:,} rows"
    if empty := len(beyond.tables) - len(filled):
        yield f"{empty} tables without rows"
    if beyond.columns:
        yield f"columns {', '.join(beyond.columns)}"
    if beyond.large_objects:
        yield f"{beyond.large_objects:,} large objects"


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
    # A file that is missing altogether was told of already.
    return one is None or one.revert is not None


def _moves(work: Work, one: Migration) -> Iterator[str]:
    """What the revert file moves aside, read from its own statements."""
    aside = aside_schema(work.deployment.id)
    for statement in one.revert_file.inside:
        text = statement.text
        if found := MOVED.search(text):
            yield f"table {found[1]} moves to {aside}: {_count(work, f'table {found[1]}')}"
        elif found := COPIED.search(text):
            kept = _count(work, found[2].rstrip("; \n"))
            yield f"columns are kept in {aside}.{found[1]}: {kept}"
        elif (found := ALTERED.search(text)) and (columns := DROPPED.findall(found[2])):
            yield f"columns leave {found[1]}: {', '.join(columns)}"


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
        return "how many rows, nobody can say"
    return f"{row[0] if row else 0:,} rows"


def _staying(rows: dict[str, MigrationRow], own: int) -> Iterator[str]:
    adopted = [f"{row.version}_{row.name}" for row in rows.values() if row.adopted]
    earlier = [
        f"{row.version}_{row.name}"
        for row in rows.values()
        if not row.adopted and row.deployment_id != own
    ]
    if adopted:
        yield f"stay, because they were adopted: {', '.join(adopted)}"
    if earlier:
        yield f"stay, because an earlier deployment applied them: {', '.join(earlier)}"
