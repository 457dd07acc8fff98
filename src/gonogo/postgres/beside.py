"""The way to a database that cannot be asked itself: it is closed, or about to be renamed.

Everything here goes over a connection to another database of the same server.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gonogo.errors import DatabaseError, LockHeldError
from gonogo.postgres.session import Connection, asking, connect
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.swap import allow

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


def prepared_name(oid: int) -> str:
    """What the database is called that is restored for the one with this oid."""
    return f"{PREPARED}{oid}"


def kept_name(name: str, moment: datetime) -> str:
    """What a database is called once another one has taken its place.

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
    row = beside.execute(f"select pg_try_advisory_lock({LOCK_KEY})".encode(), (name,)).fetchone()
    if not (row and row[0]):
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


@asking("the databases of the server cannot be listed")
def is_closed_by_restore(beside: Connection, name: str) -> bool:
    """Whether a restore that was cut short has left a database closed to everybody.

    Args:
        beside: To another database.
        name: The database's name.
    """
    row = beside.execute(
        """
        select exists (
            select from pg_database as d
            join pg_database as p on p.datname = %s || d.oid
            where d.datname = %s and not d.datallowconn
        )""",
        (PREPARED, name),
    ).fetchone()
    return bool(row and row[0])


def closed_by_restore(settings: DatabaseSettings) -> bool:
    """Whether a database that does not answer was left closed by a restore that was cut short."""
    name = database_name(settings)
    try:
        with connect_beside(settings, name) as beside:
            return is_closed_by_restore(beside, name)
    except DatabaseError:
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
