"""What a deployment needs of the database and of this machine, looked at item by item.

Every item is looked at, so that all problems are listed at once; nothing is changed.
"""

from __future__ import annotations

from gonogo.application import code, release
from gonogo.application.commands import missing_programs
from gonogo.errors import CommandError, MigrationError
from gonogo.ledger import migration
from gonogo.ledger.migration import Migration
from gonogo.measure.take import WRITER
from gonogo.postgres.parser.cluster import refused
from gonogo.postgres.session import (
    application_schema,
    ask_bool,
    major_version,
    owner_to_be,
    version_problem,
)
from gonogo.postgres.sqlfile import STOP_FIRST
from gonogo.postgres.tools import find_tools
from gonogo.rollout.backup.backup import ROOM_BESIDE_BYTES, needed_bytes, place_problem
from gonogo.rollout.migrations import linter
from gonogo.rollout.migrations.apply import adoptable
from gonogo.rollout.preflight.ground import Ground, Item, require
from gonogo.rollout.preflight.restorable import kept_to_superusers, restore_obstacles
from gonogo.rollout.preflight.rights import missing_rights
from gonogo.rollout.preflight.trial import TO_COME, states, try_out
from gonogo.rollout.restore.possible import IS_CLUSTER
from gonogo.rollout.runner.steps import Skipped

SHOWN = 3
BY_TEAM = "the team's own commands make the backup"
UNREVERTED = "no revert file, so only a restore of the backup undoes it"


def _version(ground: Ground) -> str:
    number = ground.connection.info.server_version
    require(filter(None, [version_problem(number)]))
    shown = ground.connection.info.parameter_status("server_version") or str(number)
    return f"PostgreSQL {shown.split()[0]}"


def _tools(ground: Ground) -> str:
    context, major = ground.context, major_version(ground.connection)
    tools = find_tools(major, context.environ, context.bin_dir)
    return f"PostgreSQL's client tools {tools.version} in {tools.bin_dir}"


def _rights(ground: Ground) -> str:
    context, connection = ground.context, ground.connection
    schema = application_schema(connection, context.anchor)
    maker = owner_to_be(connection, schema, context.anchor) or connection.info.user
    check = None if context.is_backed_up_by_team else context.backup_check
    migrations = _files(ground)
    gate_role = context.config.gate_role
    require(missing_rights(connection, schema, maker, migrations, gate_role, check=check))
    return f"{connection.info.user} may do all that a deployment does"


def _superuser(ground: Ground) -> str | Skipped:
    if ground.context.is_backed_up_by_team:
        return Skipped(BY_TEAM)
    left_out = kept_to_superusers(ground.connection)
    require(left_out.problems if ground.context.backup_check == "restore" else ())
    ground.notes += left_out.notes
    return f"{len(left_out.notes)} objects that {ground.connection.info.user} could not create"


def _restore(ground: Ground) -> str | Skipped:
    """A revert needs none of it, so it is remarked on only."""
    if ground.context.is_backed_up_by_team:
        return Skipped(f"{BY_TEAM}: `rollback --mode restore` would be refused")
    found = restore_obstacles(ground.connection, ground.context.database)
    ground.notes += found
    if found:
        return Skipped(found[0])
    return f"{ground.connection.info.user} could restore the backup in the database's place"


def _disk(ground: Ground) -> str:
    directory = ground.context.section.backup_dir
    by_team = ground.context.is_backed_up_by_team
    needed = ROOM_BESIDE_BYTES if by_team else needed_bytes(ground.connection)
    require(filter(None, [place_problem(directory, needed)]))
    room = f"has room for a backup of {needed / 1e6:,.0f} MB"
    return f"{directory} {f'can be written; {BY_TEAM}' if by_team else room}"


def _migrations(ground: Ground) -> str:
    migrations, known = ground.context.migrations(), ground.known()
    within = (ground.context.config.migrations_from, ground.context.config.migrations_to)
    require(migration.problems(migrations, known, *within))
    waiting = migration.pending(migrations, known)
    if len(ground.context.section.databases) > 1:
        stops = [one.filename for one in waiting if STOP_FIRST in one.file.marks]
        why = "asks for a stop before it, and the application serves the whole fleet"
        require(f"{name} {why}: write it so that the version before can go on" for name in stops)
    whole = adoptable(ground.connection, waiting, ground.context.survey)
    # What attempts have applied since the last deployment that served is taken back with it.
    tried = ground.tried
    stays = {
        one: row for one, row in known.items() if row.adopted or row.deployment_id not in tried
    }
    lasting = [one for one in migration.irreversible(migrations, stays) if one.version not in whole]
    ground.notes += [f"cannot be reverted: {one.filename} has {UNREVERTED}" for one in lasting]
    return f"{len(migrations)} files in order, {len(known)} in place, {len(waiting)} to come"


def _trial(ground: Ground) -> str | Skipped:
    context, connection = ground.context, ground.connection
    in_part: list[str] = []
    found = states(connection, context, _files(ground), ground.known(), in_part)
    if in_part:
        return Skipped("objects of a migration are there in part")
    coming = [one for one, state in found.items() if state in TO_COME]
    if not coming:
        return Skipped("no migration is to come")
    tried = try_out(connection, context, found)
    ground.notes += tried.notes
    measured = (one for one in tried.migrations if one.effects is not None)
    ground.locks |= {one.migration.filename: one.locks for one in measured}
    require(tried.problems)
    return f"{len(coming)} migrations would succeed, as far as a copy of the schema tells"


def _surveys(ground: Ground) -> str | Skipped:
    """What the gate of a cluster could not ask, which would hold the verdict later."""
    if not ask_bool(ground.connection, IS_CLUSTER):
        return Skipped("no cluster (Citus)")
    files = sorted(ground.context.project.sql_dir.glob("*.sql"))
    texts = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files}
    asked = {name: text for name, text in texts.items() if WRITER not in text}
    found = [f"{name} holds {what}" for name, text in asked.items() for what in refused(text)]
    ground.notes += [f"a cluster refuses it: {one}" for one in found]
    return f"{len(asked)} surveys, {len(found)} remarks"


def _lint(ground: Ground) -> str:
    context = ground.context
    waiting = migration.pending(_files(ground), ground.known())
    lines, summary = linter.heard(context.environ, waiting, context.project.root)
    ground.notes += lines
    return summary


def _worktree(ground: Ground) -> str | Skipped:
    context = ground.context
    repository = context.section.repository
    if repository is None:
        return Skipped("the code is not in git")
    revision = code.resolve(repository, context.environ, context.revision or "HEAD")
    here, problems = code.head(repository, context.environ), []
    if changed := code.changed_files(repository, context.environ):
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        problems = [f"the application's worktree is not clean: {', '.join(changed[:SHOWN])}{more}"]
    if here != revision and not (context.section.releases or context.section.commands.checkout):
        problems.append(
            f"the code is at {code.short(here)}, and nothing would bring it to"
            f" {code.short(revision)}: set commands.checkout, or check it out by hand"
        )
    require(problems)
    return f"clean, and {code.short(revision)} is known"


def _releases(ground: Ground) -> str | Skipped:
    section = ground.context.section
    if section.releases is None:
        return Skipped("the code is changed in place")
    problems, notes = release.problems(section)
    ground.notes += notes
    require(problems)
    runs = release.running(section)
    return f"{section.current} leads to {code.short(runs)}" if runs else "the first release"


def _commands(ground: Ground) -> str:
    section, environ = ground.context.section, ground.context.environ
    require(missing_programs(section, environ.get("PATH")))
    return f"{len(section.commands.model_dump(exclude_none=True))} commands can be run"


def _files(ground: Ground) -> tuple[Migration, ...]:
    """The files; another item reports what is wrong with them."""
    try:
        return ground.context.migrations()
    except (CommandError, MigrationError):
        return ()


ITEMS: tuple[Item, ...] = (
    Item("version", "The server's version", _version),
    Item("tools", "PostgreSQL's client tools", _tools),
    Item("rights", "The role's rights", _rights),
    Item("superuser", "Objects that the role could not create anew", _superuser),
    Item("restore", "What a rollback by restore would need", _restore),
    Item("disk", "Room for the backup", _disk),
    Item("migrations", "The migration files", _migrations),
    Item("trial", "The migrations, tried on a copy of the schema", _trial),
    Item("surveys", "The surveys, where the database is a cluster", _surveys),
    Item("migrations_lint", "What the linter says of them", _lint),
    Item("worktree", "The application's worktree", _worktree, asks_database=False),
    Item("releases", "Releases, and the link to the one that runs", _releases, asks_database=False),
    Item("commands", "The team's commands", _commands, asks_database=False),
)
