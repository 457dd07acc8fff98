"""Fingerprints: of the schema, to prove a rollback, and what `rowhash` hashes of a row."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from gonogo import process
from gonogo.errors import DatabaseError
from gonogo.postgres.session import Connection, asking
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.tools import split_secrets, tool_environment
from gonogo.postgres.vigil import Vigil

DUMP_TIMEOUT_S = 300
# What changes from dump to dump, or tells about the tool and not about the schema.
PASSING = re.compile(
    r"\\(?:un)?restrict |--$"
    r"|-- (?:Name: |Dumped |PostgreSQL database dump|TOC entry|Dependencies: )"
)
# PostgreSQL words `in ('a', 'b')` anew on each dump and restore: the casts and parentheses move.
CONDITION = re.compile(r"\bCHECK \(|\bWHERE \(")
MOVING = re.compile(r"::(?:character varying(?:\(\d+\))?|text)(?:\[\])?|[()]")

OPTIONS = (
    "--schema-only",
    "--no-privileges",
    "--no-password",
    "--encoding=UTF8",
    "--lock-wait-timeout=10s",
    "--exclude-schema=gonogo",
    "--exclude-schema=gonogo_aside_*",
)
DESCRIBE = """
select c.relname,
    array(
        select a.attname::text
        from pg_index as i
        cross join unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary
        order by k.place
    ) as key,
    array(
        select a.attname::text
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as columns
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p')
    and c.relname = any(%s)
order by c.relname"""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns that a table's rows are hashed over, named so that later ones do not count.

    Args:
        table: The table, in the application's schema.
        key: The columns of its primary key; empty without one.
        columns: Every column that it has now, in order.
        schema: Its schema, when that is not the application's; it is meant alone then, without
            those that inherit from it.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    schema: str = ""

    def relation(self, schema: str = "") -> sql.Composed:
        """SQL that names it.

        Args:
            schema: The application's schema.
        """
        alone = sql.SQL("only " if self.schema else "")
        return sql.SQL("{}{}").format(alone, sql.Identifier(self.schema or schema, self.table))

    @property
    def row_hash(self) -> sql.Composed:
        """SQL of a row's hash: 64 bits over its named columns, NULL distinct from empty."""
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        return sql.SQL("hashtextextended(row({})::text, 0)").format(names)

    @property
    def key_text(self) -> sql.Composed:
        """SQL of what identifies a row; its hash where there is no primary key."""
        if not self.key:
            return sql.SQL("({})::text").format(self.row_hash)
        names = sql.SQL(", ").join(map(sql.Identifier, self.key))
        return sql.SQL("row({})::text").format(names)


def schema_fingerprint(bin_dir: Path, conninfo: str) -> str:
    """The sha256 of the schema as ``pg_dump`` writes it, without gonogo's own schemas.

    Grants are left out: a deployment gives the gate's role what it needs, and that may stay.

    Args:
        bin_dir: PostgreSQL's tools, of the server's major version.
        conninfo: The database; holds the password, which is passed on outside the command line.

    Raises:
        DatabaseError: ``pg_dump`` is not there, failed, or took too long.
    """
    digest = hashlib.sha256()
    for line in normalised(_dump(bin_dir, conninfo)):
        digest.update(line.encode(errors="surrogateescape") + b"\n")
    return digest.hexdigest()


def normalised(dump: str) -> Iterator[str]:
    """The lines of a schema's dump that tell about the schema."""
    for line in dump.splitlines():
        if line.strip() and not PASSING.match(line):
            yield MOVING.sub("", line) if CONDITION.search(line) else line


def _dump(bin_dir: Path, conninfo: str) -> str:
    settings = DatabaseSettings(conninfo, "")
    database, secrets = split_secrets(settings)
    said: list[str] = []
    with tempfile.NamedTemporaryFile() as file:
        words = [str(bin_dir / "pg_dump"), *OPTIONS, f"--file={file.name}", f"--dbname={database}"]
        try:
            ended = process.run(
                words,
                env=tool_environment(secrets),
                on_line=said.append,
                timeout_s=DUMP_TIMEOUT_S,
                on_tick=Vigil(settings).tick,
            )
        except OSError as error:
            raise DatabaseError(f"pg_dump could not run: {type(error).__name__}") from error
        if ended.timed_out:
            raise DatabaseError(f"pg_dump took more than {DUMP_TIMEOUT_S} s")
        if ended.exit_code:
            told = (said or ["no message"])[0]
            raise DatabaseError(f"the schema could not be dumped: {told}", "see the server's log")
        # A database in SQL_ASCII may hold any bytes, and they count as they are.
        return Path(file.name).read_text(encoding="utf-8", errors="surrogateescape")


@asking("the tables could not be described")
def describe(
    connection: Connection, tables: Sequence[str], schema: str
) -> tuple[TableColumns, ...]:
    """Name the columns that the given tables have now.

    Args:
        connection: To the application's database.
        tables: The tables' names; those that do not exist are left out.
        schema: The application's schema.
    """
    rows = connection.execute(
        DESCRIBE,
        (sql.Identifier(schema).as_string(), list(tables)),
    ).fetchall()
    return tuple(TableColumns(name, tuple(key), tuple(columns)) for name, key, columns in rows)
