"""What a command works on: the database and the team's file that the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from gonogo.config.project import MARKER, Project
from gonogo.errors import DatabaseError, UsageError
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    from gonogo.config import RolloutConfig
    from gonogo.postgres.session import Connection
    from gonogo.postgres.settings import DatabaseSettings
    from gonogo.rollout.backup.order import BackupCheck
    from gonogo.rollout.runner.context import RolloutContext


class Asked(TypedDict, total=False):
    """What a command may be asked beside the environment.

    Args:
        revision: What is to run; left out, the repository's HEAD.
        previous_revision: What runs now; left out, the rollout finds out.
        backup_check: How the backup is verified; left out, by a restore.
    """

    revision: str
    previous_revision: str
    backup_check: BackupCheck


def project_here() -> tuple[Project, RolloutConfig]:
    """The project that the working directory lies in, and what its `rollout.toml` says.

    Raises:
        UsageError: There is none.
        ConfigError: The file cannot be meant.
    """
    from gonogo.config import RolloutConfig

    project = Project.find(Path.cwd())
    return project, RolloutConfig.load(project.root / MARKER)


def rollout_context(
    environment: Environment, environ: Mapping[str, str], **asked: Unpack[Asked]
) -> RolloutContext:
    """The circumstances of a deployment or rollback, with every variable as it must be.

    Args:
        environment: What the session is for.
        environ: The session's variables.
        asked: What else was asked.

    Raises:
        UsageError: A variable or rollout.toml is wrong; nothing was done.
    """
    from gonogo.application.environment import require_none

    context, problems = unchecked_context(environment, environ, **asked)
    require_none(problems)
    return context


def unchecked_context(
    environment: Environment, environ: Mapping[str, str], **asked: Unpack[Asked]
) -> tuple[RolloutContext, tuple[str, ...]]:
    """The circumstances of a deployment, and what is wrong with the variables, all of it.

    Args:
        environment: What the session is for.
        environ: The session's variables.
        asked: What else was asked.

    Raises:
        UsageError: rollout.toml is wrong.
    """
    from gonogo.application.environment import problems
    from gonogo.rollout.runner.context import RolloutContext

    project, config = project_here()
    config.environment(environment)
    database, unnamed = _database(environ)
    context = RolloutContext(project, environment, config, database, environ, **asked)
    return context, (*unnamed, *problems(environ, environment, database))


def _database(environ: Mapping[str, str]) -> tuple[DatabaseSettings, tuple[str, ...]]:
    """The database that is named; none, and why, when none can be meant."""
    from gonogo.postgres.settings import DatabaseSettings, database_settings

    try:
        return database_settings(environ), ()
    except UsageError as error:
        return DatabaseSettings("", ""), (f"{error.problem} ({error.remedy})",)


def required_environment(option: str | None) -> Environment:
    """The environment that ``--environment`` or NODE_ENV names.

    Raises:
        UsageError: Neither does.
    """
    from gonogo.postgres.settings import named_environment

    environment = named_environment(os.environ, option)
    if environment is None:
        raise UsageError(
            "nothing says which environment this is", "pass --environment or set NODE_ENV"
        )
    return environment


@contextmanager
def open_database(command: str) -> Iterator[Connection]:
    """Connect to the database that the environment names.

    Args:
        command: What ``pg_stat_activity`` shows after our name.

    Raises:
        DatabaseError: It does not answer.
    """
    from gonogo.postgres.settings import database_settings

    settings = database_settings(os.environ)
    with _connected(settings, f"gonogo {command}") as connection:
        yield connection


def _connected(settings: DatabaseSettings, name: str) -> Connection:
    from gonogo.postgres.session import connect
    from gonogo.rollout.restore.swap import closed_by_restore

    try:
        return connect(settings.conninfo, name)
    except DatabaseError as error:
        # A server that does not answer at all is not asked once more.
        if "timeout" in error.problem or not closed_by_restore(settings):
            raise
    raise DatabaseError(
        "a restore that was cut short has left the database closed",
        "run ./noxw -s rollback -- --mode restore again: it opens it and goes on",
    )


def require_ledger(connection: Connection) -> None:
    """See that there is a ledger to read or to write.

    Raises:
        DatabaseError: There is none.
    """
    from gonogo.ledger.installation import version

    if not version(connection):
        raise DatabaseError(
            "there is no ledger (schema gonogo) in this database",
            "check which database the variables name; the first deployment sets the ledger up",
        )
