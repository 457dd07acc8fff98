"""The application's tables as a backup holds them: their sizes, rows, keys and columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from psycopg import sql
from psycopg.rows import TupleRow

from gonogo.postgres.session import Connection, ask_int, asking

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
KEY_AND_COLUMNS = """
    array(
        select a.attname::text
        from pg_index as i
        cross join unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary and k.place <= i.indnkeyatts
        order by k.place
    ) as key,
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as columns"""
DESCRIBE = f"""
select c.relname,{KEY_AND_COLUMNS}
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p')
    and c.relname = any(%s)
order by c.relname"""  # noqa: S608 - made of our own constants
SHAPES = f"""
select c.oid, n.nspname, c.relname,{KEY_AND_COLUMNS},
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and a.attgenerated <> ''
    ) as generated,
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and a.attidentity = 'a'
    ) as fixed{APPLICATION_TABLES}"""  # noqa: S608 - made of our own constants
REFERENCES = """
select conrelid, confrelid from pg_constraint where contype = 'f' and conrelid <> confrelid"""


def table_sizes(connection: Connection) -> dict[str, int]:
    """Bytes by table, each named ``schema.table``."""
    rows = connection.execute(TABLES)
    return {f"{schema}.{table}": int(size_bytes) for schema, table, size_bytes in rows}


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows by table, each named ``schema.table``.

    Args:
        connection: Whose snapshot is counted in.
    """
    tables = connection.execute(TABLES).fetchall()
    return {f"{schema}.{table}": count(connection, schema, table) for schema, table, _ in tables}


def count(connection: Connection, schema: str, table: str) -> int:
    """The rows of one table, without those that inherit from it."""
    query = sql.SQL("select count(*) from only {}").format(sql.Identifier(schema, table))
    return ask_int(connection, query)


def listed(columns: Iterable[str]) -> sql.Composed:
    """Columns as SQL lists them."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns that a table's rows are hashed over, named so that later ones do not count.

    Args:
        table: The table, in the application's schema.
        key: The columns of its primary key; empty without one.
        columns: Every column that it has now, in order.
        schema: Its schema, when that is not the application's; it is meant alone then, without
            those that inherit from it.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    schema: str = ""

    def relation(self, schema: str = "") -> sql.Composed:
        """SQL that names it.

        Args:
            schema: The application's schema.
        """
        alone = sql.SQL("only " if self.schema else "")
        return sql.SQL("{}{}").format(alone, sql.Identifier(self.schema or schema, self.table))

    @property
    def row_hash(self) -> sql.Composed:
        """SQL of a row's hash: 64 bits over its named columns, NULL distinct from empty."""
        return sql.SQL("hashtextextended(row({})::text, 0)").format(listed(self.columns))

    @property
    def key_text(self) -> sql.Composed:
        """SQL of a row's key as text; its hash where there is no primary key."""
        if not self.key:
            return sql.SQL("({})::text").format(self.row_hash)
        return sql.SQL("row({})::text").format(listed(self.key))


@dataclass(frozen=True, slots=True)
class Shape:
    """A table that can hold what was written since.

    Args:
        oid: Its own, in the restored database.
        named: Its columns as the backup knows them, and its key.
        writable: Those that can be written: all but the generated ones.
        fixed: Identity columns that can be written once only.
        gone: Columns of the backup that the live table does not have any more.
    """

    oid: int
    named: TableColumns
    writable: tuple[str, ...]
    fixed: tuple[str, ...]
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``schema.table``."""
        return f"{self.named.schema}.{self.named.table}"

    @property
    def can_carry(self) -> bool:
        """Whether its rows have a key and all their columns, so that they can be carried over."""
        return bool(self.named.key) and not self.gone


def shapes(live: Connection, restored: Connection) -> tuple[Shape, ...]:
    """The tables of the backup, each after those that it refers to.

    Args:
        live: The live database.
        restored: The one that was restored.
    """
    there = {(schema, table): set(columns) for _, schema, table, _, columns, *_ in described(live)}
    found = {
        oid: Shape(
            oid,
            TableColumns(table, tuple(key), tuple(columns), schema),
            tuple(column for column in columns if column not in generated),
            tuple(fixed),
            tuple(sorted(set(columns) - there.get((schema, table), set()))),
        )
        for oid, schema, table, key, columns, generated, fixed in described(restored)
    }
    return tuple(found[oid] for oid in referring_last(restored, tuple(found)))


def referring_last(connection: Connection, tables: Sequence[int]) -> tuple[int, ...]:
    """Tables in an order in which their rows can be written; a circle is cut somewhere.

    Args:
        connection: To their database.
        tables: Their oids.
    """
    edges: dict[int, set[int]] = {oid: set() for oid in tables}
    for referring, referred in connection.execute(REFERENCES):
        if referring in edges and referred in edges:
            edges[referring].add(referred)
    while True:
        try:
            return tuple(TopologicalSorter(edges).static_order())
        except CycleError as error:
            *_, referred, referring = error.args[1]
            edges[referring].discard(referred)


def described(connection: Connection) -> list[TupleRow]:
    """The application's tables: oid, schema, name, key, columns, generated ones, fixed ones."""
    return connection.execute(SHAPES).fetchall()


@asking("the tables could not be described")
def describe(
    connection: Connection, tables: Sequence[str], schema: str
) -> tuple[TableColumns, ...]:
    """Name the columns that the given tables have now.

    Args:
        connection: To the application's database.
        tables: The tables' names; those that do not exist are left out.
        schema: The application's schema.
    """
    rows = connection.execute(
        DESCRIBE,
        (sql.Identifier(schema).as_string(), list(tables)),
    ).fetchall()
    return tuple(TableColumns(name, tuple(key), tuple(columns)) for name, key, columns in rows)
