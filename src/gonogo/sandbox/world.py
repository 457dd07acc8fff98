"""The application's world before the rollout: the schema as before 038, and who lives in it."""

from __future__ import annotations

from gonogo.sandbox.script import Connection, run_script


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
