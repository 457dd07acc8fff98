"""Would an ALTER TABLE rewrite its table? An empty copy tells, so the answer is PostgreSQL's."""

from __future__ import annotations

import re

import psycopg
from psycopg import sql

from gonogo.errors import MigrationError
from gonogo.postgres.patience import Patience, limit
from gonogo.postgres.session import Connection
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import may_pass
from gonogo.rollout.migrations.migration import Migration

NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
ALTER = re.compile(
    rf"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<table>{NAME}(?:\s*\.\s*{NAME})?)",
    re.IGNORECASE,
)
TRIAL = "gonogo_trial"


def refuse_rewrites(
    connection: Connection, migration: Migration, schema: str, patience: Patience
) -> None:
    """Refuse a migration that would rewrite a table that is there already.

    A rewrite holds ACCESS EXCLUSIVE for as long as it takes to write every row. Each ALTER TABLE of
    the file is tried on empty copies, in a transaction that is rolled back.

    Args:
        connection: In autocommit, outside a transaction.
        migration: What is to run.
        schema: The application's.
        patience: The time limits.

    Raises:
        MigrationError: A statement would rewrite its table.
        psycopg.Error: A lock was not granted in time.
    """
    alters = [
        (statement, match)
        for statement in migration.file.inside
        if (match := ALTER.match(statement.text))
    ]
    if not alters:
        return
    with connection.transaction(force_rollback=True):
        limit(connection, patience)
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(TRIAL)))
        path = sql.SQL("{}, {}").format(sql.Identifier(TRIAL), sql.Identifier(schema))
        connection.execute("select set_config('search_path', %s, true)", (path.as_string(),))
        for statement, match in alters:
            if _rewrites(connection, statement, match):
                raise MigrationError(
                    f"would rewrite the whole table {match['table']} under a lock",
                    "add the column without that default or type, fill it in batches, then set it",
                    file=migration.path.name,
                    line=statement.line,
                )


def _rewrites(connection: Connection, statement: Statement, match: re.Match[str]) -> bool:
    copy = _copy(connection, match["table"])
    if copy is None:
        return False
    text = statement.text[: match.start("table")] + copy + statement.text[match.end("table") :]
    before = _filenode(connection, copy)
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error as error:
        if may_pass(error):
            raise
        # Whatever else is wrong with it, the real run says with file and line.
        return False
    return _filenode(connection, copy) != before


def _copy(connection: Connection, table: str) -> str | None:
    """An empty copy of a table that is there, its quoted name; None when it is not there yet."""
    row = connection.execute(
        """
        select c.oid::bigint, n.nspname, c.relname
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.oid = to_regclass(%s) and c.relkind in ('r', 'p')""",
        (table,),
    ).fetchone()
    if row is None:
        return None
    name = sql.Identifier(TRIAL, f"t{row[0]}")
    connection.execute(
        sql.SQL("create table if not exists {} (like {} including all)").format(
            name, sql.Identifier(row[1], row[2])
        )
    )
    return name.as_string()


def _filenode(connection: Connection, table: str) -> int:
    row = connection.execute("select pg_relation_filenode(%s::regclass)", (table,)).fetchone()
    return int(row[0]) if row else 0
