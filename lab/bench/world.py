"""The database that is measured: deployed, and filled with the traffic of some days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, LiteralString

from gonogo.model.measurement import Window
from gonogo.postgres import session
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.mix import Mix, Onboarding
from gonogo.sandbox.privileges import remove_tree
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.traffic import Traffic, TrafficSummary, generate
from gonogo.sandbox.world import create_base, migrate_base

# Some 350 syncs a user in 14 days: two connections, synchronised every two hours.
SYNCS_A_USER = 350
FEWEST_USERS = 500
INDEX = Path("examples", "index", "window.sql")


@dataclass(frozen=True, slots=True)
class World:
    """A database to be measured.

    Args:
        conninfo: Where it is.
        window: All of its traffic.
        loaded: What was written, and how long that took.
        size_bytes: The large tables with their indexes.
        server: Its version.
    """

    conninfo: str
    window: Window
    loaded: TrafficSummary
    size_bytes: int
    server: str


@contextmanager
def embedded_server(directory: Path) -> Iterator[EmbeddedServer]:
    """A server in `directory`; the directory is removed afterwards."""
    try:
        # An autovacuum's processor time would count as a contestant's: none runs meanwhile.
        settings = {"autovacuum": "off"}
        with EmbeddedServer.start(directory, settings=settings) as server:
            yield server
    finally:
        remove_tree(directory)


def load(
    server: EmbeddedServer, name: str, rows: int, lasting: timedelta, new_users: float | None = None
) -> World:
    """Fill a new database.

    Args:
        server: Where.
        name: The database's name.
        rows: Of ``sync_metrics``.
        lasting: How long the traffic lasts; it begins with the deployment's end.
        new_users: How many sign up in that time, as a share of the users before; None takes what is
            usual in the sandbox.
    """
    users = max(FEWEST_USERS, rows // SYNCS_A_USER)
    mix = Mix()
    if new_users is not None:
        per_day = new_users * users / (lasting / timedelta(days=1))
        mix = Mix(onboarding=Onboarding(new_users_per_day=per_day))
    conninfo = Databases(server).create(name)
    with session.connect(conninfo, "gonogo bench") as connection:
        create_base(connection, users=users)
        migrate_base(connection, Path("migrations"))
        start = _one(connection, "select finished_at from gonogo.deployment").astimezone(UTC)
        end = start + lasting
        loaded = generate(connection, Traffic(start, end, rows=rows, mix=mix))
        connection.execute("vacuum analyze")
        size = _one(
            connection,
            """select sum(pg_total_relation_size(name::regclass))::bigint
            from unnest(array['sync_metrics', 'webhook_notifications']) as name""",
        )
        version = connection.info.parameter_status("server_version") or ""
    return World(conninfo, Window(lasting, start, end, start), loaded, size, version)


@dataclass(frozen=True, slots=True)
class Index:
    """An index that was built for the comparison.

    Args:
        size_bytes: Its size.
        built_s: How long building it took.
    """

    size_bytes: int
    built_s: float


def build_index(world: World) -> Index:
    """Build the index that docs/performance.md offers, as it stands there."""
    with session.connect(world.conninfo, "gonogo bench") as connection:
        began = time.perf_counter()
        connection.execute(INDEX.read_bytes())
        built_s = time.perf_counter() - began
        connection.execute("vacuum analyze sync_metrics")
        size = _one(connection, "select pg_relation_size('idx_sync_metrics_executed')")
    return Index(size, built_s)


def _one(connection: session.Connection, query: LiteralString) -> Any:  # noqa: ANN401  # any column
    ((value,),) = connection.execute(query).fetchall()
    return value
