"""Whether a restore is possible here: rights, room, and what no restore goes together with.

A restore asks it before anything is stopped, and preflight before anything is deployed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gonogo.errors import DatabaseError, StepError, some
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_bool, ask_int, ask_text
from gonogo.rollout.backup.backup import ROOM_BESIDE_BYTES
from gonogo.rollout.backup.privileged import privileged
from gonogo.rollout.restore.swap import connect_beside

LOCAL = ("localhost", "127.0.0.1", "::1")
RIGHTS = """
select r.rolsuper or r.rolcreatedb as creates,
    r.rolsuper or pg_has_role(d.datdba, 'usage') as owns,
    r.rolsuper or pg_has_role('pg_signal_backend', 'usage') or not exists (
        select from pg_stat_activity as a
        where a.datname = d.datname and a.usesysid is not null
            and not pg_has_role(a.usesysid, 'usage')
    ) as ends
from pg_roles as r, pg_database as d
where r.rolname = current_user and d.datname = current_database()"""
# Objects that pg_restore gives back to their owner; what belongs to an extension comes with it.
FOREIGN = """
select o.classid::bigint, o.oid::bigint, o.name
from (
    select 'pg_class'::regclass as classid, c.oid, n.nspname || '.' || c.relname as name, c.relowner
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_'
        and n.nspname <> 'information_schema'
    union all
    select 'pg_proc'::regclass, p.oid, n.nspname || '.' || p.proname || '()', p.proowner
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where p.oid >= 16384 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
) as o (classid, oid, name, owner)
where not pg_has_role(o.owner, 'usage')
    and not exists (
        select from pg_depend as d
        where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e'
    )
order by 3"""
DATA_DIRECTORY = """
select case when pg_has_role('pg_read_all_settings', 'usage')
    then current_setting('data_directory') end"""
PREPARED = "select gid from pg_prepared_xacts where database = current_database() order by 1"
# The workers hold the rows of a cluster, and a dump of the coordinator alone does not restore it.
IS_CLUSTER = "select exists (select from pg_extension where extname = 'citus')"
# A parameter that only superusers set, and that the role was not granted.
SETTINGS = """
select distinct split_part(c.setting, '=', 1)
from pg_db_role_setting as s
join pg_database as d on d.oid = s.setdatabase and d.datname = current_database()
cross join unnest(s.setconfig) as c (setting)
join pg_settings as p on p.name = split_part(c.setting, '=', 1) and p.context = 'superuser'
where not (select rolsuper from pg_roles where rolname = current_user)
order by 1"""
GRANTED = "select has_parameter_privilege(%s, 'set')"
GRANTED_SINCE = 150000


def require_possible(connection: Connection, database: DatabaseSettings) -> int:
    """See that a restore is possible; every problem at once.

    Args:
        connection: To the live database, as the role that restores.
        database: How it is reached.

    Returns:
        How large the database is, in bytes.

    Raises:
        StepError: Something is in the way.
    """
    size_bytes = ask_int(connection, "select pg_database_size(current_database())")
    if problems := tuple(obstacles(connection, database, size_bytes)):
        raise StepError("; ".join(problems), "nothing was changed; put these right and try again")
    return size_bytes


def obstacles(connection: Connection, database: DatabaseSettings, size_bytes: int) -> Iterator[str]:
    """Why a restore is not possible here, a line each.

    Args:
        connection: To the live database, as the role that restores.
        database: How it is reached.
        size_bytes: How large it is.
    """
    name = connection.info.dbname
    if ask_bool(connection, IS_CLUSTER):
        yield (
            f"{name} is the coordinator of a Citus cluster, whose rows a backup of one database"
            " does not restore: roll back by revert, or restore all nodes from the cluster's own"
            " backup"
        )
        return
    yield from _rights(connection)
    yield from _room(connection, database, size_bytes)
    try:
        with connect_beside(database, name):
            pass
    except (DatabaseError, psycopg.Error) as error:
        yield f"no other database of the server can be connected to: {error}"


def _rights(connection: Connection) -> Iterator[str]:
    role, name = connection.info.user, connection.info.dbname
    creates, owns, ends = connection.execute(RIGHTS).fetchone() or (False, False, False)
    if not creates:
        yield f"{role} may not create databases (CREATEDB)"
    if not owns:
        yield f"{role} does not own the database {name}"
    if not ends:
        yield (
            f"{role} may not end the sessions of other roles (grant pg_signal_backend,"
            " or end them by hand)"
        )
    left_out = privileged(connection).entries
    found = connection.execute(FOREIGN).fetchall()
    if foreign := [str(one) for catalog, oid, one in found if (catalog, oid) not in left_out]:
        yield f"{role} does not own {some(foreign)}"
    prepared = [str(gid) for (gid,) in connection.execute(PREPARED)]
    if prepared:
        yield f"prepared transactions keep the database in use: {some(prepared)}"
    for (setting,) in connection.execute(SETTINGS).fetchall():
        granted = connection.info.server_version >= GRANTED_SINCE and ask_bool(
            connection, GRANTED, (setting,)
        )
        if not granted:
            yield (
                f"{role} may not copy the database's setting {setting}"
                f" (grant set on parameter {setting})"
            )


def _room(connection: Connection, database: DatabaseSettings, size_bytes: int) -> Iterator[str]:
    """Check the disk of a server on this machine; that of another one cannot be asked."""
    host = str(conninfo_to_dict(database.conninfo).get("host") or "")
    if not (host in LOCAL or host.startswith("/")):
        return
    directory = ask_text(connection, DATA_DIRECTORY)
    if not directory or not Path(directory).is_dir():
        return
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < size_bytes + ROOM_BESIDE_BYTES:
        yield (
            f"the server has {free_bytes / 1e6:,.0f} MB free, a second database needs"
            f" {size_bytes / 1e6:,.0f} MB"
        )
