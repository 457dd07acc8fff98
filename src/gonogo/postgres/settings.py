"""What a session has set: for a while, and forgotten where the next file must not find it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import LiteralString

import psycopg

from gonogo.postgres import session
from gonogo.postgres.session import Connection, ask_text
from gonogo.postgres.transaction import Patience, limit

# What a file may have left in its session; DISCARD ALL runs in no transaction.
FORGET: LiteralString = """
reset all; deallocate all; unlisten *; discard temp; close all; select pg_advisory_unlock_all()"""


@contextlib.contextmanager
def set_for_session(connection: Connection, values: Mapping[str, str]) -> Iterator[None]:
    """Set parameters of the session, and restore them afterwards.

    Args:
        connection: In autocommit, outside a transaction.
        values: Each parameter's value.
    """
    change = "select current_setting(%(name)s), set_config(%(name)s, %(value)s, false)"
    before: dict[str, str] = {}
    try:
        for name, value in values.items():
            before[name] = str(ask_text(connection, change, {"name": name, "value": value}))
        yield
    finally:
        with contextlib.suppress(psycopg.Error):
            for name, value in before.items():
                connection.execute(change, {"name": name, "value": value})


def as_oneself(connection: Connection) -> None:
    """Be the role that connected again, whatever role a file has set.

    Args:
        connection: Inside a transaction.
    """
    connection.execute("set local session authorization default; set local role none")


def forget(connection: Connection, patience: Patience) -> None:
    """Begin the next file of the same transaction as if it were the first.

    Args:
        connection: Inside a transaction; whatever a file set, made or holds in its session goes.
        patience: The time limits, which are set again.
    """
    as_oneself(connection)
    connection.execute(FORGET)
    session.pin(connection)
    limit(connection, patience)
