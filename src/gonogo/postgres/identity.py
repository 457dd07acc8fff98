"""Which database answers, and of which version: shown, confirmed and recorded."""

from __future__ import annotations

from typing import LiteralString

from psycopg.rows import dict_row

from gonogo.errors import DatabaseError
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.session import Connection

OLDEST, NEWEST = 13, 18
MAJOR = 10_000
IDENTITY: LiteralString = """
select
    (select case when has_function_privilege('pg_control_system()', 'execute')
        then (select system_identifier::text from pg_control_system()) else '' end)
        as system_identifier,
    current_database() as database,
    current_setting('server_version') as server_version,
    current_user::text as role,
    pg_is_in_recovery() as standby,
    pg_current_snapshot()::text as snapshot,
    (
        select case
            when r.rolsuper then 'superuser'
            when exists (
                select from pg_class as c
                join pg_namespace as n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p')
                    and (n.nspname = any(current_schemas(false)) or n.nspname = 'gonogo')
                    and has_table_privilege(c.oid, 'insert, update, delete, truncate')
            ) then 'write'
            else 'read'
        end
        from pg_roles as r where r.rolname = current_user
    ) as rights,
    transaction_timestamp() as now"""


def identify(connection: Connection) -> DatabaseIdentity:
    """Which database answers.

    Raises:
        DatabaseError: The server answered with nothing.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(IDENTITY).fetchone()
    if row is None:
        raise DatabaseError("the server did not say who it is", "check what answers there")
    del row["now"]
    return DatabaseIdentity(**row)


def version_problem(server_version: int) -> str:
    """Why the server's version will not do; empty when it does.

    Args:
        server_version: As libpq gives it: 180006 is 18.6.
    """
    major = server_version // MAJOR
    if OLDEST <= major <= NEWEST:
        return ""
    return f"the server is PostgreSQL {major}; gonogo knows {OLDEST} to {NEWEST}"


def major_version(connection: Connection) -> int:
    """The server's major version: 18 of 18.6."""
    return connection.info.server_version // MAJOR
