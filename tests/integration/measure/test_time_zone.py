"""A server whose own time zone is not UTC: seen where somebody who writes is left to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gonogo.measure import surveys
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

SQL_DIR = Path(__file__).parents[3] / "checks" / "sql"
SURVEY = surveys.load(SQL_DIR, "time_zone_overrides")
WRITES = "create role app login; grant insert on sync_metrics to app"
READS = "create role analyst login; grant select on sync_metrics to analyst"


@pytest.fixture(scope="module")
def local_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Databases of a server in Berlin's time."""
    settings = {"timezone": "Europe/Berlin"}
    directory = tmp_path_factory.mktemp("local")
    with EmbeddedServer.start(directory, settings=settings) as server:
        yield Databases(server)


@pytest.fixture
def local(local_databases: Databases) -> Iterator[str]:
    """One with the table that the application writes to, and no role but the superuser."""
    conninfo = local_databases.create("app")
    run(conninfo, "create table sync_metrics (n integer)")
    yield conninfo
    run(conninfo, "drop table sync_metrics; drop role if exists app, analyst, other")
    local_databases.drop("app")


def run(conninfo: str, script: str) -> None:
    """Run some SQL."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(script.encode())


def overrides(conninfo: str) -> int:
    """What the survey counts, as the gate asks it."""

    def read(session: Session) -> int:
        table = surveys.run(session, SURVEY, {})
        assert table.missing is None
        return int(table.rows[0]["overrides"])

    return in_snapshot(DatabaseSettings(conninfo, "the test"), Manners(), read)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("", 1, id="superusers alone write"),
        pytest.param(READS, 1, id="who only reads pins nothing"),
        pytest.param(WRITES, 1, id="the application is left to it"),
        pytest.param(f"{WRITES}; alter role app set timezone = 'UTC'", 0, id="its role is in UTC"),
        pytest.param(
            f"{WRITES}; alter role app set timezone = 'UTC';"
            " create role other login; grant insert on sync_metrics to other",
            1,
            id="another that writes is not",
        ),
        pytest.param("alter database app set timezone = 'UTC'", 0, id="the database is in UTC"),
        pytest.param("alter database app set timezone = 'Asia/Tokyo'", 1, id="or in a third one"),
        pytest.param(
            f"{WRITES}; alter role app in database postgres set timezone = 'UTC'",
            1,
            id="in another database it is",
        ),
    ],
)
def test_the_servers_own_zone_counts_for_whoever_has_none(
    local: str, script: str, expected: int
) -> None:
    """Each role that may log in and write must have its zone from somewhere else."""
    run(local, script)
    assert overrides(local) == expected


@pytest.mark.parametrize(
    "elsewhere", ["options='-c timezone=Asia/Tokyo'", "options='-c TimeZone=UTC'"]
)
def test_what_the_gate_asks_for_itself_is_nobodys_zone(local: str, elsewhere: str) -> None:
    """Behind a connection string with a zone the server's cannot be seen, and is not made up."""
    assert overrides(f"{local} {elsewhere}") == 0


def test_a_session_that_was_never_pinned_is_no_pass(local: str) -> None:
    """Asked without what is kept before, the survey has no answer."""
    with psycopg.connect(local) as connection, pytest.raises(psycopg.errors.UndefinedObject):
        connection.execute(SURVEY.query.encode())
