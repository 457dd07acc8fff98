"""``sslmode=verify-full`` holds for every connection, whatever brings it and whoever opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from psycopg.conninfo import make_conninfo

from desk import Desk, make_desk
from gate_process import make_checkout, run_gate
from gonogo.errors import BackupError, DatabaseError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import connect
from gonogo.postgres.tools import find_tools
from gonogo.report.answers import answers
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.sandbox import surroundings
from gonogo.sandbox.server import EmbeddedServer

pytestmark = [pytest.mark.postgres15, pytest.mark.slow, pytest.mark.xdist_group("tls")]

Reach = dict[str, str]
PARAMETERS = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER"}
PARAMETERS |= {"dbname": "PGDATABASE", "passfile": "PGPASSFILE"}
PARAMETERS |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
OURS = {"host": "DB_HOST", "port": "DB_PORT", "user": "DB_USER", "dbname": "DB_NAME"}


def by_url(reach: Reach, directory: Path) -> Reach:
    """All of it in DATABASE_URL."""
    del directory
    rest = {name: value for name, value in reach.items() if name not in {"host", "dbname"}}
    query = urlencode(rest, quote_via=quote)
    return {"DATABASE_URL": f"postgresql://{reach['host']}/{reach['dbname']}?{query}"}


def by_variables(reach: Reach, directory: Path) -> Reach:
    """The database by ``DB_*``, how to trust it by libpq's own variables."""
    del directory
    return {({**PARAMETERS, **OURS})[name]: value for name, value in reach.items()}


def by_service(reach: Reach, directory: Path) -> Reach:
    """All of it in a service file."""
    lines = [f"{name}={value}" for name, value in reach.items()]
    file = directory / "services"
    file.write_text("\n".join(["[release]", *lines, ""]), encoding="utf-8")
    return {"PGSERVICEFILE": str(file), "PGSERVICE": "release"}


# What is wrong: how the connection differs from one that is right, and what libpq says of it.
WRONG = {
    "another authority": ("sslrootcert", "certificate verify failed"),
    "another name": ("host", "does not match host name"),
}


@pytest.fixture(params=WRONG)
def distrusted(request: pytest.FixtureRequest, secure_server: Any) -> tuple[Reach, str]:
    """A connection that must not come about, and the reason."""
    name, says = WRONG[request.param]
    changed = {"sslrootcert": str(secure_server.foreign), "host": "another.example"}[name]
    return secure_server.reach(**{name: changed}), says


@pytest.fixture
def secure_desk(secure_server: Any, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose database lies behind TLS."""
    yield make_desk(tmp_path, make_conninfo("", **secure_server.reach()))
    surroundings.stop_everything(tmp_path)


@pytest.mark.parametrize("given", [by_url, by_variables, by_service])
def test_the_gate_measures_over_connections_that_it_trusts(
    secure_server: Any, tmp_path: Path, given: Callable[[Reach, Path], Reach]
) -> None:
    """However TLS is configured, the gate and its further sessions get in, each of them with it."""
    checkout, before = make_checkout(tmp_path / "project"), len(secure_server.authorized())
    variables = given(secure_server.reach(), tmp_path)
    told = run_gate(checkout, None, "--environment=staging", "--without=endpoints", **variables)
    known = told.record.provenance
    assert known, told.output
    assert known.database
    assert known.database.server_version.startswith("15"), told.output
    came = secure_server.authorized()[before:]
    assert len([line for line in came if "application_name=gonogo" in line]) >= 3
    assert all("SSL enabled" in line for line in came)


def test_the_gate_measures_nothing_where_it_distrusts(
    distrusted: tuple[Reach, str], tmp_path: Path
) -> None:
    """A certificate of somebody else, or for another name: HOLD, and the record says why."""
    reach, says = distrusted
    variables = by_url(reach, tmp_path)
    told = run_gate(make_checkout(tmp_path / "project"), None, "--environment=staging", **variables)
    assert told.code == 10, told.output
    assert "Traceback" not in told.output
    assert {found["outcome"] for found in told.document["findings"]} == {"inconclusive"}
    assert says in answers(told.record)[0].reason
    assert told.record.provenance
    assert told.record.provenance.database is None


def test_a_deployment_trusts_the_same(secure_server: Any, secure_desk: Desk) -> None:
    """Forward over TLS: its connections, the client tools' and the application's."""
    before = len(secure_server.authorized())
    told = secure_desk.deploy()
    assert told.returncode == 0, told.stdout + told.stderr
    came = secure_server.authorized()[before:]
    assert came
    assert all("SSL enabled" in line for line in came)


def test_a_deployment_does_nothing_where_it_distrusts(
    distrusted: tuple[Reach, str], secure_desk: Desk, tmp_path: Path
) -> None:
    """One line, an exit code, and no backup was begun."""
    reach, says = distrusted
    secure_desk.environ |= by_url(reach, tmp_path)
    told = secure_desk.deploy()
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert says in line
    assert not (tmp_path / "backups").exists()


def test_the_client_tools_distrust_as_well(
    distrusted: tuple[Reach, str], postgres15: Path, tmp_path: Path
) -> None:
    """pg_dump and pg_restore take the very same settings: neither reads or writes a byte."""
    reach, says = distrusted
    settings = DatabaseSettings(make_conninfo("", **reach), "the test")
    tools = find_tools(15, {}, postgres15)
    with pytest.raises(BackupError, match=says):
        tools.run("pg_dump", [f"--file={tmp_path / 'dump'}", "--format=custom"], settings)
    with pytest.raises(DatabaseError, match=says):
        schema_fingerprint(postgres15, settings.conninfo)


def test_a_server_without_tls_is_refused(plain_server: EmbeddedServer, tmp_path: Path) -> None:
    """Who asks for TLS gets it or nothing: no connection falls back to plain text."""
    conninfo = make_conninfo(plain_server.conninfo(), sslmode="verify-full", sslrootcert="system")
    with pytest.raises(DatabaseError, match="server does not support SSL"):
        connect(conninfo)
    told = run_gate(make_checkout(tmp_path / "project"), conninfo, "--environment=staging")
    assert told.code == 10, told.output
    assert "server does not support SSL" in answers(told.record)[0].reason
