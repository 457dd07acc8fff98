"""What was written since a backup: the live database against the one that was restored from it.

Rows are compared by primary key and hash, over the columns that the backup knows. The hashes of
the live rows are streamed into the restored database, and compared there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from gonogo.postgres.session import Connection
from gonogo.rollout.backup.rowhash import hashed, take_in
from gonogo.rollout.backup.tables import Shape, TableColumns, count, described

KINDS = ("inserted", "changed", "deleted")
ASIDE = """
select n.nspname, c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname ~ '^gonogo_aside_'
order by 1, 2"""
# What stands for itself: neither a table nor a part of one, of an extension or of gonogo.
OBJECTS = """
select i.type || ' ' || i.identity
from (
    select 'pg_class'::regclass, oid from pg_class where relkind in ('v', 'm', 'f')
    union all select 'pg_class'::regclass, c.oid from pg_class as c
        where c.relkind = 'S' and not exists (select from pg_depend as d
            where (d.classid, d.objid) = ('pg_class'::regclass, c.oid) and d.deptype in ('a', 'i'))
    union all select 'pg_proc'::regclass, oid from pg_proc
    union all select 'pg_trigger'::regclass, oid from pg_trigger where not tgisinternal
    union all select 'pg_policy'::regclass, oid from pg_policy
    union all select 'pg_extension'::regclass, oid from pg_extension
    union all select 'pg_publication'::regclass, oid from pg_publication
    union all select 'pg_event_trigger'::regclass, oid from pg_event_trigger
) as o(classid, objid), pg_identify_object(o.classid, o.objid, 0) as i
where o.objid >= 16384 and i.identity !~ '\\mgonogo(_aside_\\d+)?\\.'
    and not exists (select from pg_depend as d
        where (d.classid, d.objid) = (o.classid, o.objid) and d.deptype = 'e')
order by 1"""
DIFFERING = """
create temporary table gonogo_differing (
    n bigint generated always as identity,
    place integer,
    kind text,
    key text
) on commit drop"""
DIFFER = sql.SQL("""
insert into gonogo_differing (place, kind, key)
select {place},
    case when now.key is null then 'inserted' when live.key is null then 'deleted'
        else 'changed' end,
    coalesce(live.key, now.key)
from (select key, hash from gonogo_rows where place = {place}) as live
full join (select {key} as key, {hash} as hash from {table}) as now on now.key = live.key
where live.hash is distinct from now.hash
order by 2, 3""")
# Equal rows without a key are compared by their number alone.
COUNT_KEYLESS = sql.SQL("""
select coalesce(sum(greatest(coalesce(live.n, 0) - coalesce(now.n, 0), 0)), 0)::bigint,
    coalesce(sum(greatest(coalesce(now.n, 0) - coalesce(live.n, 0), 0)), 0)::bigint
from (select hash, count(*) as n from gonogo_rows where place = {place} group by hash) as live
full join (select {hash} as hash, count(*) as n from {table} group by 1) as now
    on now.hash = live.hash""")


@dataclass(frozen=True, slots=True)
class TableDelta:
    """What was written to one table since the backup.

    Args:
        name: ``schema.table``.
        inserted: Rows that the backup does not have.
        changed: Rows that it has with other contents.
        deleted: Rows that it alone has.
        keyed: Whether rows have a key; without one a change counts as deleted and inserted.
    """

    name: str
    inserted: int = 0
    changed: int = 0
    deleted: int = 0
    keyed: bool = True

    @property
    def total(self) -> int:
        """Rows in all."""
        return self.inserted + self.changed + self.deleted

    def __str__(self) -> str:
        counts = {"inserted": self.inserted, "changed": self.changed, "deleted": self.deleted}
        counted = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
        return f"{self.name}: {counted or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Beyond:
    """What the live database has that the backup does not know at all.

    Args:
        tables: Rows of each such table, the aside ones too.
        columns: Each as ``schema.table.column``.
        objects: What is neither: views, functions, triggers, extensions, publications.
    """

    tables: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


def compare(live: Connection, restored: Connection, tables: Sequence[Shape]) -> None:
    """Bring the hashes of the live rows into the restored database's transaction.

    Args:
        live: In a transaction, whose snapshot is compared.
        restored: In a transaction.
        tables: From `shapes`; one with columns that are gone is left out.
    """
    comparable = [one.named if not one.gone else _nothing(one.named) for one in tables]
    take_in(restored, hashed(live, comparable))
    restored.execute(DIFFERING)


def differences(restored: Connection, tables: Sequence[Shape]) -> tuple[TableDelta, ...]:
    """What differs now, table by table; the keys lie in ``gonogo_differing``.

    Args:
        restored: In the transaction of `compare`.
        tables: The same as there.
    """
    restored.execute("truncate gonogo_differing")
    for place, one in enumerate(tables):
        if one.can_carry:
            named = one.named
            restored.execute(
                DIFFER.format(
                    place=place, key=named.key_text, hash=named.row_hash, table=named.relation()
                )
            )
    restored.execute("analyze gonogo_differing")
    found = restored.execute("select place, kind, count(*) from gonogo_differing group by 1, 2")
    counted = {(place, kind): int(count) for place, kind, count in found}
    return tuple(
        TableDelta(one.name, **{kind: counted.get((place, kind), 0) for kind in KINDS}, keyed=True)
        if one.can_carry
        else _uncarried(restored, place, one)
        for place, one in enumerate(tables)
    )


def beyond(live: Connection, restored: Connection) -> Beyond:
    """What the backup does not know at all: it stays in the live database.

    Args:
        live: The live database.
        restored: The one that was restored.
    """
    known = {(row[1], row[2]): set(row[4]) for row in described(restored)}
    tables: dict[str, int] = {}
    columns: list[str] = []
    for _, schema, table, _, names, *_ in described(live):
        if (schema, table) not in known:
            tables[f"{schema}.{table}"] = count(live, schema, table)
        else:
            new = (name for name in names if name not in known[schema, table])
            columns += [f"{schema}.{table}.{name}" for name in new]
    for schema, table in live.execute(ASIDE).fetchall():
        tables[f"{schema}.{table}"] = count(live, schema, table)
    here = set(restored.execute(OBJECTS))
    return Beyond(
        tables, tuple(columns), tuple(one[0] for one in live.execute(OBJECTS) if one not in here)
    )


def _nothing(named: TableColumns) -> TableColumns:
    """The same table by its key alone: its rows are counted, and hold nothing to compare."""
    return TableColumns(named.table, (), (), named.schema)


def _uncarried(restored: Connection, place: int, one: Shape) -> TableDelta:
    named = _nothing(one.named) if one.gone else one.named
    query = COUNT_KEYLESS.format(place=place, hash=named.row_hash, table=named.relation())
    inserted, deleted = restored.execute(query).fetchone() or (0, 0)
    return TableDelta(one.name, inserted, 0, deleted, keyed=False)
