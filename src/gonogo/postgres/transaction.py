"""Transactions on a live database: bounded waits, retries, and a COMMIT that is never guessed.

`lock_timeout` bounds how long a client can queue behind us; a transaction that runs into it is
rolled back whole and tried again after a pause. When the answer to COMMIT is lost,
``pg_xact_status`` says how it ended. An error of a file's statement names file and line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import LiteralString, TypeVar

import psycopg
from psycopg import sql
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
from gonogo.postgres.session import Connection, ask_text, first_line
from gonogo.postgres.sqlfile import Statement

LOCK_NOT_AVAILABLE = "55P03"
# A lock not granted in time, a deadlock, a serialization failure: another try may succeed.
RETRIED = frozenset({LOCK_NOT_AVAILABLE, "40P01", "40001"})
SETTLE_BUDGET_S = 60

# On a Citus cluster: what is set from here on holds on the workers too, so that no lock is waited
# for longer there; and a table may be altered after another one that refers to it.
ON_CLUSTER: LiteralString = """
select set_config('citus.propagate_set_commands', 'local', true),
    set_config('citus.multi_shard_modify_mode', 'sequential', true)
from pg_extension where extname = 'citus'"""

BEHIND = "write it behind a line `-- gonogo: no-transaction`"
REMEDIES = {
    "25001": BEHIND,
    "2D000": f"a block that commits cannot stand in a transaction: {BEHIND}",
    "55P03": "end the long transaction that holds the lock, or try again later",
    "55P04": "a new value of an enum can be used only after COMMIT: use it in a later migration",
    "57014": "find out what the statement waits for, or raise the statement timeout",
    "42501": "deploy as the owner of the application's tables",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a migration may wait, hold and try.

    Args:
        lock_timeout_ms: The longest wait for a lock, and so the longest stall of a client.
        statement_timeout_s: The longest run of a statement inside a transaction.
        idle_timeout_s: After this the server ends a transaction whose runner fell silent.
        first_wait_s: The pause after the first try; each further one is `growth` times longer.
        growth: See `first_wait_s`.
        longest_wait_s: No pause is longer.
        budget_s: No further try begins after this much time.
        build_timeout_s: The longest run of a statement outside a transaction: an index build.
    """

    lock_timeout_ms: int = 250
    statement_timeout_s: int = 60
    idle_timeout_s: int = 60
    first_wait_s: float = 0.5
    growth: float = 1.6
    longest_wait_s: float = 5.0
    budget_s: float = 120.0
    build_timeout_s: int = 3600


def repeat(
    attempt: Callable[[], object],
    patience: Patience,
    on_wait: Callable[[str], None],
    file: str = "",
) -> None:
    """Call `attempt` again, with growing pauses, while a lock is in its way.

    Args:
        attempt: Runs one whole transaction.
        patience: Pauses and budget.
        on_wait: Called with why a try failed and when the next one begins.
        file: The migration's file, for the error.

    Raises:
        MigrationError: A statement failed, or a lock was not granted in time.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            on_wait(reason(error, state.upcoming_sleep))

    retrying = Retrying(
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
    try:
        retrying(attempt)
    except psycopg.Error as error:
        sqlstate = error.sqlstate or ""
        raise MigrationError(first_line(error), file=file, sqlstate=sqlstate) from error


def may_pass(error: BaseException) -> bool:
    """Whether the same transaction may succeed when tried again."""
    return getattr(error, "sqlstate", None) in RETRIED


def reason(error: BaseException, pause_s: float) -> str:
    """Why a try failed and when the next one begins, in one line."""
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
        xid = ask_text(connection, "select pg_current_xact_id()::text")
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.execute("rollback")
        raise
    _commit(connection, str(xid), conninfo)
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
    again = Retrying(
        retry=retry_if_exception_type((DatabaseError, psycopg.OperationalError))
        | retry_if_result(lambda status: status == "in progress"),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(SETTLE_BUDGET_S),
        reraise=True,
    )
    try:
        status = again(_status, conninfo, xid)
    except Exception as error:
        raise MigrationError(
            f"the answer to COMMIT was lost, and the server does not say how it ended "
            f"({first_line(error)})",
            "run again when it answers: the ledger then knows",
        ) from error
    return status == "committed"


def _status(conninfo: str, xid: str) -> str:
    with session.connect(conninfo, "gonogo commit check") as fresh:
        return str(ask_text(fresh, "select pg_xact_status(%s::text::xid8)", (xid,)))


def limit(connection: Connection, patience: Patience) -> None:
    """Set the current transaction's time limits.

    Args:
        connection: Inside a transaction.
        patience: The time limits.
    """
    connection.execute(_set_local("idle_in_transaction_session_timeout", patience.idle_timeout_s))
    connection.execute(ON_CLUSTER)
    connection.execute(_set_local("lock_timeout", patience.lock_timeout_ms / 1000))
    connection.execute(_set_local("statement_timeout", patience.statement_timeout_s))


def _set_local(name: str, seconds: float) -> sql.Composed:
    return sql.SQL("set local {} = {}").format(sql.Identifier(name), f"{seconds * 1000:.0f}ms")


def search_path(connection: Connection, schema: str) -> None:
    """Make unqualified names mean the application's schema until the transaction ends.

    Args:
        connection: Inside a transaction.
        schema: The application's.
    """
    path = sql.Identifier(schema).as_string()
    connection.execute("select set_config('search_path', %s, true)", (path,))


@contextlib.contextmanager
def acting_as(connection: Connection, role: str | None) -> Iterator[None]:
    """Act as another role within a transaction while the body runs; None changes nothing."""
    if role is not None:
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    yield
    if role is not None:
        # After an error the transaction is rolled back, and the role with it.
        connection.execute("set local role none")


def send(
    connection: Connection, file: str, statement: Statement, names: Mapping[str, str] | None = None
) -> None:
    """Send one statement.

    Args:
        connection: Where to.
        file: The file's name, for the error.
        statement: What to send.
        names: The identifiers of its placeholders.

    Raises:
        MigrationError: The server refused it, or was lost.
    """
    try:
        connection.execute(statement.bind(names or {}))
    except psycopg.Error as error:
        raise failure(file, statement, error) from error


def failure(file: str, statement: Statement, error: psycopg.Error) -> MigrationError:
    """What PostgreSQL said of a statement, with its place in the file.

    Args:
        file: The file's name.
        statement: What was sent.
        error: What came back.
    """
    position = error.diag.statement_position
    line = statement.line_at(int(position)) if position else statement.line
    text = error.diag.message_primary or first_line(error)
    return MigrationError(
        text,
        REMEDIES.get(error.sqlstate or "") or error.diag.message_hint or "",
        file=file,
        line=line,
        sqlstate=error.sqlstate or "",
    )
