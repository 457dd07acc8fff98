"""A rollout's connections: autocommit, with every parameter set that its numbers depend on."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.abc import Params
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.watchdog import KEEPALIVES, watch

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
DEFAULTS: dict[str, Any] = {**KEEPALIVES, "connect_timeout": 10, "tcp_user_timeout": 30_000}
PINNED = {
    **WRITTEN,
    "timezone": "UTC",
    "client_encoding": "UTF8",
    "default_transaction_isolation": "read committed",
    # What row-level security would shorten is an error instead.
    "row_security": "off",
}
# The session of a deployer that was killed, and the lock with it, ends within this, whatever it
# waits for or builds.
GONE_WITHIN = "set client_connection_check_interval = '1s'"
GONE_WITHIN_SINCE = 140_000

# What the driver says beside its errors would be a second line on a terminal.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


def connect(conninfo: str, application_name: str = "gonogo deploy") -> Connection:
    """Open a connection in autocommit.

    Args:
        conninfo: A libpq connection string; what it sets overrides our defaults.
        application_name: What ``pg_stat_activity`` shows.

    Raises:
        DatabaseError: The database does not answer or refuses; the message holds no secret.
    """
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    parameters = {name: value for name, value in DEFAULTS.items() if name not in given}
    try:
        connection = psycopg.connect(
            conninfo,
            autocommit=True,
            prepare_threshold=None,
            application_name=application_name,
            **parameters,
        )
        connection.execute(
            sql.SQL("; ").join(
                sql.SQL("set {} = {}").format(sql.Identifier(name), sql.Literal(value))
                for name, value in PINNED.items()
            )
        )
        if connection.info.server_version >= GONE_WITHIN_SINCE:
            connection.execute(GONE_WITHIN)
    except (psycopg.Error, UnicodeError) as error:  # a host that no name server could be asked for
        raise DatabaseError(
            f"the database does not answer: {first_line(error)}",
            "check that it runs, and DATABASE_URL or DB_*",
        ) from None
    watch(connection, DatabaseSettings(conninfo, application_name))
    return connection


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
