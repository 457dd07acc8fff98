"""Before the first change: whether everything that a deployment will need is there.

Every item is looked at, whatever the others say, so that all that is wrong is told at once. Nothing
is changed, not even a ledger set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from psycopg.errors import LockNotAvailable

from gonogo.application import code
from gonogo.errors import DatabaseError, GonogoError, MigrationError, UnreadyError
from gonogo.ledger import history, migration
from gonogo.ledger.installation import version as ledger_version
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import MigrationRow
from gonogo.postgres.identity import application_schema, major_version, version_problem
from gonogo.postgres.session import Connection
from gonogo.postgres.tools import find_tools
from gonogo.postgres.transaction import set_for_session
from gonogo.rollout.backup.backup import needed_bytes, place_problem
from gonogo.rollout.migrations import linter
from gonogo.rollout.migrations.migrate import adoptable
from gonogo.rollout.preflight import prerequisites
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.steps import Evidence, Skipped
from gonogo.rollout.runner.work import Work

SHOWN = 3
# Only looks, so it gives up early where a table is locked for good.
LONGEST_LOCKED_S = 5
UNREVERTED = "no revert file, so only a restore of the backup takes it back"


@dataclass(slots=True)
class Ground:
    """What is looked at.

    Args:
        context: The rollout's context.
        reached: To the application's database, as the role that deploys; None when it is not
            reached.
        notes: What is worth telling, and stands in nobody's way.
    """

    context: RolloutContext
    reached: Connection | None
    notes: list[str] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """To the application's database.

        Raises:
            DatabaseError: It was not reached.
        """
        if self.reached is None:
            raise DatabaseError("the database was not reached")
        return self.reached

    def known(self) -> dict[str, MigrationRow]:
        """What the ledger says is in place; nothing where there is no ledger."""
        return history.in_place(self.connection) if ledger_version(self.connection) else {}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a deployment needs.

    Args:
        name: Short, for the evidence.
        title: What is looked at.
        look: Says what was proved; raises a `GonogoError` when something is missing.
        asks_database: Whether it can be looked at only where the database is reached.
    """

    name: str
    title: str
    look: Callable[[Ground], str | Skipped]
    asks_database: bool = True


def look_at(item: Item, ground: Ground) -> str | Skipped:
    """Look at an item, and wait for no locked table longer than `LONGEST_LOCKED_S` a statement.

    Raises:
        UnreadyError: Something is missing, or a table stays locked.
        GonogoError: It cannot be looked at.
    """
    if not item.asks_database:
        return item.look(ground)
    try:
        with set_for_session(ground.connection, {"lock_timeout": f"{LONGEST_LOCKED_S}s"}):
            return item.look(ground)
    except LockNotAvailable:
        locked = f"a table stayed locked for {LONGEST_LOCKED_S} s"
        problem = f"{item.title}: {locked}: pg_locks tells who holds it, wait for that or end it"
        raise UnreadyError(problem, problems=(problem,)) from None


def require(problems: Iterable[str]) -> None:
    """Raise what there is of problems.

    Raises:
        UnreadyError: There are any.
    """
    if found := tuple(problems):
        raise UnreadyError("; ".join(found), problems=found)


def problems_of(error: GonogoError) -> tuple[str, ...]:
    """An error's lines."""
    return error.problems if isinstance(error, UnreadyError) else (str(error),)


def check_readiness(work: Work, evidence: Evidence) -> str:
    """See that everything is as a deployment needs it; what is missing is told all at once."""
    ground = Ground(work.context, work.site.connection)
    problems: list[str] = []
    proved: dict[str, str] = {}
    for item in ITEMS:
        try:
            result = look_at(item, ground)
            proved[item.name] = result.reason if isinstance(result, Skipped) else result
        except GonogoError as error:
            problems += problems_of(error)
    for note in ground.notes:
        work.site.runner.note(note)
    evidence |= {
        "migrations": [one.path.name for one in work.migrations],
        "proved": proved,
        "problems": problems,
        "notes": list(ground.notes),
    }
    if problems:
        raise UnreadyError(
            "; ".join(problems),
            "nothing was changed; mend these and try again",
            problems=tuple(problems),
        )
    return f"{len(proved)} of {len(ITEMS)} items: {', '.join(proved)}"


def _version(ground: Ground) -> str:
    number = ground.connection.info.server_version
    require(filter(None, [version_problem(number)]))
    shown = ground.connection.info.parameter_status("server_version") or str(number)
    return f"PostgreSQL {shown.split()[0]}"


def _tools(ground: Ground) -> str:
    major = major_version(ground.connection)
    tools = find_tools(major, ground.context.environ, ground.context.bin_dir)
    return f"PostgreSQL's client tools {tools.version} in {tools.bin_dir}"


def _rights(ground: Ground) -> str:
    context, connection = ground.context, ground.connection
    schema = application_schema(connection)
    restores = context.backup_check == "restore"
    migrations = _files(ground)
    found = prerequisites.missing_rights(connection, schema, migrations, restores=restores)
    require(found)
    role = context.config.gate_role
    if role and not prerequisites.role_exists(connection, role):
        require([f"the role {role} does not exist: create it, or correct gate_role"])
    return f"{connection.info.user} may do all that a deployment does"


def _disk(ground: Ground) -> str:
    directory = ground.context.section.backup_dir
    needed = needed_bytes(ground.connection)
    require(filter(None, [place_problem(directory, needed)]))
    return f"{directory} has room for a backup of {needed / 1e6:,.0f} MB"


def _migrations(ground: Ground) -> str:
    migrations, known = ground.context.migrations(), ground.known()
    require(migration.problems(migrations, known, ground.context.config.migrations_from))
    waiting = migration.pending(migrations, known)
    whole = adoptable(ground.connection, waiting, ground.context.survey)
    lasting = [one for one in migration.irreversible(migrations, known) if one.version not in whole]
    ground.notes += [f"cannot be reverted: {one.path.name} has {UNREVERTED}" for one in lasting]
    return f"{len(migrations)} files in order, {len(known)} in place, {len(waiting)} to come"


def _lint(ground: Ground) -> str:
    context = ground.context
    waiting = migration.pending(_files(ground), ground.known())
    lines, told = linter.heard(context.environ, waiting, context.project.root)
    ground.notes += lines
    return told


def _worktree(ground: Ground) -> str | Skipped:
    context = ground.context
    repository = context.section.repository
    if repository is None:
        return Skipped("the code is not in git")
    revision = code.resolve(repository, context.environ, context.revision or "HEAD")
    if changed := code.changed_files(repository, context.environ):
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        require([f"the application's worktree is not clean: {', '.join(changed[:SHOWN])}{more}"])
    return f"clean, and {code.short(revision)} is known"


def _commands(ground: Ground) -> str:
    section, environ = ground.context.section, ground.context.environ
    require(prerequisites.missing_programs(section, environ.get("PATH")))
    commands = section.commands.model_dump(exclude_none=True)
    return f"{len(commands)} commands can be run"


def _files(ground: Ground) -> tuple[Migration, ...]:
    """The files; what is wrong with them is another item's to say."""
    try:
        return ground.context.migrations()
    except MigrationError:
        return ()


ITEMS: tuple[Item, ...] = (
    Item("version", "The server's version", _version),
    Item("tools", "PostgreSQL's client tools", _tools),
    Item("rights", "The role's rights", _rights),
    Item("disk", "Room for the backup", _disk),
    Item("migrations", "The migration files", _migrations),
    Item("lint", "What the linter says of them", _lint),
    Item("worktree", "The application's worktree", _worktree, asks_database=False),
    Item("commands", "The team's commands", _commands, asks_database=False),
)
