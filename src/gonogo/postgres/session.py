"""A rollout's connections: autocommit, with every parameter set that its numbers depend on.

What is set for a session may reach the application where a pooler shares the connection. So
`connect` refuses a pooler that does not keep sessions before it sets anything, and what needs no
session is opened by `reach` and sets everything inside transactions (`pinned`). Here is also what
is asked of each first: a version that gonogo knows, and the application's own schema.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.abc import Params
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import LIMITS, DatabaseSettings, bounded
from gonogo.postgres.watchdog import watch

Connection = psycopg.Connection[TupleRow]
Query = LiteralString | bytes | sql.SQL | sql.Composed

# How values and names are written and read; a database or role may set it otherwise.
WRITTEN: Mapping[str, str] = {
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
}
# A rollout waits longer than the gate: it has more to lose by giving up.
PATIENT: Mapping[str, int] = {**LIMITS, "connect_timeout": 10, "tcp_user_timeout": 30_000}
PINNED = {
    **WRITTEN,
    "timezone": "UTC",
    "client_encoding": "UTF8",
    "default_transaction_isolation": "read committed",
    # What row-level security would shorten is an error instead.
    "row_security": "off",
}
# The session of a deployer that was killed, and the lock with it, ends within this, whatever it
# waits for or builds; one that waits for the team's commands is not ended.
GONE_WITHIN = "set client_connection_check_interval = '1s'; set idle_session_timeout = 0"
GONE_WITHIN_SINCE = 140_000
# The versions of PostgreSQL that gonogo knows.
OLDEST, NEWEST = 13, 18
MAJOR = 10_000
# How many connections are opened to find out what a pooler shares, and how often each is asked.
COMPARED = 4
ROUNDS = 8
BACKEND: LiteralString = "select pg_backend_pid()"

# What the driver says beside its errors would be a second line on a terminal.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


def connect(conninfo: str, application_name: str = "gonogo deploy") -> Connection:
    """Open a connection in autocommit.

    Args:
        conninfo: A libpq connection string; what it sets overrides our defaults.
        application_name: What ``pg_stat_activity`` shows.

    Raises:
        DatabaseError: The database does not answer or refuses, or a pooler stands in between that
            does not keep sessions; the message holds no secret.
    """
    connection = reach(conninfo, application_name)
    try:
        with asking("the database does not answer"):
            _require_session(connection, conninfo)
            connection.execute(_settings("set"))
            if connection.info.server_version >= GONE_WITHIN_SINCE:
                connection.execute(GONE_WITHIN)
    except BaseException:
        connection.close()
        raise
    return connection


def reach(conninfo: str, application_name: str) -> Connection:
    """Open a connection in autocommit and set nothing: a pooler may share it.

    Args:
        conninfo: A libpq connection string; what it sets overrides our defaults.
        application_name: What ``pg_stat_activity`` shows.

    Raises:
        DatabaseError: The database does not answer or refuses; the message holds no secret.
    """
    try:
        connection = psycopg.connect(
            bounded(conninfo, PATIENT),
            autocommit=True,
            prepare_threshold=None,
            application_name=application_name,
        )
    except (psycopg.Error, UnicodeError) as error:  # a host that no name server could be asked for
        raise DatabaseError(
            f"the database does not answer: {first_line(error)}",
            "check that it runs, and DATABASE_URL, DB_* or the variable that rollout.toml names",
        ) from None
    watch(connection, DatabaseSettings(conninfo, application_name))
    return connection


@contextlib.contextmanager
def pinned(connection: Connection, *, snapshot: bool = False) -> Iterator[None]:
    """A transaction with every parameter set that its values depend on; nothing outlives it.

    Args:
        connection: From `reach`, outside a transaction.
        snapshot: Only read, and all of it as it is at one moment.
    """
    with contextlib.ExitStack() as stack:
        with asking("no transaction can be begun"):
            stack.enter_context(connection.transaction())
            if snapshot:
                connection.execute("set transaction isolation level repeatable read, read only")
            pin(connection)
        yield


def pin(connection: Connection) -> None:
    """Set every parameter that values depend on, until the transaction ends.

    Args:
        connection: Inside a transaction.
    """
    connection.execute(_settings("set local"))


def _settings(how: LiteralString) -> sql.Composed:
    return sql.SQL("; ").join(
        sql.SQL("{} {} = {}").format(sql.SQL(how), sql.Identifier(name), sql.Literal(value))
        for name, value in PINNED.items()
    )


def backend(connection: Connection) -> int:
    """The server process of a session; the driver's own number may be a pooler's."""
    return ask_int(connection, BACKEND)


def _require_session(connection: Connection, conninfo: str) -> None:
    """Refuse a pooler in transaction or statement mode, recognised by what it does."""
    # The server says its own number on connecting; a pooler that answers for it cannot.
    if backend(connection) == connection.info.backend_pid:
        return
    with contextlib.ExitStack() as stack:
        others = (reach(conninfo, "gonogo probe") for _ in range(1, COMPARED))
        compared = [connection, *map(stack.enter_context, others)]
        asked = (pair for _ in range(ROUNDS) for pair in enumerate(compared))
        seen = {(number, backend(one)) for number, one in asked}
    if len(seen) > COMPARED or len({pid for _, pid in seen}) < COMPARED:
        raise DatabaseError(
            "a connection pooler stands before the database and keeps no session (transaction or"
            " statement mode), which this needs; nothing was done",
            "name the server's own host and port: in the variable DIRECT_URL, or as direct_url in"
            " rollout.toml",
        )


def conninfo_of(connection: Connection) -> str:
    """How to reach the same database as the same role again; holds the password, never show it.

    Every value is named, the driver's defaults and what was left empty on purpose too: the
    environment (``PGPORT``, ``PGHOSTADDR``) fills in what is not, and may mean another server.
    """
    options = {option.keyword: option.val for option in connection.pgconn.info}
    named = {key.decode(): val.decode() for key, val in options.items() if val is not None}
    if connection.info.password:
        named["password"] = connection.info.password
    return make_conninfo("", **named)


def ask_int(connection: Connection, query: Query, values: Params | None = None) -> int:
    """The number that a query answers with; 0 where it answers with none."""
    row = connection.execute(query, values).fetchone()
    return int(row[0] or 0) if row else 0


def ask_bool(connection: Connection, query: Query, values: Params | None = None) -> bool:
    """Whether what a query answers with is true; NULL and no row are not."""
    row = connection.execute(query, values).fetchone()
    return bool(row and row[0])


def ask_text(connection: Connection, query: Query, values: Params | None = None) -> str | None:
    """The text that a query answers with; None for NULL and where there is no row."""
    row = connection.execute(query, values).fetchone()
    return None if row is None or row[0] is None else str(row[0])


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what the driver raises into an error that a user can read; also a decorator.

    Args:
        what: What could not be done, as the beginning of a sentence.

    Raises:
        DatabaseError: The server refused, or was lost.
    """
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(f"{what}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """The first line of a driver's message: what happened, without context or hints."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


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
