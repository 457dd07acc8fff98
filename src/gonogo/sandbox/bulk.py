"""Filling a table faster than its indexes can follow: they are built again, once, at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.rows import tuple_row
from psycopg.sql import SQL

from gonogo.sandbox.script import Connection

# Statements that take an index away and that bring it back, as PostgreSQL itself words them.
INDEXES = """
select
    case when k.oid is null then format('drop index %%s', i.indexrelid::regclass)
        else format('alter table %%s drop constraint %%I', i.indrelid::regclass, k.conname)
    end,
    case when k.oid is null then pg_get_indexdef(i.indexrelid)
        else format('alter table %%s add constraint %%I %%s', i.indrelid::regclass, k.conname,
            pg_get_constraintdef(k.oid))
    end
from pg_index as i
left join pg_constraint as k on k.conindid = i.indexrelid and k.contype in ('p', 'u')
where i.indrelid = %s::regclass
order by i.indexrelid"""


@contextmanager
def without_indexes(connection: Connection, table: str) -> Iterator[None]:
    """Let `table` have no index within the block, and the same ones as before after it.

    Args:
        connection: In a transaction, which a failure rolls back whole.
        table: The table; no foreign key may refer to it.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        indexes = cursor.execute(INDEXES, [table]).fetchall()
        for drop, _ in indexes:
            cursor.execute(SQL(drop))
        yield
        cursor.execute("select set_config('maintenance_work_mem', '256MB', true)")
        for _, create in indexes:
            cursor.execute(SQL(create))
