"""What the gate's role needs to read, and no more: per table or column, never everything.

``roles/gate_role.sql`` grants the same by hand.
"""

from __future__ import annotations

from psycopg import sql

from gonogo.errors import StepError
from gonogo.postgres.session import Connection

MEASURED = (
    "token_health",
    "circuit_breaker_state",
    "sync_schedule",
    "calendar_webhook_subscriptions",
    "sync_metrics",
    "token_health_notifications",
    "webhook_notifications",
)
# Of these tables the columns alone that hold no secret: not the token that Google's notifications
# carry, nor the link by which a user signs in anew.
COLUMNS = {
    "calendar_webhook_subscriptions": (
        "id",
        "user_id",
        "channel_id",
        "expiration",
        "created_at",
        "updated_at",
    ),
    "token_health_notifications": (
        "id",
        "user_id",
        "integration_type",
        "notification_type",
        "resolved_at",
        "reminder_sent_at",
        "created_at",
        "updated_at",
    ),
}
LEDGER = "gonogo"
LEDGER_TABLES = (
    "deployment",
    "environment",
    "incident",
    "job_run",
    "migration",
    "migration_attempt",
)
ROLE_EXISTS = "select exists (select from pg_roles where rolname = %s)"
THERE = """
select relname from pg_class
where relnamespace = to_regnamespace(%s) and relkind in ('r', 'p')"""
COLUMNS_THERE = """
select attname from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and attname = any(%s)
order by attnum"""


def grant_gate(connection: Connection, role: str, schema: str) -> tuple[str, ...]:
    """Let the gate's role read what the gate measures.

    Args:
        connection: In autocommit, as the owner of the tables.
        role: The role of ``gate_role``.
        schema: The application's schema.

    Returns:
        The tables of the application that it may read now.

    Raises:
        StepError: There is no such role.
    """
    row = connection.execute(ROLE_EXISTS, (role,)).fetchone()
    if not (row and row[0]):
        raise StepError(
            f"the role {role} does not exist", "create it, or correct gate_role in rollout.toml"
        )
    with connection.transaction():
        tables = _grant(connection, role, schema, MEASURED)
        _grant(connection, role, LEDGER, LEDGER_TABLES)
    return tables


def grant_reporting(connection: Connection, role: str) -> None:
    """Let the application report the runs of its jobs, and nothing else of the ledger.

    Args:
        connection: In autocommit, as the owner of the ledger.
        role: The application's.
    """
    whom = sql.Identifier(role)
    with connection.transaction():
        connection.execute(sql.SQL("grant usage on schema gonogo to {}").format(whom))
        connection.execute(sql.SQL("grant insert on table gonogo.job_run to {}").format(whom))


def _grant(
    connection: Connection, role: str, schema: str, wanted: tuple[str, ...]
) -> tuple[str, ...]:
    there = {str(name) for (name,) in connection.execute(THERE, (_quoted(schema),))}
    tables = tuple(table for table in wanted if table in there)
    whom = sql.Identifier(role)
    usage = sql.SQL("grant usage on schema {} to {}")
    connection.execute(usage.format(sql.Identifier(schema), whom))
    for table in tables:
        _grant_table(connection, whom, sql.Identifier(schema, table), COLUMNS.get(table, ()))
    return tables


def _grant_table(
    connection: Connection, whom: sql.Identifier, table: sql.Identifier, columns: tuple[str, ...]
) -> None:
    if not columns:
        connection.execute(sql.SQL("grant select on table {} to {}").format(table, whom))
        return
    # An earlier version granted the whole table.
    connection.execute(sql.SQL("revoke select on table {} from {}").format(table, whom))
    rows = connection.execute(COLUMNS_THERE, (table.as_string(), list(columns))).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(str(name)) for (name,) in rows)
    select = sql.SQL("grant select ({}) on table {} to {}")
    connection.execute(select.format(names, table, whom))


def _quoted(schema: str) -> str:
    return sql.Identifier(schema).as_string()
