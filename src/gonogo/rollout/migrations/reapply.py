"""Copy back what a revert moved aside, into the tables of a new deployment.

A row goes back where its key is free; one that is there already is newer, and stays. A value goes
back where the column still holds its default.
"""

from __future__ import annotations

from dataclasses import replace

from psycopg import sql

from gonogo.postgres.patience import Patience
from gonogo.postgres.session import Connection
from gonogo.rollout.backup.shapes import referring_last
from gonogo.rollout.migrations.aside import Aside
from gonogo.rollout.migrations.pair import Pair, Reapplied
from gonogo.rollout.migrations.revert import in_one_transaction

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


def reapply(connection: Connection, aside: Aside, schema: str) -> tuple[Reapplied, ...]:
    """Copy back what lies aside, in one transaction; a second time finds all of it there.

    Args:
        connection: In autocommit, as the owner of the tables.
        aside: From `chosen`.
        schema: The application's schema.

    Raises:
        MigrationError: A statement failed, or a lock was not granted in time. Nothing was changed.
    """
    told: list[Reapplied] = []

    def body() -> None:
        told.clear()
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
                told.append(Reapplied(table, aside.rows.get(table, 0), orphans=aside.rows[table]))
            else:
                pair = Pair(connection, (aside.schema, table), (schema, target))
                told.append(pair.whole() if whole else pair.part())

    in_one_transaction(connection, body, lambda _: None, LONG)
    return tuple(told)
