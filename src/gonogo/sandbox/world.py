"""The application's database: its schema before the rollout and its users, or as deployed.

The SQL ships with the package: a file each, several statements in it, bound parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.rows import tuple_row

from gonogo.ledger.installation import install
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.migration import digest, load
from gonogo.ledger.rows import NewDeployment
from gonogo.rollout.migrations.apply import apply_pending

# Any row factory will do: what is read here is read through cursors of our own.
Connection: TypeAlias = psycopg.Connection[Any]


def create_base(connection: Connection, *, users: int = 500, seed: int = 1) -> None:
    """Create the schema and fill it, in one transaction.

    The rows follow from `users` and `seed` alone, whatever the day. About 94 % of the users have
    connected Google, seven of ten of them both contacts and calendar.

    Args:
        connection: To an empty database.
        users: How many users.
        seed: Another seed makes other people.
    """
    with connection.transaction():
        run_script(connection, "base_schema", {})
        run_script(connection, "sql/base_rows", {"users": users, "seed": seed})


def migrate_base(connection: Connection, migrations_dir: Path) -> None:
    """Deploy the migrations alone, without application or backup: staging, simulated.

    Args:
        connection: To a database from `create_base`, in autocommit.
        migrations_dir: Holds the migrations.
    """
    migrations = load(migrations_dir)
    install(connection)
    ledger = Ledger(connection)
    ledger.mark_environment("staging", simulated=True)
    hashes = (digest(migrations), "0" * 64)
    number = ledger.open_deployment(NewDeployment("staging", "after", "before", *hashes, "sandbox"))
    apply_pending(connection, migrations, number, on_event=lambda _event: None, anchor="users")
    ledger.finish_deployment(number, "succeeded")


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
