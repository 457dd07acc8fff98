"""What the ledger says about the soak, read in the snapshot.

Which environment this is, when it was deployed, and the events of the rollout: deployments, failed
migrations, rollbacks, incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import LiteralString

from psycopg import errors

from gonogo.model.kinds import Environment
from gonogo.model.step import LedgerEvent
from gonogo.postgres.readonly import Row, Session
from gonogo.postgres.session import first_line

ENVIRONMENT: LiteralString = "select name, simulated from gonogo.environment"
DEPLOYMENT: LiteralString = """
select d.id, d.revision, d.migrations_sha256, d.outcome, d.previous_revision, d.deployed_by,
    (
        select coalesce(jsonb_object_agg(m.version || '_' || m.name || '.sql', m.sha256), '{}')
        from gonogo.migration as m
        where m.reverted_at is null and m.completed_at is not null
            and m.version || m.name ~ '^[0-9a-z_]+$' and m.sha256 ~ '^[0-9a-f]{64}$'
    ) as migrations,
    array(
        select m.version || '_' || m.name || '.sql' from gonogo.migration as m
        where m.deployment_id = d.id and m.reverted_at is null order by m.version
    ) as applied,
    greatest(d.finished_at, (
        select max(later.rolled_back_at) from gonogo.deployment as later
        where later.environment = d.environment and later.id > d.id
    )) as finished_at
from gonogo.deployment as d
where %(environment)s::text is null or d.environment = %(environment)s
order by (d.outcome <> 'rolled_back') desc, d.id desc limit 1"""
MOST = 200
SHORT = 12
KINDS = {"running": "deploying", "failed": "deploy-failed"}
DEPLOYMENTS: LiteralString = """
select id, revision, previous_revision, deployed_by, override_reason, outcome, started_at,
    finished_at, rolled_back_at, rollback_mode, rollback_reason
from gonogo.deployment
where environment = %(environment)s
order by id desc limit %(most)s"""
FAILED_MIGRATIONS: LiteralString = """
select a.version, a.sqlstate, left(a.error, 500) as error,
    coalesce(a.finished_at, a.started_at) as at
from gonogo.migration_attempt as a
join gonogo.deployment as d on d.id = a.deployment_id
where d.environment = %(environment)s and a.outcome = 'failed'
order by a.id desc limit %(most)s"""
INCIDENTS: LiteralString = """
select id, left(title, 500) as title, kind, opened_at, opened_by::text, closed_at, void,
    to_jsonb(i) ->> 'closed_by' as closed_by, to_jsonb(i) ->> 'voided_by' as voided_by
from gonogo.incident as i
order by id desc limit %(most)s"""


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
        migrations: The sha256 of each migration in place, by its file's name.
        applied: The files that it applied itself.
        previous_revision: The revision that ran before it.
        deployed_by: Who deployed it.
        problem: Why the ledger does not say when it was deployed, as part of a sentence.
    """

    environment: Environment | None = None
    simulated: bool = False
    deployed_at: datetime | None = None
    deployment: str = ""
    revision: str = ""
    migrations_sha256: str = ""
    migrations: Mapping[str, str] = field(default_factory=dict)
    applied: tuple[str, ...] = ()
    previous_revision: str = ""
    deployed_by: str = ""
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
        migrations=deployed["migrations"],
        applied=tuple(deployed["applied"]),
        previous_revision=deployed["previous_revision"],
        deployed_by=deployed["deployed_by"],
    )
    if deployed["outcome"] != "succeeded":
        ended = str(deployed["outcome"]).replace("_", " ")
        return replace(facts, problem=f"the latest deployment is {ended}")
    return replace(facts, deployed_at=deployed["finished_at"].astimezone(UTC))


def _only(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None


def read_timeline(session: Session, environment: Environment) -> tuple[LedgerEvent, ...]:
    """The newest events of the ledger, oldest first; none where it cannot be read.

    `read_ledger` reports whether the ledger can be read; this is for the page's timeline only.

    Args:
        session: In the measurement's transaction.
        environment: Whose deployments are listed.
    """
    parameters: dict[str, object] = {"environment": environment.value, "most": MOST}
    try:
        with session.savepoint():
            events = [
                *(e for row in session.ask(DEPLOYMENTS, parameters) for e in _deployment(row)),
                *map(_failed, session.ask(FAILED_MIGRATIONS, parameters)),
                *(e for row in session.ask(INCIDENTS, parameters) for e in _incident(row)),
            ]
    except errors.SerializationFailure:
        raise
    except errors.Error:
        return ()
    return tuple(sorted(events, key=lambda event: event.at)[-MOST:])


def _deployment(row: Row) -> Iterator[LedgerEvent]:
    revision, number = str(row["revision"])[:SHORT], row["id"]
    before = str(row["previous_revision"])[:SHORT]
    override = f"; without a signed staging record: {row['override_reason']}"
    note = (
        f"before it {before}; by {row['deployed_by']}{override if row['override_reason'] else ''}"
    )
    kind = KINDS.get(row["outcome"], "deployed")
    yield LedgerEvent(
        _utc(row["finished_at"] or row["started_at"]),
        kind,
        f"Deployment {number}: {revision}",
        note,
    )
    if row["rolled_back_at"]:
        title = f"Deployment {number} by {row['rollback_mode']}"
        yield LedgerEvent(
            _utc(row["rolled_back_at"]), "rolled-back", title, row["rollback_reason"] or ""
        )


def _failed(row: Row) -> LedgerEvent:
    state = f" (SQLSTATE {row['sqlstate']})" if row["sqlstate"] else ""
    title = f"Migration {row['version']}{state}"
    return LedgerEvent(_utc(row["at"]), "migration-failed", title, row["error"] or "")


def _incident(row: Row) -> Iterator[LedgerEvent]:
    kind = "complaint" if row["kind"] == "complaint" else "incident"
    number = f"number {row['id']}"
    opened = f"{number}{_by(row['opened_by'])}"
    yield LedgerEvent(_utc(row["opened_at"]), kind, row["title"], opened)
    if row["closed_at"]:
        void = f", void{_by(row['voided_by'])}: it does not count" if row["void"] else ""
        note = f"{number}{_by(row['closed_by'])}{void}"
        yield LedgerEvent(_utc(row["closed_at"]), "closed", row["title"], note)


def _by(name: str | None) -> str:
    return f" by {name}" if name else ""


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
