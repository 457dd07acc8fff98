"""The part of a migration that cannot run in a transaction: indexes built while writers go on.

CREATE INDEX CONCURRENTLY that is broken off leaves an invalid index, which IF NOT EXISTS then takes
for the index itself. So an invalid one is dropped first, and what was built is looked at after.
"""

from __future__ import annotations

import re

import psycopg
from psycopg import sql

from gonogo.errors import MigrationError
from gonogo.postgres.patience import Patience, settings
from gonogo.postgres.send import failure
from gonogo.postgres.session import Connection
from gonogo.postgres.sqlfile import Statement
from gonogo.rollout.migrations.migration import Migration
from gonogo.rollout.migrations.rewrite import NAME

INDEX = re.compile(
    rf"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?!on\b)(?P<name>{NAME})",
    re.IGNORECASE,
)

DROP = sql.SQL("drop index concurrently if exists {}")


def run_outside(
    connection: Connection, migration: Migration, schema: str, patience: Patience
) -> None:
    """Run the statements after ``-- gonogo: no-transaction``; running them again changes nothing.

    Args:
        connection: In autocommit, outside a transaction.
        migration: Its part inside the transaction is in place.
        schema: The application's.
        patience: `build_timeout_s` bounds each statement. A concurrent build waits for every older
            transaction without standing in anyone's way, so the short lock timeout is not for it.

    Raises:
        MigrationError: A statement failed, or left an index that is not valid.
    """
    limits = {
        "search_path": sql.Identifier(schema).as_string(),
        "lock_timeout": f"{patience.build_timeout_s}s",
        "statement_timeout": f"{patience.build_timeout_s}s",
    }
    with settings(connection, limits):
        for statement in migration.file.outside:
            _run(connection, migration, statement, schema)


def _run(connection: Connection, migration: Migration, statement: Statement, schema: str) -> None:
    match = INDEX.match(statement.text)
    index = match["name"] if match else None
    try:
        if index and _valid(connection, schema, index) is False:
            connection.execute(DROP.format(_named(connection, schema, index)))
        connection.execute(statement.text.encode())
        built = index is None or _valid(connection, schema, index)
    except psycopg.Error as error:
        raise failure(migration.path.name, statement, error) from error
    if not built:
        raise MigrationError(
            f"the index {index} is not valid",
            "look at the server's log, then deploy again: it is dropped and built anew",
            file=migration.path.name,
            line=statement.line,
        )


def _named(connection: Connection, schema: str, index: str) -> sql.Identifier:
    """An index by the name that the server gave it, however the file spells that."""
    row = connection.execute(
        "select relname from pg_class where oid = to_regclass(%s)", (_spelt(schema, index),)
    ).fetchone()
    return sql.Identifier(schema, str(row[0] if row else index))


def _spelt(schema: str, index: str) -> str:
    return f"{sql.Identifier(schema).as_string()}.{index}"


def _valid(connection: Connection, schema: str, index: str) -> bool | None:
    """Whether an index is valid; None when it is not there."""
    row = connection.execute(
        "select indisvalid and indisready from pg_index where indexrelid = to_regclass(%s)",
        (_spelt(schema, index),),
    ).fetchone()
    return None if row is None else bool(row[0])
