"""The ledger survives a restore: carried over by hand, every row and every sequence of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_int
from gonogo.postgres.tools import Tools
from gonogo.rollout.backup.tables import listed, referring_last
from gonogo.rollout.restore.transfer import copy_sequences, stream, unhurried

SCHEMA = "gonogo"
TABLES = """
select c.oid, c.relname, array(
    select a.attname::text from pg_attribute as a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum
)
from pg_class as c
where c.relnamespace = to_regnamespace('gonogo') and c.relkind = 'r'"""


@dataclass(frozen=True, slots=True)
class Swapped:
    """What the copy says of the restore, from the moment on at which it is the ledger.

    Args:
        deployment_id: The deployment that is rolled back.
        step: The name of a step that is written down there alone.
        evidence: What it proves.
        earlier: The attempts that are taken back with it: the restored database has none of the
            migrations of all these.
    """

    deployment_id: int
    step: str
    evidence: Mapping[str, Any]
    earlier: tuple[int, ...] = ()


def make_ledger_schema(tools: Tools, live: DatabaseSettings, restored: DatabaseSettings) -> None:
    """Make the ledger's tables in the restored database, grants and all, without their rows.

    Raises:
        BackupError: A tool failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = str(Path(directory) / "ledger.dump")
        only = ["--format=custom", "--schema-only", f"--schema={SCHEMA}", f"--file={file}"]
        tools.run("pg_dump", [*only, "--lock-wait-timeout=30s"], live)
        tools.run("pg_restore", ["--exit-on-error", file], restored)


def copy_ledger(
    live: Connection, restored: Connection, swapped: Swapped | None = None
) -> Mapping[str, int]:
    """Bring every row of the ledger over, in place of what was brought before.

    Args:
        live: The ledger's own connection.
        restored: The restored database, in autocommit.
        swapped: What the copy alone says; it is read only once it is the ledger.

    Returns:
        Rows by table.
    """
    with restored.transaction():
        unhurried(restored)
        found = {oid: (name, tuple(columns)) for oid, name, columns in restored.execute(TABLES)}
        names = listed(name for name, _ in found.values())
        restored.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(SCHEMA)))
        restored.execute(sql.SQL("truncate {}").format(names))
        counted = {}
        for oid in referring_last(restored, tuple(found)):
            name, columns = found[oid]
            counted[name] = _copy(live, restored, name, columns)
        copy_sequences(live, restored, f"^{SCHEMA}$")
        if swapped:
            _tell(restored, swapped)
    return counted


def _copy(live: Connection, restored: Connection, name: str, columns: tuple[str, ...]) -> int:
    table = sql.SQL("{} ({})").format(sql.Identifier(SCHEMA, name), listed(columns))
    out, into = (
        sql.SQL("copy {} {}").format(table, sql.SQL(direction))
        for direction in ("to stdout", "from stdin")
    )
    stream(live, out, restored, into)
    query = sql.SQL("select count(*) from {}").format(sql.Identifier(SCHEMA, name))
    return ask_int(restored, query)


def _tell(restored: Connection, swapped: Swapped) -> None:
    restored.execute(
        "update gonogo.migration set reverted_at = clock_timestamp()"
        " where deployment_id = any(%s) and not adopted and reverted_at is null",
        ([swapped.deployment_id, *swapped.earlier],),
    )
    restored.execute(
        "update gonogo.step set finished_at = clock_timestamp(), outcome = 'succeeded'"
        " where deployment_id = %s and outcome = 'running'",
        (swapped.deployment_id,),
    )
    restored.execute(
        "insert into gonogo.step (deployment_id, procedure, name, finished_at, outcome, evidence)"
        " values (%s, 'rollback', %s, clock_timestamp(), 'succeeded', %s)",
        (swapped.deployment_id, swapped.step, Jsonb(dict(swapped.evidence))),
    )
