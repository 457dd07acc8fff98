"""A small application before 038, with a ledger, for the tests of the rollout's core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gonogo.ledger import migration
from gonogo.ledger.installation import install
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import NewDeployment
from gonogo.postgres import session
from gonogo.postgres.session import Connection
from gonogo.sandbox.server import EmbeddedServer
from migrated_world import World

BASE = """
create table users (
    id uuid primary key default gen_random_uuid(),
    email varchar(255) unique not null,
    name varchar(255),
    role varchar(50) not null default 'user' check (role in ('user', 'support')),
    created_at timestamptz not null default now()
);
create table audit_logs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references users (id) on delete set null,
    action varchar(100) not null,
    metadata jsonb
);
create index audit_logs_failed on audit_logs (user_id) where action in ('login_failed', 'denied');
insert into users (email) select format('user-%s@example.com', n) from generate_series(1, 20) as n;
insert into audit_logs (user_id, action) select id, 'signup' from users;
"""


@pytest.fixture
def conninfo(empty_database: str) -> str:
    """A database with the application's tables and a ledger."""
    with session.connect(empty_database) as connection:
        connection.execute(BASE)
        install(connection)
    return empty_database


@pytest.fixture
def connect(conninfo: str) -> Iterator[Callable[[], Connection]]:
    """A factory of connections to it; they are closed with the test."""
    opened: list[Connection] = []

    def another() -> Connection:
        opened.append(session.connect(conninfo))
        return opened[-1]

    yield another
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Callable[[], Connection]) -> Connection:
    """The migrating connection."""
    return connect()


@pytest.fixture
def ledger(connect: Callable[[], Connection]) -> Ledger:
    """The ledger, on a connection of its own."""
    return Ledger(connect())


@pytest.fixture
def deploy(ledger: Ledger) -> Callable[[], int]:
    """A factory of deployments that are under way: their ids."""

    def begin() -> int:
        return ledger.open_deployment(NewDeployment("staging", "b", "a", "m", "c", "tester"))

    return begin


@pytest.fixture
def migrations(pytestconfig: pytest.Config) -> tuple[Migration, ...]:
    """The project's own migrations."""
    return migration.load(pytestconfig.rootpath / "migrations")


@pytest.fixture
def survey(pytestconfig: pytest.Config) -> str:
    """The gate's schema survey."""
    return (pytestconfig.rootpath / "checks" / "sql" / "schema_objects.sql").read_text()


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., tuple[Migration, ...]]:
    """A factory of migrations of our own: ``written(_100_name="sql")``."""

    def write(**files: str) -> tuple[Migration, ...]:
        for name, text in files.items():
            stem, _, kind = name.removeprefix("_").partition("__")
            (tmp_path / f"{stem}{'.revert' if kind else ''}.sql").write_text(text)
        return migration.load(tmp_path)

    return write


@pytest.fixture
def world(
    connection: Connection,
    migrations: tuple[Migration, ...],
    survey: str,
    deploy: Callable[[], int],
    server: EmbeddedServer,
) -> World:
    """The application before 038, and the nine migrations."""
    return World(connection, migrations, survey, deploy, server)
