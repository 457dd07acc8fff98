"""Which database answers, so that it can be shown, confirmed and recorded."""

from __future__ import annotations

from psycopg.rows import dict_row

from gonogo.errors import DatabaseError
from gonogo.measure.ledger import IDENTITY
from gonogo.model import DatabaseIdentity
from gonogo.rollout.session import Connection


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
