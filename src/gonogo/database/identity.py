"""Which database answers, and of which version: shown, confirmed and recorded."""

from __future__ import annotations

from psycopg.rows import dict_row

from gonogo.database.session import Connection
from gonogo.errors import DatabaseError
from gonogo.measure.ledger import IDENTITY
from gonogo.model import DatabaseIdentity

OLDEST, NEWEST = 13, 18
MAJOR = 10_000


def identify(connection: Connection) -> DatabaseIdentity:
    """Which database answers.

    Raises:
        DatabaseError: The server answered with nothing.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(IDENTITY).fetchone()
    if row is None:
        raise DatabaseError("the server did not say who it is", "check what answers there")
    del row["now"]
    return DatabaseIdentity(**row)


def version_problem(server_version: int) -> str:
    """Why the server's version will not do; empty when it does.

    Args:
        server_version: As libpq gives it: 180006 is 18.6.
    """
    major = server_version // MAJOR
    if OLDEST <= major <= NEWEST:
        return ""
    return f"the server is PostgreSQL {major}; gonogo knows {OLDEST} to {NEWEST}"


def major_version(connection: Connection) -> int:
    """The server's major version: 18 of 18.6."""
    return connection.info.server_version // MAJOR
