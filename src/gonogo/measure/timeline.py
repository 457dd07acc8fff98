"""The rollout as the ledger tells it: deployments, failed migrations, rollbacks, incidents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import LiteralString

from psycopg import errors

from gonogo.model.kinds import Environment
from gonogo.model.measurement import LedgerEvent
from gonogo.postgres.reading import Row, Session

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
select id, left(title, 500) as title, kind, opened_at, closed_at, void
from gonogo.incident
order by id desc limit %(most)s"""


def read_timeline(session: Session, environment: Environment) -> tuple[LedgerEvent, ...]:
    """The newest events of the ledger, oldest first; none where it cannot be read.

    Whether the ledger can be read at all is told by `read_ledger`; this is for the reader only.

    Args:
        session: In the measurement's transaction.
        environment: Whose deployments are told.
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
    yield LedgerEvent(_utc(row["opened_at"]), kind, row["title"], f"number {row['id']}")
    if row["closed_at"]:
        note = f"number {row['id']}{', void: it does not count' if row['void'] else ''}"
        yield LedgerEvent(_utc(row["closed_at"]), "closed", row["title"], note)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
