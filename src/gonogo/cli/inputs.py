"""What a command works on: project, variables, a record by name, a person's consent."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from gonogo.errors import CancelledError, UsageError
from gonogo.model.kinds import Environment
from gonogo.screen import DATABASE

if TYPE_CHECKING:
    from gonogo.config.application import Use
    from gonogo.model.measurement import DatabaseIdentity
    from gonogo.report.narration import Narration
    from gonogo.rollout.runner.context import RolloutContext

A_RECORD = "Its directory, or its name in the archive."
QUESTION = "  Type the name of the database to go on, anything else to cancel: "


def masked(text: str) -> str:
    """A text that a person gives, before it reaches record, ledger, report or page.

    Args:
        text: A reason or a title; a secret of the session's is replaced by its name.
    """
    from gonogo.masking import Mask

    return Mask.of(os.environ)(text)


def rollout_context(
    environment: Environment,
    environ: Mapping[str, str],
    uses: Collection[Use],
    database: str | None,
) -> RolloutContext:
    """The context of a deployment or rollback whose variables are all valid.

    Args:
        environment: The session's environment.
        environ: The session's variables.
        uses: What the session runs that inherits them.
        database: Which of a fleet, as ``--database`` says.

    Raises:
        UsageError: A variable or rollout.toml is invalid; nothing was done.
    """
    from gonogo.application.environment import require_none

    context, problems = unchecked_context(environment, environ, uses, database)
    require_none(problems)
    return context


def unchecked_context(
    environment: Environment,
    environ: Mapping[str, str],
    uses: Collection[Use],
    named: str | None,
) -> tuple[RolloutContext, tuple[str, ...]]:
    """The context of a deployment, and every problem with the variables.

    Args:
        environment: The session's environment.
        environ: The session's variables.
        uses: What the session runs that inherits them.
        named: Which database of a fleet, as ``--database`` says.

    Raises:
        UsageError: rollout.toml is invalid, or has no such database.
    """
    from gonogo.application.environment import problems
    from gonogo.config.sections import project_here
    from gonogo.postgres.dsn import (
        DatabaseSettings,
        database_settings,
        direct_settings,
        member_settings,
    )
    from gonogo.rollout.runner.context import RolloutContext

    project, config = project_here()
    section = config.environment(environment)
    runs = config.runs(environment, uses)
    member = section.member(environment, named)
    DATABASE.set(member.name if member else "")
    unnamed: tuple[str, ...] = ()
    try:
        database = (
            member_settings(member, environ)
            if member
            else direct_settings(database_settings(environ), environ, section.direct_url)
        )
    except UsageError as error:
        database = DatabaseSettings("", "")
        unnamed = (f"{error.problem} ({error.remedy})",)
    context = RolloutContext(
        project,
        environment,
        config,
        database,
        environ,
        simulated=config.simulated,
        member=member.name if member else "",
    )
    found = problems(environ, environment, database, config.variables, runs)
    return context, (*unnamed, *found)


def required_environment(option: str | None) -> Environment:
    """The environment that ``--environment`` or NODE_ENV names.

    Raises:
        UsageError: Neither names one.
    """
    from gonogo.postgres.dsn import named_environment

    environment = named_environment(os.environ, option)
    if environment is None:
        raise UsageError(
            "nothing says which environment this is", "pass --environment or set NODE_ENV"
        )
    return environment


def confirmed(
    narration: Narration,
    identity: DatabaseIdentity,
    lines: Sequence[str],
    *,
    given: str | None,
    option: str,
) -> str:
    """Ask a person to confirm by typing the database's name, unless an option gave it.

    Args:
        narration: The terminal.
        identity: The database that is meant.
        lines: What will be done, and to which database.
        given: The option's value.
        option: The option's name.

    Returns:
        The name.

    Raises:
        UsageError: The option names another database, or there is no terminal to ask at.
        CancelledError: The person said no.
    """
    require_somebody(identity, given=given, option=option)
    # Shown even where an option gave the name: the log of CI then says what was confirmed.
    narration.chapter("Is this what you want?" if given is None else f"Confirmed by {option}")
    for line in lines:
        narration.say(f"  {line}")
    if given is not None:
        return given
    # On standard error, so that it is seen when standard output goes into a file.
    sys.stderr.write(QUESTION)
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if typed != identity.database:
        raise CancelledError("cancelled: that is not the database's name; nothing was done")
    return typed


def require_somebody(identity: DatabaseIdentity, *, given: str | None, option: str) -> None:
    """Refuse at once what `confirmed` would refuse later, whatever a person types.

    Args:
        identity: The database that is meant.
        given: The option's value.
        option: The option's name.

    Raises:
        UsageError: The option names another database, or there is no terminal to ask at.
    """
    if given is not None and given != identity.database:
        raise UsageError(
            f"{option} {given}: the database is {identity.database}; nothing was done",
            "check which database the variables name",
        )
    if given is None and not sys.stdin.isatty():
        raise UsageError(
            "this asks for the name of the database as confirmation, and there is no terminal to"
            " ask at; nothing was done",
            f"run it in a terminal, or pass {option} with that name",
        )
