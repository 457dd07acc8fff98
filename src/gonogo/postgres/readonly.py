"""The gate's connection: one read-only transaction, every query bounded in time.

Everything is set inside the transaction (``set local``), so it also holds behind a transaction
pooler, which refuses or forgets start-up options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import LiteralString, Protocol

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import DictRow, dict_row
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import DatabaseSettings, bounded
from gonogo.postgres.session import WRITTEN, first_line

Row = DictRow
# On top of the server's own time limits, so that a server that lives answers first.
GRACE_S = 5
KNOWS_TRANSACTION_TIMEOUT = 170_000
# Surveys name no schema: a table is the one in the schema of the anchor that the role sees, never
# one of the same name elsewhere, be it earlier in the search path or a temporary one.
PIN_SCHEMA: LiteralString = """
select set_config('search_path', format('%I, pg_temp', n.nspname), true)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.oid = to_regclass({anchor})"""
PIN_FIRST_SCHEMA: LiteralString = """
select set_config('search_path', format('%I, pg_temp', current_schema()), true)
where current_schema() is not null"""
# The time zone of sessions that set none, read before this session sets its own: '' where the
# connection string or the gate's role hides it.
KEEP_TIME_ZONE: LiteralString = """
select set_config(
    'gate.server_time_zone',
    case when source in ('client', 'user', 'database user') then '' else reset_val end,
    true)
from pg_settings where name = 'TimeZone'"""
CONNECT_BUDGET_S = 10
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


@dataclass(frozen=True, slots=True)
class Manners:
    """How long the gate may keep the database waiting.

    Args:
        statement_timeout_s: One query's longest run; a server that does not keep to it is given up
            a few seconds later, so that nothing keeps a gate longer than half a minute.
        lock_timeout_s: The longest wait for a lock; the gate takes only the weakest.
        sessions: How many sessions share the surveys, where the server has room for them. Three
            use as many processes as one parallel query does by default.
        anchor: The table whose schema is measured; None takes the first one of the search path.
    """

    statement_timeout_s: int = 25
    lock_timeout_s: int = 3
    sessions: int = 3
    anchor: str | None = None


class Watch(Protocol):
    """What ends a query that nobody answers."""

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Give up the connection when the body takes longer than `seconds`."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that reads surveys within one snapshot.

    Args:
        connection: Repeatable read, read only, pinned by `begin`.
        manners: The time limits.
        watchdog: Ends a query that nobody answers.
        open_others: Opens the further sessions of the same snapshot, as far as there can be any.
        on_cluster: Whether the server is the coordinator of a cluster (Citus).
    """

    connection: Connection
    manners: Manners
    watchdog: Watch
    open_others: Callable[[], tuple[Session, ...]] = field(default=tuple, repr=False)
    on_cluster: bool = False

    def ask(self, query: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of one query.

        Raises:
            psycopg.Error: The server refuses, or is gone.
        """
        with self.watchdog.within(self.manners.statement_timeout_s + GRACE_S):
            # Only files and constants of this package come here; values are bound.
            return self.connection.execute(query.encode(), parameters).fetchall()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Keep the snapshot usable after a query that failed."""
        with self._watched(self.connection.transaction()):
            yield

    @contextmanager
    def without(self, *ways: LiteralString) -> Iterator[None]:
        """Plan in other ways, on workers too; within a savepoint, which ends it after a failure."""
        if self.on_cluster:
            self._set("set local citus.propagate_set_commands = 'local'")
        self._set("; ".join(f"set local {way} = off" for way in ways))
        yield
        self._set("; ".join(f"set local {way} = on" for way in ways))

    @contextmanager
    def _watched(self, context: AbstractContextManager[object]) -> Iterator[None]:
        """Bound the beginning and the end of a context in time: each asks the server something."""
        with self.watchdog.within(GRACE_S):
            context.__enter__()
        try:
            yield
        except BaseException as error:
            with self.watchdog.within(GRACE_S):
                if not context.__exit__(type(error), error, error.__traceback__):
                    raise
        else:
            with self.watchdog.within(GRACE_S):
                context.__exit__(None, None, None)

    def begin_again(self) -> None:
        """Give the snapshot up for a new one."""
        with self.watchdog.within(GRACE_S):
            self.connection.rollback()
        self.begin()

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self.connection.broken or self.connection.closed

    def cancel(self) -> None:
        """End the query that another thread is waiting for; nothing happens when there is none."""
        with suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=GRACE_S)

    def wait_no_more(self) -> None:
        """Wait for locks only 250 ms from now on: one wait in vain is enough."""
        with suppress(psycopg.Error):
            self._set("set local lock_timeout = '250ms'")

    def without_workers(self) -> None:
        """Plan every query for one process: the other sessions take the place of parallel workers.

        Measured: it saves an eighth of the processor time of a gate.
        """
        self._set("set local max_parallel_workers_per_gather = 0")

    def _set(self, statement: LiteralString) -> None:
        with self.watchdog.within(GRACE_S):
            self.connection.execute(statement)

    @property
    def lost_anchor(self) -> str:
        """The anchor that this role does not find, so that no schema is pinned; empty if none."""
        anchor = self.manners.anchor
        if anchor is None:
            return ""
        name = {"name": sql.Identifier(anchor).as_string()}
        found = self.ask("select to_regclass(%(name)s) is not null as found", name)
        return "" if found[0]["found"] else anchor

    def _schema(self) -> sql.Composable:
        if self.manners.anchor is None:
            return sql.SQL(PIN_FIRST_SCHEMA)
        quoted = sql.Identifier(self.manners.anchor).as_string()
        return sql.SQL(PIN_SCHEMA).format(anchor=sql.Literal(quoted))

    def begin(self, snapshot: str | None = None) -> None:
        """Start the transaction, and set every parameter that its numbers depend on.

        Args:
            snapshot: One that another session has exported; None takes a new one.
        """
        local = {
            "timezone": "UTC",
            "statement_timeout": f"{self.manners.statement_timeout_s}s",
            "lock_timeout": f"{self.manners.lock_timeout_s}s",
            "idle_in_transaction_session_timeout": "5min",
            **WRITTEN,
            "client_encoding": _encoding(self.connection),
            # A query that row-level security would filter is an error, not a short answer.
            "row_security": "off",
            # Compiling costs more than it saves on surveys of a second.
            "jit": "off",
        }
        if self.connection.info.server_version >= KNOWS_TRANSACTION_TIMEOUT:
            local["transaction_timeout"] = "15min"
        pinned = (
            sql.SQL("set local {} = {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in local.items()
        )
        statement = sql.SQL("; ").join([sql.SQL(KEEP_TIME_ZONE), *pinned, self._schema()])
        with self.watchdog.within(GRACE_S):
            if snapshot:
                imported = sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot))
                self.connection.execute(imported)
            self.connection.execute(statement)


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
        budget_s: How long to try again, in seconds; 0 is one try.

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
            bounded(settings.conninfo),
            application_name=application_name,
            row_factory=dict_row,
            prepare_threshold=None,
        )
    except (psycopg.Error, UnicodeError) as error:  # a host that no name server could be asked for
        raise DatabaseError(
            f"the database does not answer ({settings.shown or settings.source}): "
            f"{first_line(error)}",
            f"check that it runs, and {settings.source}",
        ) from None
    for name in TEXT_TYPES:
        connection.adapters.register_loader(name, AnyText)
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help: not for a wrong password, a missing database or a role."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    text = str(error)
    return not (error.sqlstate or "").startswith(NOT_WORTH_A_RETRY) and not any(
        words in text for words in REFUSED
    )


def _encoding(connection: Connection) -> str:
    """UTF-8, or unconverted text where the server knows no encoding.

    A server in SQL_ASCII that is asked for UTF-8 sends an error in place of other bytes.
    """
    known = connection.info.parameter_status("server_encoding")
    return NO_ENCODING if known == NO_ENCODING else "UTF8"


class AnyText(Loader):
    """Loads text of any bytes: a database in SQL_ASCII promises no encoding."""

    def load(self, data: Buffer) -> str:
        """Each byte that is not UTF-8 becomes a lone surrogate, which the record spells out."""
        return bytes(data).decode("utf-8", "surrogateescape")
