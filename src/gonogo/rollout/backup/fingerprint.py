"""The fingerprint of a schema, which proves a rollback."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gonogo import process
from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import split_secrets, tool_environment
from gonogo.postgres.watchdog import Vigil

DUMP_TIMEOUT_S = 300
# What changes from dump to dump, or describes the tool and not the schema.
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
    """The lines of a dump that describe the schema."""
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
