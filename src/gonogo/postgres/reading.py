"""A connection within its one read-only transaction; every query is bounded in time.

Everything is set inside the transaction (``set local``), so it also holds behind a transaction
pooler, which refuses or forgets start-up options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from gonogo.postgres.connection import WRITTEN, Connection, Manners
from gonogo.postgres.watchdog import Watchdog

Row = DictRow
# Over what the server is told itself, so that its own answer comes first while it lives.
GRACE_S = 5
KNOWS_TRANSACTION_TIMEOUT = 170_000
FOR_A_MOMENT: LiteralString = "set local lock_timeout = '250ms'"
# Surveys name no schema: a table is the one beside the `users` that the role sees, and never one of
# the same name elsewhere, be it first on the path or a temporary one.
PIN_SCHEMA: LiteralString = """
select set_config('search_path', format('%I, pg_temp', n.nspname), true)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.oid = to_regclass('users')"""
# The zone of whoever has none of its own, to be read before this session has one: '' where the
# connection string or the gate's role hides it.
KEEP_TIME_ZONE: LiteralString = """
select set_config(
    'gate.server_time_zone',
    case when source in ('client', 'user', 'database user') then '' else reset_val end,
    true)
from pg_settings where name = 'TimeZone'"""


@dataclass(frozen=True, slots=True)
class Session:
    """What surveys are asked through.

    Args:
        connection: Repeatable read, read only, pinned by `begin`.
        manners: The time limits.
        watchdog: Ends a query that nobody answers.
        open_others: Opens the further sessions of the same snapshot, as far as there can be any.
        on_cluster: Whether the server hands each query on to others (Citus).
    """

    connection: Connection
    manners: Manners
    watchdog: Watchdog
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
        """Keep the snapshot usable for what follows a query that failed."""
        with self._watched(self.connection.transaction()):
            yield

    @contextmanager
    def _watched(self, context: AbstractContextManager[object]) -> Iterator[None]:
        """A context whose beginning and end each ask the server something: bounded too."""
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
        """Wait for locks but a moment from now on: one that was waited for in vain is enough."""
        with suppress(psycopg.Error), self.watchdog.within(GRACE_S):
            self.connection.execute(FOR_A_MOMENT)

    def without_workers(self) -> None:
        """Plan every query for one process: beside other sessions, these are the workers.

        Measured: it saves an eighth of the processor time of a gate.
        """
        with self.watchdog.within(GRACE_S):
            self.connection.execute("set local max_parallel_workers_per_gather = 0")

    def begin(self, snapshot: str | None = None) -> None:
        """Start the transaction, and pin what its numbers depend on.

        Args:
            snapshot: One that another session has exported; None takes a new one.
        """
        local = {
            "timezone": "UTC",
            "statement_timeout": f"{self.manners.statement_timeout_s}s",
            "lock_timeout": f"{self.manners.lock_timeout_s}s",
            "idle_in_transaction_session_timeout": "5min",
            **WRITTEN,
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
        statement = sql.SQL("; ").join([sql.SQL(KEEP_TIME_ZONE), *pinned, sql.SQL(PIN_SCHEMA)])
        with self.watchdog.within(GRACE_S):
            if snapshot:
                imported = sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot))
                self.connection.execute(imported)
            self.connection.execute(statement)
