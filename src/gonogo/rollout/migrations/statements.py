"""What statements do: the tables that they name, those that they rewrite, what runs outside.

Whether an ALTER TABLE would rewrite its table is tried on an empty copy, so the answer is
PostgreSQL's own. A CREATE INDEX CONCURRENTLY that is interrupted leaves an invalid index, which
IF NOT EXISTS then takes for the index itself: an invalid index is dropped first, and what was built
is checked afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import psycopg
from psycopg import sql

from gonogo.errors import MigrationError
from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection, ask_int, ask_text
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import Patience, failure, limit, may_pass, set_for_session

NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
ALTER = re.compile(
    rf"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<table>{NAME}(?:\s*\.\s*{NAME})?)",
    re.IGNORECASE,
)
TABLE = rf"(?:only\s+)?(?:{NAME}\s*\.\s*)?(?P<table>{NAME})"
ALTERED = re.compile(rf"alter\s+table\s+(?:if\s+exists\s+)?{TABLE}", re.IGNORECASE)
# Statements that change rows or drop a table: their tables are fingerprinted before.
TOUCHED = re.compile(
    rf"(?:alter\s+table\s+(?:if\s+exists\s+)?|drop\s+table\s+(?:if\s+exists\s+)?"
    rf"|update\s+|insert\s+into\s+|delete\s+from\s+|truncate\s+(?:table\s+)?){TABLE}",
    re.IGNORECASE,
)
TRIAL = "gonogo_trial"
INDEX = re.compile(
    rf"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?!on\b)(?P<name>{NAME})",
    re.IGNORECASE,
)
DROP = sql.SQL("drop index concurrently if exists {}")


def altered_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables that migrations alter, which takes their owner."""
    return _tables_of(migrations, ALTERED)


def touched_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables whose columns or rows migrations change, as far as they say so."""
    return _tables_of(migrations, TOUCHED)


def _tables_of(migrations: Sequence[Migration], statement: re.Pattern[str]) -> tuple[str, ...]:
    texts = (one.text for file in migrations for one in (*file.file.inside, *file.file.outside))
    names = (match["table"] for text in texts if (match := statement.match(text)))
    # As PostgreSQL reads it: quotes keep the case, without them it does not count.
    plain = {
        name[1:-1].replace('""', '"') if name.startswith('"') else name.lower() for name in names
    }
    return tuple(sorted(plain))


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
    return ask_int(connection, "select pg_relation_filenode(%s::regclass)", (table,))


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
    with set_for_session(connection, limits):
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
    query = "select relname from pg_class where oid = to_regclass(%s)"
    return sql.Identifier(schema, ask_text(connection, query, (_spelt(schema, index),)) or index)


def _spelt(schema: str, index: str) -> str:
    return f"{sql.Identifier(schema).as_string()}.{index}"


def _valid(connection: Connection, schema: str, index: str) -> bool | None:
    """Whether an index is valid; None when it is not there."""
    row = connection.execute(
        "select indisvalid and indisready from pg_index where indexrelid = to_regclass(%s)",
        (_spelt(schema, index),),
    ).fetchone()
    return None if row is None else bool(row[0])
