"""The session's variables: every problem at once, by name, never by value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import get_args

from gonogo.application.exchange import problem_of
from gonogo.config.application import Use, VariableConfig
from gonogo.errors import UsageError
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import TAKEN_BY_TOOLS

Variables = Mapping[str, VariableConfig]
# What a session that changes something runs of the team's commands; what only looks runs none.
OF_A_ROLLBACK: frozenset[Use] = frozenset({"revert_code", "reinstall", "rebuild"})
OF_STAGING: frozenset[Use] = frozenset({"test", "lint", "typecheck"})
OF_A_DEPLOYMENT: frozenset[Use] = OF_STAGING | {
    "make_backup",
    "prove_backup",
    "checkout",
    "install",
    "build",
}
EVERY: frozenset[Use] = frozenset(get_args(Use))
ROLLS_BACK = EVERY - OF_A_DEPLOYMENT
RESTARTS: frozenset[Use] = frozenset(
    {"stop_jobs", "stop_app", "start_app", "start_jobs", "endpoints"}
)
LOOKS: frozenset[Use] = frozenset()
REQUIRED_WITH_DB = ("DB_HOST", "DB_USER", "DB_NAME")


def deploys(environment: Environment) -> frozenset[Use]:
    """What a deployment runs that inherits variables: the application's checks only in staging.

    Args:
        environment: To which environment.
    """
    every = EVERY - OF_A_ROLLBACK
    return every if environment is Environment.STAGING else every - OF_STAGING


def check_environment(
    environ: Mapping[str, str],
    environment: Environment,
    database: DatabaseSettings,
    variables: Variables,
    uses: Collection[Use],
) -> tuple[str, ...]:
    """Require the variables that a session needs.

    Args:
        environ: The session's variables.
        environment: What the session deploys to; NODE_ENV must say the same.
        database: The resolved database; its source decides which ``DB_*`` must be there.
        variables: What rollout.toml says of each variable.
        uses: What the session runs that inherits them.

    Returns:
        The names of the variables that were checked and are well-formed.

    Raises:
        UsageError: Anything is missing or malformed. All problems, by name; no value appears.
    """
    require_none(tuple(problems(environ, environment, database, variables, uses)))
    required = _required(database, variables, uses)
    others = (name for name in variables if environ.get(name) and name not in required)
    return ("NODE_ENV", *required, *others)


def require_none(found: Sequence[str]) -> None:
    """Refuse an environment that is not ready.

    Args:
        found: What is wrong with it.

    Raises:
        UsageError: All that is wrong.
    """
    if found:
        raise UsageError(
            "the environment is not ready: " + ", ".join(found), "set the variables and try again"
        )


def problems(
    environ: Mapping[str, str],
    environment: Environment,
    database: DatabaseSettings,
    variables: Variables,
    uses: Collection[Use],
) -> Iterator[str]:
    """All that is missing or malformed, by name, never by value.

    Args:
        environ: The session's variables.
        environment: What NODE_ENV must say.
        database: Its source decides which ``DB_*`` must be there.
        variables: What rollout.toml says of each variable.
        uses: What the session runs that inherits them.
    """
    if not environ.get("NODE_ENV"):
        yield f"NODE_ENV is not set (must be {environment})"
    elif environ["NODE_ENV"] != environment:
        yield f"NODE_ENV is not {environment}"
    for name in _required(database, variables, uses):
        if not environ.get(name, "").strip():
            yield f"{name} is not set"
        elif environ[name] != environ[name].strip():
            yield f"{name} has white space around it"
    for secret in database.secrets:
        if secret not in TAKEN_BY_TOOLS:
            yield f"{database.source} holds {secret}, which pg_dump takes by command line only"
    for name, variable in variables.items():
        text = environ.get(name, "").strip()
        if text and (problem := problem_of(variable.form, text)):
            yield f"{name} {problem}"


def _required(
    database: DatabaseSettings, variables: Variables, uses: Collection[Use]
) -> tuple[str, ...]:
    needed = (name for name, one in variables.items() if not set(uses).isdisjoint(one.needed_by))
    return (*needed, *(REQUIRED_WITH_DB if database.source == "DB_*" else ()))
