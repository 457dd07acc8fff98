"""The database that a command works on: the one that the variables name, or one of a fleet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.errors import DatabaseError, UsageError
from gonogo.screen import DATABASE, command

if TYPE_CHECKING:
    from gonogo.config.sections import RolloutConfig
    from gonogo.model.kinds import Environment
    from gonogo.postgres.dsn import DatabaseSettings
    from gonogo.postgres.session import Connection
    from gonogo.rollout.standing import Standing

# Which database of a fleet a session works on.
OfFleet = Annotated[
    str | None,
    typer.Option("--database", metavar="NAME", help="Which database, where there is a fleet."),
]


def settings_of(environment: str | None, database: str | None) -> DatabaseSettings:
    """How to reach the database that a session works on: as the variables say, or of a fleet.

    Args:
        environment: What ``--environment`` was given; else NODE_ENV says it.
        database: What ``--database`` was given.

    Raises:
        UsageError: Nothing names one, or `database` is none of the environment's.
    """
    from gonogo.postgres.dsn import database_settings, member_settings

    named, config = _configured(environment, needs_file=bool(database))
    member = config.environment(named).member(named, database) if named and config else None
    DATABASE.set(member.name if member else "")
    return member_settings(member, os.environ) if member else database_settings(os.environ)


def fleet_of(environment: str | None) -> Environment | None:
    """The environment that is meant, where it is a fleet; else None.

    Args:
        environment: What ``--environment`` was given; else NODE_ENV says it.

    Raises:
        UsageError: Nothing says which environment is meant, and there is a fleet.
    """
    named, config = _configured(environment)
    return named if named and config and config.environments[named].databases else None


def _configured(
    environment: str | None, *, needs_file: bool = False
) -> tuple[Environment | None, RolloutConfig | None]:
    """The environment that is named and in rollout.toml, and that file; None where there is none.

    Raises:
        UsageError: Nothing names the environment, where it makes a difference.
    """
    from gonogo.config.sections import project_here
    from gonogo.postgres.dsn import named_environment

    named = named_environment(os.environ, environment)
    try:
        _, config = project_here()
    except UsageError:
        if needs_file:
            raise
        # Whoever asks a ledger needs no rollout.toml.
        return None, None
    if named is None and (needs_file or any(one.databases for one in config.environments.values())):
        raise UsageError(
            "nothing says which environment this is, and rollout.toml has a fleet",
            "set NODE_ENV to staging or production",
        )
    return (named if named in config.environments or needs_file else None), config


@contextmanager
def open_database(
    command: str, settings: DatabaseSettings, *, with_ledger: bool = False
) -> Iterator[Connection]:
    """Connect to a database for one transaction.

    Args:
        command: What ``pg_stat_activity`` shows after our name.
        settings: Which database.
        with_ledger: Whether a database without a ledger is refused.

    Raises:
        DatabaseError: It does not answer, or has no ledger.
    """
    from gonogo.ledger.installation import require
    from gonogo.postgres.session import pinned

    with _connected(settings, f"gonogo {command}") as connection, pinned(connection):
        if with_ledger:
            require(connection)
        yield connection


def standing_now(
    command: str, settings: DatabaseSettings, *, with_ledger: bool = False
) -> Standing:
    """Where a database stands.

    Args:
        command: What ``pg_stat_activity`` shows after our name.
        settings: Which database.
        with_ledger: Whether a database without a ledger is refused.

    Raises:
        DatabaseError: It does not answer, or has no ledger.
    """
    from gonogo.ledger.installation import require
    from gonogo.rollout.standing import read_standing

    with _connected(settings, f"gonogo {command}") as connection:
        if with_ledger:
            require(connection)
        return read_standing(connection)


def _connected(settings: DatabaseSettings, name: str) -> Connection:
    from gonogo.postgres.session import reach
    from gonogo.rollout.restore.swap import closed_by_restore

    try:
        return reach(settings.conninfo, name)
    except DatabaseError as error:
        # A server that does not answer at all is not asked once more.
        if "timeout" in error.problem or not closed_by_restore(settings):
            raise
    raise DatabaseError(
        "a restore that was cut short has left the database closed",
        f"run {command('rollback', '--mode restore')} again: it opens it and goes on",
    )
