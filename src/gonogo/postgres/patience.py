"""How long a migration may wait, hold and try; and the parameters of a session that say so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from gonogo.postgres.session import Connection


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


def limit(connection: Connection, patience: Patience) -> None:
    """Set the current transaction's time limits.

    Args:
        connection: Inside a transaction.
        patience: The time limits.
    """
    limits = {
        "lock_timeout": f"{patience.lock_timeout_ms}ms",
        "statement_timeout": f"{patience.statement_timeout_s}s",
        "idle_in_transaction_session_timeout": f"{patience.idle_timeout_s}s",
    }
    for name, value in limits.items():
        connection.execute("select set_config(%s, %s, true)", (name, value))


@contextlib.contextmanager
def settings(connection: Connection, values: Mapping[str, str]) -> Iterator[None]:
    """Set parameters of the session, and put back what they were.

    Args:
        connection: In autocommit, outside a transaction.
        values: Each parameter's value.
    """
    change = "select current_setting(%(name)s), set_config(%(name)s, %(value)s, false)"
    before: dict[str, str] = {}
    try:
        for name, value in values.items():
            row = connection.execute(change, {"name": name, "value": value}).fetchone()
            before[name] = str(row and row[0])
        yield
    finally:
        with contextlib.suppress(psycopg.Error):
            for name, value in before.items():
                connection.execute(change, {"name": name, "value": value})


def search_path(connection: Connection, schema: str) -> None:
    """Until the transaction's end, unqualified names mean the application's schema.

    Args:
        connection: Inside a transaction.
        schema: The application's.
    """
    path = sql.Identifier(schema).as_string()
    connection.execute("select set_config('search_path', %s, true)", (path,))
