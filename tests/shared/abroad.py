"""Databases abroad: other encodings, German words, and settings as far from ours as they go."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg
from psycopg import sql

from gonogo.sandbox.cluster import ENVIRONMENT
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

IN_LATIN1 = Path(__file__).with_name("in_latin1.sql")
GERMAN = "de_DE.iso88591"
KIND = f"template template0 encoding 'LATIN1' lc_collate '{GERMAN}' lc_ctype '{GERMAN}'"
# Whatever changes how a value is written or read; the zone is a matter of its own.
SETTINGS = {
    "array_nulls": "off",
    "backslash_quote": "off",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "datestyle": "German, DMY",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "intervalstyle": "sql_standard",
    "quote_all_identifiers": "on",
    "search_path": "nowhere, public",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
}


def settle(conninfo: str, **more: str) -> None:
    """Let every session of a database begin with `SETTINGS`."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        for setting, value in (SETTINGS | more).items():
            # A list of names is one value each.
            values = sql.SQL(", ").join(map(sql.Literal, value.split(", ")))
            order = sql.SQL("alter database {} set {} = {}")
            connection.execute(order.format(name, sql.Identifier(setting), values))


@contextmanager
def germany(directory: Path, bin_dir: Path) -> Iterator[Databases]:
    """A server that speaks German and lives in Berlin's time.

    Args:
        directory: The server's.
        bin_dir: Programs of a PostgreSQL that brings its translations along.
    """
    with tempfile.TemporaryDirectory(prefix="gonogo-locales-") as locales:
        # The server, which is nobody's, must find it.
        Path(locales).chmod(0o755)
        kind = ("-i", "de_DE", "-f", "ISO-8859-1")
        subprocess.run(["localedef", *kind, f"{locales}/{GERMAN}"], check=True)
        names = ("messages", "monetary", "numeric", "time")
        settings = {"timezone": "Europe/Berlin", **{f"lc_{name}": GERMAN for name in names}}
        with (
            patch.dict(ENVIRONMENT, LOCPATH=locales),
            EmbeddedServer.start(directory, settings=settings, bin_dir=bin_dir) as server,
        ):
            yield Databases(server)


def emigrate(source: str, databases: Databases, name: str, kind: str, directory: Path) -> str:
    """Move a database by dump, as one comes to be in another encoding; returns where it is then.

    Args:
        source: Whose rows; what LATIN1 lacks is replaced there.
        databases: Where the new one is made.
        name: What it is called.
        kind: Its encoding and locale.
        directory: For the dump.
    """
    with psycopg.connect(source) as connection:
        connection.execute(IN_LATIN1.read_bytes())
    server = databases.server
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(f"create database {name} {kind}".encode())
    target, file = server.conninfo(name), directory / "moved.sql"
    for program, words in (
        ("pg_dump", ("--encoding=LATIN1", f"--file={file}", f"--dbname={source}")),
        ("psql", ("--quiet", "--set=ON_ERROR_STOP=1", f"--file={file}", f"--dbname={target}")),
    ):
        subprocess.run([server.bin_dir / program, *words], check=True, capture_output=True)
    return target
