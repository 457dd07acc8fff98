"""What the ledger says about the soak: which environment, deployed when. Read in the snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import LiteralString

from psycopg import errors

from gonogo.errors import DatabaseError
from gonogo.model.kinds import Environment
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.identity import IDENTITY
from gonogo.postgres.reading import Row, Session
from gonogo.postgres.session import first_line

ENVIRONMENT: LiteralString = "select name, simulated from gonogo.environment"
DEPLOYMENT: LiteralString = """
select d.id, d.revision, d.migrations_sha256, d.outcome, greatest(d.finished_at, (
    select max(later.rolled_back_at) from gonogo.deployment as later
    where later.environment = d.environment and later.id > d.id
)) as finished_at
from gonogo.deployment as d
where %(environment)s::text is null or d.environment = %(environment)s
order by (d.outcome <> 'rolled_back') desc, d.id desc limit 1"""


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the gate must know before it measures.

    Args:
        environment: What the ledger calls this database; None without a ledger.
        simulated: Whether it is the sandbox, whose 48 hours lie ahead.
        deployed_at: The end of the deployment that stands, when it succeeded; or of the rollback of
            a later one, which is when it came to run again.
        deployment: Its number.
        revision: The application's revision that was deployed.
        migrations_sha256: Of the migration files that it was deployed with.
        problem: Why the ledger does not tell, as a sentence part.
    """

    environment: Environment | None = None
    simulated: bool = False
    deployed_at: datetime | None = None
    deployment: str = ""
    revision: str = ""
    migrations_sha256: str = ""
    problem: str | None = None


def read_ledger(session: Session, environment: Environment | None) -> LedgerFacts:
    """Read the ledger inside the current transaction.

    Args:
        session: In the measurement's transaction.
        environment: Which environment's deployment counts; None takes the latest of any.
    """
    try:
        with session.savepoint():
            marked = _only(session.ask(ENVIRONMENT))
            deployed = _only(session.ask(DEPLOYMENT, {"environment": environment}))
    except errors.SerializationFailure:
        raise
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return LedgerFacts(problem="there is no ledger (schema gonogo) in this database")
    except errors.Error as error:
        return LedgerFacts(problem=f"the ledger cannot be read: {first_line(error)}")
    name = Environment(marked["name"]) if marked else None
    simulated = bool(marked and marked["simulated"])
    if not deployed:
        return LedgerFacts(name, simulated, problem="the ledger knows of no deployment")
    facts = LedgerFacts(
        name,
        simulated,
        deployment=str(deployed["id"]),
        revision=deployed["revision"],
        migrations_sha256=deployed["migrations_sha256"],
    )
    if deployed["outcome"] != "succeeded":
        ended = str(deployed["outcome"]).replace("_", " ")
        return replace(facts, problem=f"the latest deployment is {ended}")
    return replace(facts, deployed_at=deployed["finished_at"].astimezone(UTC))


def read_identity(session: Session) -> tuple[DatabaseIdentity, datetime]:
    """Which database this is, and the snapshot's moment.

    Raises:
        DatabaseError: The server answered with nothing.
    """
    row = _only(session.ask(IDENTITY))
    if row is None:
        raise DatabaseError(
            "the server did not say who it is", "check what answers at this address"
        )
    now: datetime = row.pop("now")
    return DatabaseIdentity(**row), now.astimezone(UTC)


def _only(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
