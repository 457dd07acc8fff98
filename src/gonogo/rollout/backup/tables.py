"""The application's tables, as a backup holds them: named, measured, counted."""

from __future__ import annotations

from psycopg import sql
from psycopg.rows import TupleRow

from gonogo.postgres.session import Connection

# Partitions are counted, not their parents; the rows of a foreign table are not in a dump.
APPLICATION_TABLES = """
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and n.nspname <> 'gonogo' and n.nspname !~ '^gonogo_aside_'
  and not exists (
      select from pg_depend as d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname, c.relname
"""
SIZES = "select n.nspname, c.relname, pg_table_size(c.oid)"
TABLES = f"{SIZES}{APPLICATION_TABLES}"


def count_rows(connection: Connection, tables: list[TupleRow]) -> dict[str, int]:
    """Rows by table, each named ``schema.table``.

    Args:
        connection: Whose snapshot is counted in.
        tables: Rows of `TABLES`.
    """
    counted: dict[str, int] = {}
    for schema, table, _ in tables:
        query = sql.SQL("select count(*) from only {}").format(sql.Identifier(schema, table))
        row = connection.execute(query).fetchone()
        counted[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counted
