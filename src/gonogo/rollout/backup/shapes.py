"""The tables of a restored backup: what identifies their rows, what of them can be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from psycopg.rows import TupleRow

from gonogo.postgres.session import Connection
from gonogo.rollout.backup.fingerprint import TableColumns
from gonogo.rollout.backup.tables import APPLICATION_TABLES

COLUMNS = """
select c.oid, n.nspname, c.relname,
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
    ) as columns,
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and a.attgenerated <> ''
    ) as generated,
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and a.attidentity = 'a'
    ) as fixed"""
SHAPES = f"{COLUMNS}{APPLICATION_TABLES}"
REFERENCES = """
select conrelid, confrelid from pg_constraint where contype = 'f' and conrelid <> confrelid"""


@dataclass(frozen=True, slots=True)
class Shape:
    """A table that can hold what was written since.

    Args:
        oid: Its own, in the restored database.
        named: Its columns as the backup knows them, and its key.
        writable: Those that can be written: all but the generated ones.
        fixed: Identity columns that can be written once only.
        gone: Columns of the backup that the live table has no more.
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
        """Whether its rows can be told apart and written."""
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
