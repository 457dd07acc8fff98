"""A rollout and its gate on a Citus cluster, beside one server: ``python -m lab.citus``.

It needs a PostgreSQL with Citus (``--bin-dir``), which no package index brings. A coordinator and
two workers are started; examples/citus is deployed, judged, rolled back, deployed again, and what
lies aside is copied back. What the gate measures is compared with what it measures on one plain
server that holds the same rows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from gonogo.config.project import Project
from gonogo.model.limit import Json
from gonogo.report.narration import Narration
from gonogo.rollout.aside import reapply_kept
from gonogo.rollout.runner.site import Consent
from gonogo.sandbox import acting, world
from gonogo.sandbox.checkout import copy_project
from gonogo.sandbox.privileges import remove_tree
from gonogo.sandbox.rehearsal import run_gate
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.stage import DATABASE, Stage
from gonogo.sandbox.surroundings import (
    create_repository,
    forget_foreign,
    sandbox_environment,
    stop_everything,
)
from gonogo.sandbox.traffic import Traffic, generate

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "citus"
NODES = ("coordinator", "worker1", "worker2")
SETTINGS = {
    "shared_preload_libraries": "citus",
    "wal_level": "logical",
    "max_wal_senders": "10",
    "max_prepared_transactions": "100",
    "citus.node_conninfo": "sslmode=disable",
}
SOAK = timedelta(hours=48)
SHOWN = 20
# Parents first.
TABLES = (
    "users",
    "oauth_tokens",
    "sync_schedule",
    "sync_metrics",
    "calendar_webhook_subscriptions",
    "webhook_notifications",
    "token_health",
    "circuit_breaker_state",
    "token_health_notifications",
)
LEDGER = tuple(
    f"gonogo.{name}"
    for name in ("environment", "deployment", "migration", "migration_attempt", "step", "job_run")
)


@contextmanager
def cluster(directory: Path, bin_dir: Path) -> Iterator[EmbeddedServer]:
    """A coordinator that knows two workers; each has the database and the extension."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                EmbeddedServer.start(directory / name, settings=SETTINGS, bin_dir=bin_dir)
            )
            for name in NODES
        ]
        for node in nodes:
            with psycopg.connect(node.conninfo(), autocommit=True) as link:
                link.execute(f"create database {DATABASE}".encode())
            with psycopg.connect(node.conninfo(DATABASE), autocommit=True) as link:
                link.execute("create extension citus")
        coordinator, *workers = nodes
        with psycopg.connect(coordinator.conninfo(DATABASE), autocommit=True) as link:
            link.execute("select citus_set_coordinator_host(%s, %s)", _place(coordinator))
            for worker in workers:
                link.execute("select citus_add_node(%s, %s)", _place(worker))
        yield coordinator


def _place(node: EmbeddedServer) -> tuple[str, int]:
    # libpq takes the socket's directory for a host, so no node listens on a port.
    return str(node.address.socket_dir), node.address.port


def checkout(directory: Path) -> Project:
    """The project with the migrations of examples/citus over its own."""
    copy_project(ROOT, directory)
    shutil.copytree(EXAMPLE / "migrations", directory / "migrations", dirs_exist_ok=True)
    return Project(directory)


def copy_rows(source: EmbeddedServer, target: EmbeddedServer, tables: Sequence[str]) -> None:
    """Put the rows of one server's tables in place of the other's."""
    with _link(source) as one, _link(target) as other:
        named = [sql.Identifier(*table.split(".")) for table in tables]
        other.execute(sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(named)))
        for table in named:
            read = sql.SQL("copy {} to stdout (format binary)").format(table)
            write = sql.SQL("copy {} from stdin (format binary)").format(table)
            with one.cursor().copy(read) as rows, other.cursor().copy(write) as to:
                for chunk in rows:
                    to.write(chunk)


def _link(server: EmbeddedServer, database: str = DATABASE) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(server.conninfo(database), autocommit=True)


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every value of a JSON document by its path."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{path}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, f"{path}[{number}]")
    else:
        yield path, value


def measured(record: Path) -> dict[str, Json]:
    """What a gate measured, by path, without its remarks: only a cluster's record has some."""
    found = json.loads((record.parent / "record.json").read_text("utf-8"))
    values = leaves(found["measurements"])
    return {path: one for path, one in values if ".notes" not in path and ".left_out" not in path}


def main() -> int:
    """Deploy, judge, compare, roll back; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.citus", description=__doc__)
    parser.add_argument("--bin-dir", type=Path, default=Path("/usr/lib/postgresql/15/bin"))
    parser.add_argument("--rows", type=int, default=100_000)
    asked = parser.parse_args()
    forget_foreign(os.environ)
    directory = Path(tempfile.mkdtemp(prefix="gonogo_citus_"))
    try:
        with (
            EmbeddedServer.start(directory / "plain", bin_dir=asked.bin_dir) as plain,
            cluster(directory, asked.bin_dir) as coordinator,
        ):
            return _compare(directory, coordinator, plain, asked.rows)
    finally:
        remove_tree(directory)


def _compare(directory: Path, coordinator: EmbeddedServer, plain: EmbeddedServer, rows: int) -> int:
    narration = Narration.to_terminal()
    project = checkout(directory / "project")
    work = project.work_dir / "rehearsal"
    with _link(coordinator) as link:
        world.create_base(link)
        link.execute((EXAMPLE / "before.sql").read_bytes())
    repository = create_repository(work)
    environ = sandbox_environment(work, coordinator.conninfo(DATABASE))
    stage = Stage(project, work, coordinator, repository, environ)
    stage.commands.run("start_app")
    stage.commands.run("start_jobs")
    try:
        acting.roll_out(stage, narration)
        end = stage.deployed_at() + SOAK
        _fill(plain, coordinator, Traffic(end - SOAK, end, rows=rows))
        where = {**environ, "DATABASE_URL": plain.conninfo(DATABASE)}
        both = (stage, replace(stage, server=plain, environ=where))
        here, there = (measured(run_gate(one, end, "48h", narration).record) for one in both)
        differing = sorted(path for path in here | there if here.get(path) != there.get(path))
        narration.say(f"  {len(there):,} values, of which {len(differing)} differ", "bold")
        for path in differing[:SHOWN]:
            narration.say(f"    {path}: {here.get(path)}, on one server {there.get(path)}")
        acting.roll_back(stage, narration, "the way back")
        acting.roll_out(stage, narration)
        for table in reapply_kept(stage.context, narration, None, Consent()):
            narration.say(f"    {table}")
    finally:
        stop_everything(work)
    return 1 if differing else 0


def _fill(plain: EmbeddedServer, coordinator: EmbeddedServer, traffic: Traffic) -> None:
    """Give both the same rows and the same ledger; the cluster has an administrator as well."""
    with _link(plain, "postgres") as link:
        link.execute(f"create database {DATABASE}".encode())
    with _link(plain) as link:
        world.create_base(link)
        world.migrate_base(link, ROOT / "migrations")
        generate(link, traffic)
        link.execute("truncate gonogo.deployment cascade")
    copy_rows(plain, coordinator, TABLES)
    copy_rows(coordinator, plain, LEDGER)
    with _link(coordinator) as link:
        link.execute("update users set is_admin = true where email = 'user1@example.com'")


if __name__ == "__main__":
    sys.exit(main())
