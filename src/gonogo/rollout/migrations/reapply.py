"""Copy back what a revert moved aside, into the tables of a new deployment.

A row is copied back where its key is free; a row that is already there is newer, and stays. A value
is copied back where the column still holds its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from psycopg import sql
from psycopg.rows import TupleRow

from gonogo.postgres.session import Connection, ask_int
from gonogo.postgres.transaction import Patience
from gonogo.rollout.backup.tables import listed, referring_last
from gonogo.rollout.migrations.revert import Aside, in_one_transaction

COLUMNS = """
select a.attname, a.attnum = any(coalesce(i.indkey, '')), coalesce(pg_get_expr(d.adbin, d.adrelid),
    'null'), pg_get_serial_sequence(a.attrelid::regclass::text, a.attname),
    format_type(a.atttypid, a.atttypmod)
from pg_attribute as a
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_index as i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
    and a.attgenerated = ''
order by a.attnum"""
REFERENCES = """
select f.confrelid::regclass::text,
    array(select a.attname::text from unnest(f.conkey) with ordinality as k (n, place)
        join pg_attribute as a on a.attrelid = f.conrelid and a.attnum = k.n order by place),
    array(select a.attname::text from unnest(f.confkey) with ordinality as k (n, place)
        join pg_attribute as a on a.attrelid = f.confrelid and a.attnum = k.n order by place)
from pg_constraint as f
where f.conrelid = to_regclass(%s) and f.contype = 'f' and f.conrelid <> f.confrelid"""
LONG = replace(Patience(), statement_timeout_s=3600)
# A table that was moved whole has a namesake; copied columns refer to the table that they are of.
PLACES = """
select a.relname, coalesce(whole.oid, part.oid)::bigint, coalesce(whole.relname, part.relname),
    whole.oid is not null
from pg_class as a
left join pg_class as whole
    on whole.relnamespace = to_regnamespace(%(schema)s) and whole.relname = a.relname
left join pg_constraint as own on own.conrelid = a.oid and own.contype = 'p'
left join pg_constraint as f
    on f.conrelid = a.oid and f.contype = 'f' and f.conkey = own.conkey
left join pg_class as referred on referred.oid = f.confrelid
left join pg_class as part
    on part.relnamespace = to_regnamespace(%(schema)s) and part.relname = referred.relname
where a.relnamespace = to_regnamespace(%(aside)s) and a.relkind = 'r'
order by 1"""


@dataclass(frozen=True, slots=True)
class Reapplied:
    """What became of one table's rows.

    Args:
        table: As it is called aside.
        rows: How many lie there.
        applied: How many were copied back.
        there: How many existed already, with the same contents.
        conflicts: How many were not copied: newer ones are in their place.
        orphans: How many were not copied: a row that they refer to is missing.
        keyless: How many were not copied: no key distinguishes them from existing ones.
        lost_columns: Columns that the new table does not have.
    """

    table: str
    rows: int
    applied: int = 0
    there: int = 0
    conflicts: int = 0
    orphans: int = 0
    keyless: int = 0
    lost_columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = {
            "copied back": self.applied,
            "there already": self.there,
            "in conflict with newer ones, which stay": self.conflicts,
            "without what they refer to": self.orphans,
            "without a key": self.keyless,
        }
        counted = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        lost = f"; no column {', '.join(self.lost_columns)}" if self.lost_columns else ""
        return f"{self.table}: {counted or 'no rows'}{lost}"


class Pair:
    """A table aside, and the table that its rows go back to.

    Args:
        connection: Within the transaction that copies back.
        source: Schema and name of the table aside.
        target: Schema and name of the other one.
    """

    def __init__(
        self, connection: Connection, source: tuple[str, str], target: tuple[str, str]
    ) -> None:
        self.connection = connection
        self.name = source[1]
        self.source, self.target = sql.Identifier(*source), sql.Identifier(*target)
        self.there = {row[0]: row for row in self._columns(self.target)}
        mine = self._columns(self.source)
        self.shared = [row[0] for row in mine if row[0] in self.there]
        self.lost = tuple(row[0] for row in mine if row[0] not in self.there)
        self.own_key = [row[0] for row in mine if row[1]]

    def whole(self) -> Reapplied:
        """Copy back the rows of a table that was moved aside as a whole."""
        key = [name for name, is_key, *_ in self.there.values() if is_key]
        if not key or not set(key) <= set(self.shared):
            rows = self._count(sql.SQL("select from {}").format(self.source))
            return Reapplied(self.name, rows, keyless=rows, lost_columns=self.lost)
        held = self._held()
        query = sql.SQL(
            "insert into {} ({}) overriding system value select {} from {} as a where {}"
            " on conflict do nothing"
        ).format(self.target, listed(self.shared), _of("a", self.shared), self.source, held)
        applied = self.connection.execute(query).rowcount
        for name in self.shared:
            self._move_sequence(name)
        orphans = self._count(
            sql.SQL("select from {} as a where not ({})").format(self.source, held)
        )
        return self._noted(applied, key, self.shared, orphans)

    def part(self) -> Reapplied:
        """Copy back values of columns that were moved aside with the key of their rows."""
        values = [name for name in self.shared if name not in self.own_key]
        if not values:
            rows = self._count(sql.SQL("select from {}").format(self.source))
            return Reapplied(self.name, rows, orphans=rows, lost_columns=self.lost)
        columns = {name: (self.there[name][2], self.there[name][4]) for name in values}
        query = update_where_default(self.target, self.source, self.own_key, columns)
        applied = self.connection.execute(query).rowcount
        lone = sql.SQL("select from {} as a where not exists (select from {} as t where {})")
        orphans = self._count(lone.format(self.source, self.target, _same(self.own_key)))
        return self._noted(applied, self.own_key, values, orphans)

    def _noted(
        self, applied: int, key: Sequence[str], compared: Sequence[str], orphans: int
    ) -> Reapplied:
        rows = self._count(sql.SQL("select from {}").format(self.source))
        equal = self._count(
            sql.SQL(
                "select from {} as a join {} as t on {} where row({})::text = row({})::text"
            ).format(
                self.source,
                self.target,
                _same(key),
                _of("a", compared),
                _of("t", compared),
            )
        )
        conflicts = rows - equal - orphans
        return Reapplied(
            self.name, rows, applied, equal - applied, conflicts, orphans, lost_columns=self.lost
        )

    def _held(self) -> sql.Composed:
        """What a row must fulfil to be let in: all that it refers to is there."""
        found = self.connection.execute(REFERENCES, (self.target.as_string(),)).fetchall()
        conditions = [
            sql.SQL("({} is null or exists (select from {} as r where {}))").format(
                sql.SQL(" is null or ").join(sql.Identifier("a", name) for name in columns),
                sql.SQL(referred),
                sql.SQL(" and ").join(
                    sql.SQL("{} = {}").format(
                        sql.Identifier("r", theirs), sql.Identifier("a", ours)
                    )
                    for ours, theirs in zip(columns, keys, strict=True)
                ),
            )
            for referred, columns, keys in found
            if set(columns) <= set(self.shared)
        ]
        return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true").format()

    def _move_sequence(self, name: str) -> None:
        sequence = self.there[name][3]
        if sequence:
            query = "select setval(%s::regclass, max({0})) from {1} having max({0}) > ({2})"
            last = sql.SQL("select last_value from {}").format(sql.SQL(sequence))
            statement = sql.SQL(query).format(sql.Identifier(name), self.target, last)
            self.connection.execute(statement, (sequence,))

    def _columns(self, table: sql.Identifier) -> list[TupleRow]:
        return self.connection.execute(COLUMNS, (table.as_string(),)).fetchall()

    def _count(self, rows: sql.Composed) -> int:
        return ask_int(
            self.connection, sql.SQL("select count(*) from ({}) as counted").format(rows)
        )


def update_where_default(
    target: sql.Identifier,
    source: sql.Identifier,
    key: Sequence[str],
    columns: Mapping[str, tuple[str, str]],
) -> sql.Composed:
    """The statement that copies columns back where they still hold their defaults.

    No value becomes text, which the session's settings would have a say in: a cluster (Citus)
    refuses that of a column.

    Args:
        target: The table that gets the values.
        source: The table aside.
        key: What a row is known by in both.
        columns: Default and type of each column, as the target's catalog words them.
    """
    return sql.SQL(
        "update {} as t set ({}) = row({}) from {} as a where {}"
        " and record_image_eq(row({}), row({})) and not record_image_eq(row({}), row({}))"
    ).format(
        target,
        listed(tuple(columns)),
        _of("a", columns),
        source,
        _same(key),
        _of("t", columns),
        _typed((sql.SQL(default), kind) for default, kind in columns.values()),
        _of("t", columns),
        _typed((sql.Identifier("a", name), kind) for name, (_, kind) in columns.items()),
    )


def _typed(values: Iterable[tuple[sql.Composable, str]]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("({})::{}").format(value, sql.SQL(kind)) for value, kind in values
    )


def _same(key: Iterable[str]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("a", name))
        for name in key
    )


def _of(alias: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns)


def reapply(connection: Connection, aside: Aside, schema: str) -> tuple[Reapplied, ...]:
    """Copy back what was moved aside, in one transaction; a second run changes nothing.

    Args:
        connection: In autocommit, as the owner of the tables.
        aside: From `chosen`.
        schema: The application's schema.

    Raises:
        MigrationError: A statement failed, or a lock was not granted in time. Nothing was changed.
    """
    reapplied: list[Reapplied] = []

    def body() -> None:
        reapplied.clear()
        names = {
            "schema": sql.Identifier(schema).as_string(),
            "aside": sql.Identifier(aside.schema).as_string(),
        }
        rows = connection.execute(PLACES, names).fetchall()
        wholes = {oid: table for table, oid, _, whole in rows if whole}
        order = [wholes[oid] for oid in referring_last(connection, tuple(wholes))]
        targets = {table: (target, whole) for table, _, target, whole in rows}
        for table in [*order, *(name for name in targets if name not in order)]:
            target, whole = targets[table]
            if target is None:
                reapplied.append(
                    Reapplied(table, aside.rows.get(table, 0), orphans=aside.rows[table])
                )
            else:
                pair = Pair(connection, (aside.schema, table), (schema, target))
                reapplied.append(pair.whole() if whole else pair.part())

    in_one_transaction(connection, body, lambda _: None, LONG)
    return tuple(reapplied)
