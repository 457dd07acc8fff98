"""What statements do: the tables that they name, those that they rewrite.

Whether an ALTER TABLE would rewrite its table is tried on an empty copy, so the answer is
PostgreSQL's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql

from gonogo.errors import MigrationError
from gonogo.ledger.migration import Migration
from gonogo.postgres.parser.columns import Table
from gonogo.postgres.parser.meaning import altered, alters_table, on_table, touched
from gonogo.postgres.session import Connection, ask_int
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import Patience, limit, may_pass

TRIAL = "gonogo_trial"


def altered_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables that migrations alter, which takes their owner."""
    return _tables_of(migrations, altered)


def touched_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables whose columns or rows migrations change, as far as they say so."""
    return _tables_of(migrations, touched)


def _tables_of(
    migrations: Sequence[Migration], meant: Callable[[Statement], tuple[Table, ...]]
) -> tuple[str, ...]:
    statements = (one for file in migrations for one in (*file.file.inside, *file.file.outside))
    return tuple(sorted({name for one in statements for _, name in meant(one)}))


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
    statements = (*migration.file.inside, *migration.file.outside)
    alters = [one for one in statements if alters_table(one)]
    if not alters:
        return
    with connection.transaction(force_rollback=True):
        limit(connection, patience)
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(TRIAL)))
        path = sql.SQL("{}, {}").format(sql.Identifier(TRIAL), sql.Identifier(schema))
        connection.execute("select set_config('search_path', %s, true)", (path.as_string(),))
        copies: dict[int, int] = {}
        for statement in alters:
            if table := _rewritten(connection, statement, copies):
                raise MigrationError(
                    f"would rewrite the whole table {table} under a lock",
                    "add the column without that default or type, fill it in batches, then set it",
                    file=migration.filename,
                    line=statement.line,
                )


def _rewritten(connection: Connection, statement: Statement, copies: dict[int, int]) -> str:
    """The table that a statement would rewrite; empty where it rewrites none.

    Args:
        connection: In the trial's transaction.
        statement: An ALTER TABLE.
        copies: The copy of each table that was altered before, by oid; whatever it is called now.
    """
    schema, name = alters_table(statement) or ("", "")
    found = _oid(connection, sql.Identifier(schema, name) if schema else sql.Identifier(name))
    # A copy that was renamed before is in the trial's schema, whatever schema the file names.
    found = found or _oid(connection, sql.Identifier(TRIAL, name))
    if found is None:
        return ""
    copy = found if found in copies.values() else copies.get(found)
    if copy is None:
        copy = copies[found] = _copy(connection, found)
    text = on_table(statement, sql.Identifier(*_called(connection, copy)).as_string())
    before = _filenode(connection, copy)
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error as error:
        if may_pass(error):
            raise
        # Whatever else is wrong with it, the real run says with file and line.
        return ""
    return name if _filenode(connection, copy) != before else ""


def _oid(connection: Connection, table: sql.Identifier) -> int | None:
    query = "select oid from pg_class where oid = to_regclass(%s) and relkind in ('r', 'p')"
    row = connection.execute(query, (table.as_string(),)).fetchone()
    return int(row[0]) if row else None


def _called(connection: Connection, table: int) -> Table:
    """A table's schema and name, as they are now."""
    query = """
        select n.nspname, c.relname from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace where c.oid = %s"""
    schema, name = connection.execute(query, (table,)).fetchone() or ("", "")
    return schema, name


def _copy(connection: Connection, table: int) -> int:
    """An empty copy of a table, of the same name."""
    there = _called(connection, table)
    name = sql.Identifier(TRIAL, there[1])
    like = sql.SQL("create table {} (like {} including all)")
    connection.execute(like.format(name, sql.Identifier(*there)))
    return _oid(connection, name) or 0


def _filenode(connection: Connection, table: int) -> int:
    return ask_int(connection, "select pg_relation_filenode(%s)", (table,))
