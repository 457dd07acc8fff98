"""Send a file's statement; what the server says against it comes back with file and line."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from gonogo.errors import MigrationError
from gonogo.postgres.connection import first_line
from gonogo.postgres.session import Connection
from gonogo.postgres.sqlfile import Statement

REMEDIES = {
    "55P03": "end the long transaction that holds the lock, or try again later",
    "57014": "find out what the statement waits for, or raise the statement timeout",
    "42501": "deploy as the owner of the application's tables",
}


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
        error.diag.message_hint or REMEDIES.get(error.sqlstate or "", ""),
        file=file,
        line=line,
        sqlstate=error.sqlstate or "",
    )
