"""One short connection a question, so that no table stays in use between two of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

PARAMETERS = {
    "DB_HOST": "host",
    "DB_PORT": "port",
    "DB_USER": "user",
    "DB_NAME": "dbname",
    "DB_PASSWORD": "password",
}
CONNECT_TIMEOUT_S = 3
# The application's columns are timestamps without a zone; what it writes there is UTC.
MANNERS = "set time zone 'UTC'; set statement_timeout = '10s'; set lock_timeout = '5s'"
MISSING = """
select name from unnest(%(names)s::text[]) as name where to_regclass(name) is null order by name
"""


@contextmanager
def connect() -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection that commits when its block ends well and closes in any case."""
    with psycopg.connect(
        conninfo(os.environ),
        row_factory=dict_row,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name="app",
        prepare_threshold=None,
    ) as connection:
        connection.execute(MANNERS)
        yield connection


def conninfo(environ: Mapping[str, str]) -> str:
    """``DATABASE_URL``, else ``DB_*``; libpq's own variables fill in the rest."""
    if url := environ.get("DATABASE_URL"):
        return url
    given = {key: environ[name] for name, key in PARAMETERS.items() if environ.get(name)}
    return make_conninfo("", **given)


def missing_tables(names: tuple[str, ...]) -> list[str]:
    """Those of `names` that the database does not have.

    Raises:
        psycopg.Error: The database does not answer.
    """
    with connect() as connection:
        rows = connection.execute(MISSING, {"names": list(names)}).fetchall()
    return [row["name"] for row in rows]
