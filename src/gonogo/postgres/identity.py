"""Which database answers, of which version, and which of its schemas is the application's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import LiteralString

from psycopg.rows import dict_row

from gonogo.errors import DatabaseError
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.readonly import Row, Session
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
        identity, _ = _identified(cursor.execute(IDENTITY).fetchall())
    return identity


def read_identity(session: Session) -> tuple[DatabaseIdentity, datetime]:
    """Which database this is, and the snapshot's moment.

    Raises:
        DatabaseError: The server answered with nothing.
    """
    return _identified(session.ask(IDENTITY))


def _identified(rows: Sequence[Row]) -> tuple[DatabaseIdentity, datetime]:
    if not rows:
        raise DatabaseError(
            "the server did not say who it is", "check what answers at this address"
        )
    named = dict(rows[0])
    now: datetime = named.pop("now")
    return DatabaseIdentity(**named), now.astimezone(UTC)


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


def application_schema(connection: Connection, anchor: str | None) -> str:
    """The application's schema: the first of the search path that holds the anchor.

    Args:
        connection: As the role that deploys.
        anchor: A table of the application; None takes the first schema of the search path.

    Raises:
        DatabaseError: There is no such schema.
    """
    row = connection.execute(
        """
        select s.name
        from unnest(current_schemas(false)) with ordinality as s (name, place)
        where %(anchor)s::text is null or exists (
            select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = s.name and c.relname = %(anchor)s and c.relkind in ('r', 'p')
        )
        order by s.place limit 1""",
        {"anchor": anchor},
    ).fetchone()
    if row is None:
        problem = "no schema of the search_path exists"
        if anchor:
            problem = f"no schema of the search_path holds the table {anchor}"
        raise DatabaseError(
            problem,
            "check that this is the application's database, and the role's search_path",
        )
    return str(row[0])


def owner_to_be(connection: Connection, schema: str, anchor: str | None) -> str | None:
    """Whose the tables must be that a migration makes: those of whoever owns the anchor.

    A superuser's or a deployer's own tables would be closed to the application.

    Args:
        connection: As the role that migrates.
        schema: The application's.
        anchor: A table of the application.

    Returns:
        The owner; None when the role is it, or may not act as it, or no anchor is named.
    """
    row = connection.execute(
        """
        select pg_get_userbyid(c.relowner)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = %s and c.relname = %s
          and pg_get_userbyid(c.relowner) <> current_user and pg_has_role(c.relowner, 'member')""",
        (schema, anchor),
    ).fetchone()
    return str(row[0]) if row else None
