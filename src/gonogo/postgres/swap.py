"""A database closed to everybody, and another one put in its place: over a third connection."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql
from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from gonogo.errors import StepError
from gonogo.postgres.session import Connection, asking

WAIT_S = 15.0
PAUSE_S = 0.1
SESSIONS = """
select pid, coalesce(usename, 'another role') || ' (' || coalesce(nullif(application_name, ''),
    backend_type, 'unknown') || ', pid ' || pid || ')'
from pg_stat_activity
where datname = %s and pid <> all(%s)"""


@asking("the database cannot be opened again")
def allow(beside: Connection, name: str) -> None:
    """Let everybody connect who may."""
    words = sql.SQL("alter database {} allow_connections true")
    beside.execute(words.format(sql.Identifier(name)))


def shut(beside: Connection, name: str, ours: Sequence[int]) -> int:
    """Let nobody connect any more, and end every session but our own.

    Args:
        beside: To another database.
        name: The database's name.
        ours: The pids of our own sessions in it.

    Returns:
        How many sessions were ended.

    Raises:
        StepError: One would not end.
    """
    words = sql.SQL("alter database {} allow_connections false")
    beside.execute(words.format(sql.Identifier(name)))
    ended: set[int] = set()

    def end() -> list[str]:
        found = beside.execute(SESSIONS, (name, list(ours))).fetchall()
        for pid, _ in found:
            beside.execute("select pg_terminate_backend(%s)", (pid,))
            ended.add(pid)
        return [who for _, who in found]

    last = Retrying(
        retry=retry_if_result(bool),
        wait=wait_fixed(PAUSE_S),
        stop=stop_after_delay(WAIT_S),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )(end)
    if last:
        raise StepError(f"sessions do not end: {', '.join(last[:3])}", "end them and try again")
    return len(ended)


def swap(beside: Connection, name: str, prepared: str, kept: str) -> None:
    """Put a prepared database in the place of another: both renames, or neither.

    Args:
        beside: To another database.
        name: The name that changes hands.
        prepared: The database that gets it.
        kept: What the other one is called from now on; it is opened again.
    """

    def attempt() -> None:
        with beside.transaction():
            rename = sql.SQL("alter database {} rename to {}")
            old, new, aside = map(sql.Identifier, (name, prepared, kept))
            beside.execute(rename.format(old, aside))
            beside.execute(rename.format(new, old))
            beside.execute(sql.SQL("alter database {} allow_connections true").format(aside))
            comment = sql.SQL("comment on database {} is {}").format(old, _comment(beside, kept))
            beside.execute(comment)

    # The server needs a moment to see that our own sessions are over.
    Retrying(
        retry=retry_if_exception_type(psycopg.errors.ObjectInUse),
        wait=wait_fixed(PAUSE_S),
        stop=stop_after_delay(WAIT_S),
        reraise=True,
    )(attempt)


def mark(beside: Connection, prepared: str, text: str | None) -> None:
    """Write down how far a prepared database is; None takes it back.

    Args:
        beside: To another database.
        prepared: Its name.
        text: What is written down.
    """
    words = sql.SQL("comment on database {} is {}")
    beside.execute(words.format(sql.Identifier(prepared), sql.Literal(text)))


def marked(beside: Connection, prepared: str) -> str | None:
    """What was written down of a prepared database; None when nothing was, or it is not there."""
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    row = beside.execute(query, (prepared,)).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def drop(beside: Connection, prepared: str) -> None:
    """Remove a prepared database, if it is there."""
    words = sql.SQL("drop database if exists {} with (force)")
    beside.execute(words.format(sql.Identifier(prepared)))


def _comment(beside: Connection, name: str) -> sql.Literal:
    return sql.Literal(marked(beside, name))
