"""Close a database, rename it, and put another one in its place.

A database that is closed or about to be renamed cannot be connected to, so everything here goes
over a connection to another database of the same server.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from gonogo.errors import DatabaseError, LockHeldError, StepError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_bool, ask_text, asking, connect

OTHERS = ("postgres", "template1")
PREPARED = "gonogo_restore_"
KEPT_TIME = "%Y%m%dT%H%M%SZ"
LONGEST_NAME = 63
SUFFIX_LENGTH = len("_rolled_back_20261123T141500Z")
# The steps of a restore that touch nothing of the live database.
COMPARISON = "compare"
PREPARATION = frozenset(
    {"check_backup", "new_database", "restore_backup", "verify_restored", COMPARISON}
)
LOCK_KEY = "hashtextextended('gonogo restore ' || %s, 0)"
CLOSED = """
select exists (
    select from pg_database as d
    join pg_database as p on p.datname = %s || d.oid
    where d.datname = %s and not d.datallowconn
)"""
WAIT_S = 15.0
PAUSE_S = 0.1
SESSIONS = """
select pid, coalesce(usename, 'another role') || ' (' || coalesce(nullif(application_name, ''),
    backend_type, 'unknown') || ', pid ' || pid || ')'
from pg_stat_activity
where datname = %s and pid <> all(%s)"""


def prepared_name(oid: int) -> str:
    """The name of the database that is restored in place of the one with this oid."""
    return f"{PREPARED}{oid}"


def kept_name(name: str, moment: datetime) -> str:
    """The name that a database is kept under once another one has taken its place.

    Args:
        name: Its name until then.
        moment: When.
    """
    suffix = f"_rolled_back_{moment.astimezone(UTC).strftime(KEPT_TIME)}"
    room = LONGEST_NAME - len(suffix)
    return name.encode()[:room].decode(errors="ignore") + suffix


def database_name(settings: DatabaseSettings) -> str:
    """The database's name, as libpq would find it."""
    given = conninfo_to_dict(settings.conninfo)
    named = given.get("dbname") or os.environ.get("PGDATABASE") or given.get("user")
    return str(named or os.environ.get("PGUSER") or "")


def connect_beside(settings: DatabaseSettings, name: str) -> Connection:
    """Connect to another database of the same server.

    Args:
        settings: The database's.
        name: The database's own name.

    Raises:
        DatabaseError: The role can connect to none.
    """
    refused: list[str] = []
    for other in OTHERS:
        if other != name:
            try:
                return connect(settings.with_database(other).conninfo, "gonogo restore")
            except DatabaseError as error:
                refused.append(error.problem)
    raise DatabaseError(
        f"a restore works from another database of the server, and {refused[0]}",
        f"let the role connect to {OTHERS[0]}",
    )


@contextlib.contextmanager
def restore_lock(beside: Connection, name: str) -> Iterator[None]:
    """Hold the lock of a database's restore: its own deployer's lock goes when it is renamed.

    Args:
        beside: To another database.
        name: The database's name.

    Raises:
        LockHeldError: Another restore of it is at work.
    """
    if not ask_bool(beside, f"select pg_try_advisory_lock({LOCK_KEY})".encode(), (name,)):
        raise LockHeldError(f"another restore of {name} is at work", "let it finish")
    try:
        yield
    finally:
        with contextlib.suppress(psycopg.Error):
            beside.execute(f"select pg_advisory_unlock({LOCK_KEY})".encode(), (name,))


def relatives(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What restores made beside a database: those that were kept, and one that was prepared.

    Args:
        connection: To the database itself.
    """
    rows = connection.execute(
        """
        select d.datname, d.datname = %(prepared)s || own.oid
        from pg_database as own
        join pg_database as d on d.datname = %(prepared)s || own.oid
            or left(d.datname, %(room)s) = left(own.datname, %(room)s)
                and d.datname ~ '_rolled_back_[0-9]{8}T[0-9]{6}Z$'
                and length(d.datname) <= length(own.datname) + %(suffix)s
        where own.datname = current_database()
        order by 1""",
        {"prepared": PREPARED, "room": LONGEST_NAME - SUFFIX_LENGTH, "suffix": SUFFIX_LENGTH},
    ).fetchall()
    kept = tuple(str(name) for name, is_prepared in rows if not is_prepared)
    return kept, tuple(str(name) for name, is_prepared in rows if is_prepared)


def closed_by_restore(settings: DatabaseSettings) -> bool:
    """Whether a database that does not answer was left closed by a restore that was cut short."""
    name = database_name(settings)
    try:
        with connect_beside(settings, name) as beside:
            return ask_bool(beside, CLOSED, (PREPARED, name))
    except (DatabaseError, psycopg.Error):
        return False


def reopen_cut_short(settings: DatabaseSettings) -> bool:
    """Open a database that a restore which was cut short has left closed.

    Returns:
        Whether it was.

    Raises:
        LockHeldError: That restore is at work still.
    """
    name = database_name(settings)
    if not closed_by_restore(settings):
        return False
    with connect_beside(settings, name) as beside, restore_lock(beside, name):
        allow(beside, name)
    return True


@asking("the database cannot be opened again")
def allow(beside: Connection, name: str) -> None:
    """Open a database again: every role with the right may connect."""
    words = sql.SQL("alter database {} allow_connections true")
    beside.execute(words.format(sql.Identifier(name)))


def shut(beside: Connection, name: str, ours: Sequence[int]) -> int:
    """Refuse new connections, and end every session but our own.

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
            # The comment of the database goes with its name.
            mark(beside, name, marked(beside, kept))

    # The server needs a moment to see that our own sessions are over.
    Retrying(
        retry=retry_if_exception_type(psycopg.errors.ObjectInUse),
        wait=wait_fixed(PAUSE_S),
        stop=stop_after_delay(WAIT_S),
        reraise=True,
    )(attempt)


def mark(beside: Connection, prepared: str, text: str | None) -> None:
    """Write a note on a database as its comment; None removes it.

    Args:
        beside: To another database.
        prepared: The database's name.
        text: The note.
    """
    words = sql.SQL("comment on database {} is {}")
    beside.execute(words.format(sql.Identifier(prepared), sql.Literal(text)))


def marked(beside: Connection, prepared: str) -> str | None:
    """The note on a prepared database; None without one, or without the database."""
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    return ask_text(beside, query, (prepared,))


def drop(beside: Connection, prepared: str) -> None:
    """Remove a prepared database, if it is there."""
    words = sql.SQL("drop database if exists {} with (force)")
    beside.execute(words.format(sql.Identifier(prepared)))
