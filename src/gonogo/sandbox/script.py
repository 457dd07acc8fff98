"""SQL that ships with the package: a file each, several statements in it, bound parameters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.rows import tuple_row

# Any row factory will do: what is read here is read through cursors of our own.
Connection: TypeAlias = psycopg.Connection[Any]


def run_script(connection: Connection, name: str, parameters: Mapping[str, object]) -> None:
    """Run one file.

    Args:
        connection: To the sandbox's database.
        name: The file, relative to this package, without its ``.sql``.
        parameters: By the names that the file uses.
    """
    text = (resources.files("gonogo.sandbox") / f"{name}.sql").read_text(encoding="utf-8")
    # Bound by the client: the server binds neither several statements nor those that define.
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(text, parameters)


def ask(connection: Connection, query: LiteralString, *parameters: object) -> tuple[Any, ...]:
    """The one row that a query answers with.

    Args:
        connection: To the sandbox's database.
        query: With a ``%s`` for each parameter.
        parameters: Bound in order.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query, parameters).fetchone()
    return row or ()
