"""Databases of one server: a template is built once, and copied in a few milliseconds each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Identifier

from gonogo.sandbox.server import EmbeddedServer

Builder = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Databases:
    """Creates, copies and drops the databases of one server.

    Args:
        server: The server; it must run.
    """

    server: EmbeddedServer

    def create(self, name: str, template: str | None = None) -> str:
        """Make the database `name`.

        Args:
            name: Its name.
            template: The database that it begins as a copy of; None for an empty one.

        Returns:
            Its connection string.
        """
        # Measured: 50 ms for 80 MB, where wal_log takes 390; 8 ms against 14 when empty.
        statement = SQL("create database {} template {} strategy file_copy")
        with self._connection() as connection:
            connection.execute(
                statement.format(Identifier(name), Identifier(template or "template1"))
            )
        return self.server.conninfo(name)

    def drop(self, name: str) -> None:
        """Drop the database `name`, whoever is connected; nothing happens when it is not there."""
        with self._connection() as connection:
            connection.execute(
                SQL("drop database if exists {} with (force)").format(Identifier(name))
            )

    def ensure_template(self, name: str, builder: Builder, template: str | None = None) -> str:
        """Build the template `name` unless it is there; of many callers at once, one builds it.

        Args:
            name: The template's name.
            builder: Is given the connection string of a database and fills it. It leaves no
                connection open.
            template: What that database begins as a copy of; None for an empty one.

        Returns:
            `name`, for `create`.
        """
        with self._connection() as connection:
            connection.execute("select pg_advisory_lock(hashtext(%s))", [name])
            found = connection.execute("select from pg_database where datname = %s", [name])
            if found.fetchone() is None:
                self._build(connection, name, builder, template)
        return name

    def _build(
        self, connection: psycopg.Connection, name: str, builder: Builder, template: str | None
    ) -> None:
        building = f"{name}_building"
        self.drop(building)
        builder(self.create(building, template))
        # Nobody may connect, autovacuum neither: a template in use cannot be copied.
        connection.execute(
            SQL("alter database {} with allow_connections false").format(Identifier(building))
        )
        connection.execute(
            SQL("alter database {} rename to {}").format(Identifier(building), Identifier(name))
        )

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self.server.conninfo(), autocommit=True)
