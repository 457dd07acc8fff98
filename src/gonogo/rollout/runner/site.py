"""The database that a rollout works on: opened, identified, confirmed, locked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import LiteralString

from gonogo.application.environment import LOOKS, check_environment
from gonogo.config.application import Use
from gonogo.errors import DatabaseError, UsageError
from gonogo.ledger.deployer import DeployerLock, deployer_lock
from gonogo.ledger.installation import install, require, version
from gonogo.ledger.ledger import Ledger
from gonogo.model.kinds import Environment
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.dsn import DIRECT_VARIABLE, DatabaseSettings
from gonogo.postgres.session import (
    Connection,
    application_schema,
    asking,
    connect,
    reach,
    version_problem,
)
from gonogo.postgres.snapshot import identify
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.steps import Evidence, Runner, Step

# The moment it was started distinguishes one server from another: every role may ask for that.
WHICH: LiteralString = """
select oid::bigint, extract(epoch from pg_postmaster_start_time())::text
from pg_database where datname = current_database()"""


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's consent to a rollout.

    Args:
        confirmed_database: The name of the database, as typed; production asks for it, and a name
            that is given must be right everywhere.
        wait: Wait for another deployer instead of refusing.
        asked_later: The consent is asked for once more is known: see `require_consent`.
    """

    confirmed_database: str | None = None
    wait: bool = False
    asked_later: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """What every step works on.

    Args:
        context: The rollout's context.
        runner: Runs the steps.
        connection: For whatever runs no file of the team's.
        ledger: On a connection of its own.
        identity: Which database this is.
        lock: The deployer's, on a connection of its own; None where nothing is changed.
    """

    context: RolloutContext
    runner: Runner
    connection: Connection
    ledger: Ledger
    identity: DatabaseIdentity
    lock: DeployerLock | None = None


@contextmanager
def open_site(
    context: RolloutContext, runner: Runner, consent: Consent, uses: Collection[Use]
) -> Iterator[Site]:
    """Open the database of a rollout; nothing is changed until everything about it is right.

    Args:
        context: The rollout's context.
        runner: Runs the steps.
        consent: What a person said.
        uses: What the session runs that inherits its variables.

    Raises:
        UsageError: A variable is wrong, the confirmation is missing, or the ledger knows the
            database as another environment.
        LockHeldError: Another deployer is at work.
        DatabaseError: The database does not answer, or the ledger may not be set up.
    """

    def check_variables(context: RolloutContext, evidence: Evidence) -> str:
        names = _checked(context, uses)
        evidence["variables"] = list(names)
        return f"{len(names)} variables present and well-formed, NODE_ENV is {context.environment}"

    runner.run(Step("environment", "Check the environment", check_variables), context)
    with ExitStack() as stack:
        conninfo = context.database.conninfo
        connection = stack.enter_context(connect(conninfo))
        ledger = Ledger(stack.enter_context(connect(conninfo, "gonogo ledger")))
        site = Site(context, runner, connection, ledger, identify(connection))
        holding = stack.enter_context(connect(conninfo))
        locks: list[DeployerLock] = []

        def admit(site: Site, evidence: Evidence) -> str:
            _require_ours(site, evidence, consent)
            waiting = deployer_lock(holding, wait=consent.wait, on_wait=runner.note)
            locks.append(stack.enter_context(waiting))
            return _admit(site)

        runner.run(Step("database", "Identify and lock the database", admit), site)
        yield replace(site, lock=locks[0])


@contextmanager
def look_at_site(context: RolloutContext, runner: Runner) -> Iterator[Site]:
    """Open a database for reading only: nothing is written to it, no lock is held.

    Raises:
        UsageError: A variable is wrong.
        DatabaseError: The database does not answer, or has no ledger.
    """
    _checked(context, LOOKS)
    conninfo = context.database.conninfo
    with connect(conninfo, "gonogo plan") as connection, connect(conninfo, "gonogo plan") as other:
        require(connection)
        yield Site(context, runner, connection, Ledger(other), identify(connection))


def _checked(context: RolloutContext, uses: Collection[Use]) -> tuple[str, ...]:
    config = context.config
    runs = config.runs(context.environment, uses)
    return check_environment(
        context.environ, context.environment, context.database, config.variables, runs
    )


def _require_ours(site: Site, evidence: Evidence, consent: Consent) -> None:
    context, identity = site.context, site.identity
    evidence |= {
        "database": identity.database,
        "address": context.database.shown,
        "system_identifier": identity.system_identifier,
        "server_version": identity.server_version,
        "role": identity.role,
    }
    if note := require_same(site.connection, context.database):
        site.runner.note(note)
    if problem := version_problem(site.connection.info.server_version):
        raise UsageError(f"{problem}; nothing was done", "deploy to a server of these versions")
    if identity.standby:
        raise UsageError("this server is a standby, and cannot be written to", "name the primary")
    if not consent.asked_later:
        require_consent(context.environment, identity.database, consent)


def _admit(site: Site) -> str:
    context, identity = site.context, site.identity
    if not version(site.connection):
        # A database that is not the application's gets no ledger.
        application_schema(site.connection, context.anchor)
    install(site.connection)
    site.ledger.mark_environment(context.environment, simulated=context.simulated)
    server = identity.server_version.split()[0]
    return f"{identity.database} on PostgreSQL {server} as {identity.role}, locked"


def require_consent(environment: Environment, database: str, consent: Consent) -> None:
    """Refuse to go on without a person who named the database, where that is asked for.

    Raises:
        UsageError: The name was not given, or another one was.
    """
    given = consent.confirmed_database
    asked_for = environment is Environment.PRODUCTION or given is not None
    if asked_for and given != database:
        wrong = f"{given!r} is not it" if given else "none was given"
        raise UsageError(
            f"{environment} asks for the name of its database as confirmation, and {wrong};"
            " nothing was done",
            f"type {database}",
        )


def require_same(connection: Connection, settings: DatabaseSettings) -> str:
    """Refuse a direct connection that leads to another database than the application's.

    Args:
        connection: The direct one.
        settings: How it was reached, and how the application reaches its own.

    Returns:
        Why they could not be compared; empty where they were, or are reached alike.

    Raises:
        UsageError: They are two databases.
    """
    if settings.pooled is None:
        return ""
    try:
        with reach(settings.pooled.conninfo, "gonogo probe") as other, asking("no answer"):
            same = other.execute(WHICH).fetchone() == connection.execute(WHICH).fetchone()
    except DatabaseError as error:
        return f"{settings.pooled.source} was not compared with {DIRECT_VARIABLE}: {error.problem}"
    if not same:
        raise UsageError(
            f"{DIRECT_VARIABLE} and {settings.pooled.source} lead to two databases:"
            f" {settings.shown}, and {settings.pooled.shown}; nothing was done",
            "name the same one in both",
        )
    return ""
