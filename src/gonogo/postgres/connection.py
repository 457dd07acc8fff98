"""One read-only connection: tried for a bounded time, refused in one line."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from gonogo.errors import DatabaseError
from gonogo.postgres.settings import DatabaseSettings

CONNECT_TIMEOUT_S = 5
CONNECT_BUDGET_S = 10
# Set together: each alone leaves a way for a half-open connection to hang.
KEEPALIVES: Mapping[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# How values and names are written and read; a database or role may have it otherwise.
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
NOT_WORTH_A_RETRY = ("28", "3D", "42")
# A refused connection has no code, only words. A server that speaks another language is asked again
# until the time is over, and the answer is the same.
REFUSED = (
    "authentication failed",
    "does not exist",
    "could not translate",
    "no pg_hba.conf",
    "server does not support SSL",
    "certificate verify failed",
    "server certificate for",
)

NO_ENCODING = "SQL_ASCII"
TEXT_TYPES = ("text", "varchar", "bpchar", "name")

Connection = psycopg.Connection[DictRow]

# What the driver says beside its errors would be a second line on a terminal.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class AnyText(Loader):
    """Text of any bytes: a database in SQL_ASCII promises no encoding. What is no UTF-8 is kept."""

    def load(self, data: Buffer) -> str:
        """Each byte that is no UTF-8 becomes a lone surrogate, which the record spells out."""
        return bytes(data).decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Manners:
    """How long the gate may keep the database waiting.

    Args:
        statement_timeout_s: One query's longest run; a server that does not keep to it is given up
            a few seconds later, so that nothing keeps a gate longer than half a minute.
        lock_timeout_s: The longest wait for a lock; the gate takes only the weakest.
        sessions: How many sessions share the surveys, where the server has room for them. Three
            are as many processes as it takes for one parallel query, unless told otherwise.
    """

    statement_timeout_s: int = 25
    lock_timeout_s: int = 3
    sessions: int = 3


def connect(
    settings: DatabaseSettings,
    application_name: str = "gonogo",
    *,
    budget_s: float = CONNECT_BUDGET_S,
) -> Connection:
    """Open a read-only, repeatable-read connection; try for a bounded time.

    Args:
        settings: Which database.
        application_name: What ``pg_stat_activity`` shows.
        budget_s: How long it is tried again; 0 is one try.

    Raises:
        DatabaseError: The database is out of reach or refuses; the message holds no secret.
    """
    retrying = Retrying(
        stop=stop_after_delay(budget_s),
        wait=wait_exponential(multiplier=0.2, max=2),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        connection = retrying(
            psycopg.connect,
            settings.conninfo,
            **_parameters(settings),
            application_name=application_name,
            row_factory=dict_row,
            prepare_threshold=None,
        )
    except (psycopg.Error, UnicodeError) as error:  # a host that no name server could be asked for
        raise DatabaseError(
            f"the database does not answer ({settings.shown or settings.source}): "
            f"{first_line(error)}",
            "check that it runs, and DATABASE_URL or DB_*",
        ) from None
    _read_any_text(connection)
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _read_any_text(connection: Connection) -> None:
    """Have text sent as UTF-8, or as it lies there where the server knows no encoding.

    A server in SQL_ASCII that is asked for UTF-8 sends an error in place of other bytes.
    """
    known = connection.info.parameter_status
    wanted = NO_ENCODING if known("server_encoding") == NO_ENCODING else "UTF8"
    if known("client_encoding") != wanted:
        connection.execute(sql.SQL("set client_encoding = {}").format(sql.Literal(wanted)))
        connection.commit()
    for name in TEXT_TYPES:
        connection.adapters.register_loader(name, AnyText)


def is_silent(settings: DatabaseSettings) -> bool:
    """Whether a server accepts a new connection and says nothing, or does not even that.

    One that refuses has answered.

    Args:
        settings: Which database.
    """
    parameters = _parameters(settings) | {"connect_timeout": CONNECT_TIMEOUT_S}
    try:
        psycopg.connect(settings.conninfo, **parameters, application_name="gonogo probe").close()
    except psycopg.errors.ConnectionTimeout:
        return True
    except psycopg.Error:
        return False
    return False


def _parameters(settings: DatabaseSettings) -> dict[str, Any]:
    given = conninfo_to_dict(settings.conninfo)
    defaults = {"connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVES}
    return {name: value for name, value in defaults.items() if name not in given}


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help: not for a wrong password, a missing database or a role."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    text = str(error)
    return not (error.sqlstate or "").startswith(NOT_WORTH_A_RETRY) and not any(
        words in text for words in REFUSED
    )


def first_line(error: BaseException) -> str:
    """The first line of a driver's message: what happened, without context or hints."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
