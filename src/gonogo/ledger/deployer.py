"""One deployer at a time: two advisory locks, each tried without queueing.

The deployer's lock lies on a connection of its own, in a transaction that does nothing else: it
cannot be left on a connection that a pooler shares, and no migration can give it back. Whatever
migrates holds a second lock meanwhile. Each side takes its own lock first and then looks for the
other's, so a deployer who lost the first lock and one who got it never change the schema together.

A blocking ``pg_advisory_lock`` holds a snapshot while it waits, and CREATE INDEX CONCURRENTLY waits
for that in turn: a deadlock. A transaction that waits for its next statement holds none, unless the
last one had bound values, whose portal stays open: so the keys stand in the statements themselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    stop_never,
    wait_fixed,
)

from gonogo.errors import LockHeldError
from gonogo.postgres.session import Connection, ask_bool, asking, backend

# The letters of "gonogo" and "migrat"; advisory locks are each database's own.
KEY = int.from_bytes(b"gonogo", "big")
MIGRATING = int.from_bytes(b"migrat", "big")
POLL_S = 1.0
# What a deployer who was killed has left in the server is gone within this.
GRACE_S = 5.0
GRACE_POLL_S = 0.1
# The transaction that holds the lock lasts as long as the deployment.
LASTING: LiteralString = "set local idle_in_transaction_session_timeout = 0"
LASTING_SINCE_17: LiteralString = "set local transaction_timeout = 0"
KNOWS_TRANSACTION_TIMEOUT = 170_000
HOLDER: LiteralString = """
select l.pid, a.usename::text as role, nullif(a.application_name, '') as application_name,
    host(a.client_addr) as address, a.backend_start as connected_at
from pg_locks as l
left join pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and (l.classid::bigint << 32 | l.objid::bigint) = {}
limit 1"""


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


@dataclass(slots=True)
class DeployerLock:
    """The deployer's lock, while it is held.

    Args:
        connection: The one that holds it; it serves nothing else.
        pid: Its server process.
        is_given_up: Whether its database is no longer the one that is worked on.
    """

    connection: Connection
    pid: int
    is_given_up: bool = False

    @property
    def is_held(self) -> bool:
        """Whether it is held still: the connection may have been ended."""
        with contextlib.suppress(psycopg.Error):
            return self.is_seen_from(self.connection)
        return False

    def is_seen_from(self, connection: Connection) -> bool:
        """Whether another connection sees that it is held."""
        found = _holder(connection, KEY)
        return found is not None and found.pid == self.pid

    def require(self) -> None:
        """Refuse to go on without it.

        Raises:
            LockHeldError: Its connection was ended, and another deployer may be at work.
        """
        if not self.is_given_up and not self.is_held:
            raise _lost()

    def give_up(self) -> None:
        """Give it back for good: its database is about to change its name."""
        self.is_given_up = True
        self.connection.close()


@contextlib.contextmanager
def deployer_lock(
    connection: Connection,
    *,
    wait: bool = False,
    timeout_s: float | None = None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[DeployerLock]:
    """Hold the deployer's lock for as long as the body runs.

    Args:
        connection: A connection for the lock alone; the lock goes when it is closed.
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
    try:
        with asking("the deployer's lock could not be asked for"):
            connection.execute("begin")
            connection.execute(LASTING)
            if connection.info.server_version >= KNOWS_TRANSACTION_TIMEOUT:
                connection.execute(LASTING_SINCE_17)
            waiting(_take, connection) if wait else _take(connection)
            held = DeployerLock(connection, backend(connection))
        yield held
    finally:
        # A connection that was lost has given the lock back already.
        with contextlib.suppress(psycopg.Error):
            connection.execute("rollback")


@contextlib.contextmanager
def migrating(
    connection: Connection, lock: DeployerLock | None, *, in_transaction: bool = False
) -> Iterator[None]:
    """Hold the second lock while the body changes the schema.

    Args:
        connection: The one that changes it.
        lock: The deployer's; None where a caller works on a database of its own.
        in_transaction: Hold it until the transaction ends: no statement can give it back then.

    Raises:
        LockHeldError: Another deployer's migration is under way, or the deployer's lock was lost.
    """
    if in_transaction:
        _claim(connection, lock, "select pg_try_advisory_xact_lock({})")
        yield
        return
    _claim(connection, lock, "select pg_try_advisory_lock({})")
    try:
        yield
    finally:
        with contextlib.suppress(psycopg.Error):
            connection.execute(_on("select pg_advisory_unlock({})", MIGRATING))


def _claim(connection: Connection, lock: DeployerLock | None, query: LiteralString) -> None:
    if not _soon(lambda: ask_bool(connection, _on(query, MIGRATING))):
        raise _held(_holder(connection, MIGRATING))
    if lock is not None and not lock.is_seen_from(connection):
        raise _lost()


def _soon(question: Callable[[], bool]) -> bool:
    """Whether it is answered with yes while what a killed deployer left may still be ending."""
    asked: bool = Retrying(
        retry=retry_if_result(lambda answer: not answer),
        wait=wait_fixed(GRACE_POLL_S),
        stop=stop_after_delay(GRACE_S),
        retry_error_callback=lambda _: False,
    )(question)
    return asked


def holder(connection: Connection) -> Holder | None:
    """Who holds a deployer's lock of this database; None when nobody does."""
    with asking("the lock's holder could not be asked for"):
        return _holder(connection, KEY) or _holder(connection, MIGRATING)


def _holder(connection: Connection, key: int) -> Holder | None:
    with connection.cursor(row_factory=class_row(Holder)) as cursor:
        return cursor.execute(_on(HOLDER, key)).fetchone()


def _on(query: LiteralString, key: int) -> sql.Composed:
    return sql.SQL(query).format(sql.Literal(key))


def _take(connection: Connection) -> None:
    # Who is at work is looked up once a transaction, unless it is forgotten.
    connection.execute("select pg_stat_clear_snapshot()")
    if not ask_bool(connection, _on("select pg_try_advisory_xact_lock({})", KEY)):
        raise _held(_holder(connection, KEY))
    if not _soon(lambda: _holder(connection, MIGRATING) is None):
        raise _held(_holder(connection, MIGRATING))


def _lost() -> LockHeldError:
    return LockHeldError(
        "the deployer's lock was lost: its connection to the database was ended, so nothing further"
        " was done",
        "run the same again: it goes on from here",
    )


def _held(found: Holder | None) -> LockHeldError:
    return LockHeldError(
        f"another deployer is at work on this database: {found}"
        if found
        else "another deployer was at work on this database a moment ago",
        "let it finish, or pass --wait",
    )
