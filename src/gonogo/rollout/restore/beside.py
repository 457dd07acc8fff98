"""What a database holds beside rows, and what becomes of it in a restore: counted and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from gonogo.postgres.session import Connection, ask_int, first_line
from gonogo.rollout.backup.scratch import MATERIALIZED
from gonogo.rollout.runner.steps import Evidence

SLOTS = """
select slot_name from pg_replication_slots
where database = current_database() and not temporary order by 1"""
SUBSCRIPTIONS = """
select s.subname from pg_subscription as s
join pg_database as d on d.oid = s.subdbid
where d.datname = current_database() order by 1"""
# Beside the owner, who has them anyway.
PRIVILEGES = """
select n.nspname || '.' || c.relname, case a.grantee when 0 then 'public'
    else pg_get_userbyid(a.grantee) end, a.privilege_type
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
cross join aclexplode(c.relacl) as a
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and a.grantee <> c.relowner
    and n.nspname !~ '^(pg_|gonogo)' and n.nspname <> 'information_schema'"""
RELATIONS = """
select n.nspname || '.' || c.relname from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname !~ '^(pg_|gonogo)' and n.nspname <> 'information_schema'"""
SETTINGS = """
select coalesce(sum(cardinality(s.setconfig)), 0)::bigint
from pg_db_role_setting as s
join pg_database as d on d.oid = s.setdatabase
where d.datname = current_database()"""

GRANTS = """
select count(*) from pg_database as d, aclexplode(d.datacl) where d.datname = current_database()"""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a restore does with what is no row.

    Args:
        sequences: How many go on where the live ones are.
        refreshed: Materialized views that were refreshed over the rows carried over.
        stale: Those that could not be, and why: they show the backup's rows.
        slots: Logical replication slots, which stay with the old database.
        subscriptions: Subscriptions, which stay with the old database.
        privileges: Grants on relations of the backup that were given or revoked since; the
            backup's stand.
        settings: Settings of the database, which are copied.
        grants: Grants on the database, which are copied; 0 for the default ones.
    """

    sequences: int = 0
    refreshed: tuple[str, ...] = ()
    stale: Mapping[str, str] = field(default_factory=dict)
    slots: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    privileges: tuple[str, ...] = ()
    settings: int = 0
    grants: int = 0

    @property
    def lines(self) -> Iterator[str]:
        """What becomes of each, a line for a kind; none for a kind that there is none of."""
        if self.sequences:
            yield f"{self.sequences:,} sequences go on where they are"
        if self.settings or self.grants:
            counted = f"{self.settings:,} settings and {self.grants:,} grants"
            yield f"{counted} of the database are copied"
        if self.refreshed:
            yield f"materialized views are refreshed: {', '.join(self.refreshed)}"
        for name, why in self.stale.items():
            yield f"NOT REFRESHED  {name} shows the backup's rows ({why})"
        for one in self.privileges:
            yield f"as in the backup, not as now  {one}"
        for name in self.slots:
            yield f"STAYS WITH THE OLD DATABASE  the logical slot {name}: make it anew"
        for name in self.subscriptions:
            yield f"STAYS WITH THE OLD DATABASE  the subscription {name}: disable it, make it anew"

    @property
    def evidence(self) -> Evidence:
        """The same for a record."""
        return {
            "sequences": self.sequences,
            "settings_of_the_database": self.settings,
            "grants_on_the_database": self.grants,
            "materialized_views_refreshed": list(self.refreshed),
            "materialized_views_not_refreshed": dict(self.stale),
            "privileges_as_in_the_backup": list(self.privileges),
            "logical_slots_left": list(self.slots),
            "subscriptions_left": list(self.subscriptions),
        }


def settle(live: Connection, restored: Connection, sequences: int) -> Beside:
    """Refresh the materialized views, and find what else is no row.

    Args:
        live: The live database.
        restored: The restored one, in a transaction, once the rows are carried over.
        sequences: How many were set.
    """
    refreshed, stale = _refresh(restored)
    return Beside(
        sequences,
        refreshed,
        stale,
        _names(live, SLOTS),
        _names(live, SUBSCRIPTIONS),
        tuple(_changed_privileges(live, restored)),
        ask_int(live, SETTINGS),
        ask_int(live, GRANTS),
    )


def _refresh(restored: Connection) -> tuple[tuple[str, ...], dict[str, str]]:
    refreshed: list[str] = []
    stale: dict[str, str] = {}
    for schema, view in restored.execute(MATERIALIZED, (True,)).fetchall():
        try:
            with restored.transaction():
                words = sql.SQL("refresh materialized view {}")
                restored.execute(words.format(sql.Identifier(schema, view)))
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            stale[f"{schema}.{view}"] = first_line(error)
        else:
            refreshed.append(f"{schema}.{view}")
    return tuple(refreshed), stale


def _changed_privileges(live: Connection, restored: Connection) -> Iterator[str]:
    both = set(_names(live, RELATIONS)) & set(_names(restored, RELATIONS))
    now, then = (
        {row for row in one.execute(PRIVILEGES).fetchall() if row[0] in both}
        for one in (live, restored)
    )
    for what, rows in (("granted since", now - then), ("revoked since", then - now)):
        for relation, grantee, privilege in sorted(rows):
            yield f"{privilege.lower()} on {relation} for {grantee}, {what}"


def _names(connection: Connection, query: str) -> tuple[str, ...]:
    return tuple(str(name) for (name,) in connection.execute(query.encode()).fetchall())
