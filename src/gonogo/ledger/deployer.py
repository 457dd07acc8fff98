"""One deployer at a time: an advisory lock on the migrating connection, tried without queueing.

A blocking ``pg_advisory_lock`` holds a snapshot while it waits, and CREATE INDEX CONCURRENTLY waits
for that in turn: a deadlock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.rows import class_row
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, stop_never, wait_fixed

from gonogo.errors import LockHeldError
from gonogo.postgres.session import Connection, ask_bool, asking

# The letters of "gonogo"; advisory locks are each database's own.
KEY = int.from_bytes(b"gonogo", "big")
POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock.

    Args:
        pid: The server process.
        role: The role that it is connected as; None where we may not ask.
        application_name: What it calls itself; None where we may not ask.
        address: Where it comes from; None for a local socket, or where we may not ask.
        connected_at: Since when it is connected; None where we may not ask.
    """

    pid: int
    role: str | None
    application_name: str | None
    address: str | None
    connected_at: datetime | None

    def __str__(self) -> str:
        who = f"{self.role or 'another role'}@{self.address or 'a local socket'}"
        since = (
            f"{self.connected_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if self.connected_at else ""
        )
        name = f"{self.application_name}, " if self.application_name else ""
        return f"{who} ({name}pid {self.pid})" + (f", connected since {since}" if since else "")


@contextlib.contextmanager
def deployer_lock(
    connection: Connection,
    *,
    wait: bool = False,
    timeout_s: float | None = None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Hold the deployer's lock for as long as the body runs.

    Args:
        connection: The migrating connection; the lock goes when it is closed.
        wait: Ask again every second instead of refusing at once.
        timeout_s: How long to wait, in seconds; None for ever.
        on_wait: Called with who holds the lock, after each try in vain.

    Raises:
        LockHeldError: Another deployer holds it; the message says who, since when.
    """
    waiting = Retrying(
        retry=retry_if_exception_type(LockHeldError),
        wait=wait_fixed(POLL_S),
        stop=stop_never if timeout_s is None else stop_after_delay(timeout_s),
        before_sleep=lambda state: on_wait(str(state.outcome and state.outcome.exception())),
        reraise=True,
    )
    waiting(_take, connection) if wait else _take(connection)
    try:
        yield
    finally:
        # A connection that was lost has given the lock back already.
        with contextlib.suppress(psycopg.Error):
            connection.execute("select pg_advisory_unlock(%s)", (KEY,))


@asking("the lock's holder could not be asked for")
def holder(connection: Connection) -> Holder | None:
    """Who holds the deployer's lock of this database; None when nobody does."""
    with connection.cursor(row_factory=class_row(Holder)) as cursor:
        cursor.execute(
            """
            select l.pid, a.usename::text as role, nullif(a.application_name, '')
                as application_name, host(a.client_addr) as address, a.backend_start as connected_at
            from pg_locks as l
            left join pg_stat_activity as a on a.pid = l.pid
            where l.locktype = 'advisory' and l.granted and l.objsubid = 1
                and l.database = (select oid from pg_database where datname = current_database())
                and (l.classid::bigint << 32 | l.objid::bigint) = %s
            limit 1""",
            (KEY,),
        )
        return cursor.fetchone()


@asking("the deployer's lock could not be asked for")
def _take(connection: Connection) -> None:
    if not ask_bool(connection, "select pg_try_advisory_lock(%s)", (KEY,)):
        found = holder(connection)
        raise LockHeldError(
            f"another deployer is at work on this database: {found}"
            if found
            else "another deployer was at work on this database a moment ago",
            "let it finish, or pass --wait",
        )
