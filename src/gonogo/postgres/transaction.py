"""One transaction: with manners towards the application's clients, its COMMIT never guessed.

`lock_timeout` bounds how long a client can queue behind us; a transaction that met it is rolled
back whole and tried again after a pause. When COMMIT's answer is lost, ``pg_xact_status`` gives it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import psycopg
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)

from gonogo.errors import DatabaseError, MigrationError
from gonogo.postgres import session
from gonogo.postgres.connection import first_line
from gonogo.postgres.patience import Patience, limit
from gonogo.postgres.session import Connection

LOCK_NOT_AVAILABLE = "55P03"
# A lock not granted in time, a deadlock, a serialization failure: another try may succeed.
RETRIED = frozenset({LOCK_NOT_AVAILABLE, "40P01", "40001"})
SETTLE_BUDGET_S = 60

T = TypeVar("T")


def retrying(patience: Patience, on_wait: Callable[[BaseException, float], None]) -> Retrying:
    """The way to repeat whole transactions.

    Args:
        patience: Pauses and budget.
        on_wait: Told why a try failed and how many seconds the pause before the next one lasts.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            on_wait(error, state.upcoming_sleep)

    return Retrying(
        retry=retry_if_exception(may_pass),
        wait=wait_exponential(
            multiplier=patience.first_wait_s,
            exp_base=patience.growth,
            max=patience.longest_wait_s,
        ),
        stop=stop_after_delay(patience.budget_s),
        before_sleep=before_sleep,
        reraise=True,
    )


def may_pass(error: BaseException) -> bool:
    """Whether the same transaction may succeed when tried again."""
    return getattr(error, "sqlstate", None) in RETRIED


def reason(error: BaseException, pause_s: float) -> str:
    """Why a try failed and when the next one comes, for whoever watches."""
    if getattr(error, "sqlstate", None) == LOCK_NOT_AVAILABLE:
        why = "another transaction holds a lock"
    else:
        why = error.problem if isinstance(error, MigrationError) else first_line(error)
    return f"{why}; again in {pause_s:.1f} s"


def once(connection: Connection, body: Callable[[], T], patience: Patience) -> T:
    """Run `body` in one transaction and commit it.

    Args:
        connection: In autocommit, outside a transaction.
        body: Sends the statements.
        patience: The time limits.

    Returns:
        What `body` returned. The transaction is committed then, even when the answer to COMMIT was
        lost on the way: in that case the connection is closed.

    Raises:
        psycopg.Error: COMMIT failed, and nothing was done.
        MigrationError: Nobody could say whether COMMIT went through.
    """
    conninfo = session.conninfo_of(connection)
    connection.execute("begin")
    try:
        limit(connection, patience)
        result = body()
        row = connection.execute("select pg_current_xact_id()::text").fetchone()
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.execute("rollback")
        raise
    _commit(connection, str(row and row[0]), conninfo)
    return result


def _commit(connection: Connection, xid: str, conninfo: str) -> None:
    try:
        connection.execute("commit")
    except BaseException as error:
        committed = settle(conninfo, xid)
        if committed and isinstance(error, psycopg.Error):
            connection.close()
            return
        raise


def settle(conninfo: str, xid: str) -> bool:
    """Ask a fresh connection how a transaction ended.

    Args:
        conninfo: Holds the password; never shown.
        xid: The transaction's 64-bit id, as text.

    Returns:
        Whether it is committed.

    Raises:
        MigrationError: Nobody could say within a minute.
    """
    asking = Retrying(
        retry=retry_if_exception_type((DatabaseError, psycopg.OperationalError))
        | retry_if_result(lambda status: status == "in progress"),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(SETTLE_BUDGET_S),
        reraise=True,
    )
    try:
        status = asking(_status, conninfo, xid)
    except Exception as error:
        raise MigrationError(
            f"the answer to COMMIT was lost, and the server does not say how it ended "
            f"({first_line(error)})",
            "run again when it answers: the ledger then knows",
        ) from error
    return status == "committed"


def _status(conninfo: str, xid: str) -> str:
    with session.connect(conninfo, "gonogo commit check") as fresh:
        row = fresh.execute("select pg_xact_status(%s::text::xid8)", (xid,)).fetchone()
    return str(row and row[0])
