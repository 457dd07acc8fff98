"""The gate under faults, as a person runs it: bounded in time, one clear line, and never GO."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from abroad import emigrate
from first_application import HTTP
from gate_process import ENDLESS, GateOutcome, make_checkout, never_end, run_gate
from gonogo.config.project import Project
from gonogo.errors import DatabaseError
from gonogo.gate import observe as observing
from gonogo.gate.setting import Options, resolve
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot
from gonogo.report.english import remark_of
from gonogo.sandbox.cluster import Address, Cluster, data_of
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.privileges import account_for
from gonogo.sandbox.server import EmbeddedServer, launch
from proxy import Proxy, proxied
from waiting import until

Build = Callable[[str], None]
Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
# What the gate may take by default, once it has begun.
BOUND_S = 30
GATES = "select count(*) from pg_stat_activity where datname = current_database() and {}"
SURVEYING = "application_name = 'gonogo' and wait_event = 'PgSleep'"
WAITING = "application_name = 'gonogo' and wait_event_type = 'Lock'"


@pytest.fixture(scope="session")
def past_template(databases: Databases, build_past: Build) -> str:
    """The template of such a database."""
    return databases.ensure_template("past_of_faults", build_past)


@pytest.fixture
def past(new_database: Callable[..., str], past_template: str) -> str:
    """Such a database of one's own."""
    return new_database(past_template)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a gate needs of the project."""
    return make_checkout(tmp_path / "project")


@pytest.fixture
def gate(checkout: Path) -> Gate:
    """Run ``pytest checks/`` in the checkout, on a database, with options."""
    return partial(run_gate, checkout)


@pytest.fixture
def endless(checkout: Path) -> None:
    """One survey of the checkout never ends by itself."""
    never_end(checkout)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that a test may stop, fill or kill; it has room for eight."""
    settings = {"max_connections": "8", "superuser_reserved_connections": "0"}
    settings |= {"reserved_connections": "0"}
    with EmbeddedServer.start(tmp_path / "own", settings=settings) as server:
        yield server


@pytest.fixture
def own(own_server: EmbeddedServer, build_past: Build) -> str:
    """Its one database, after 48 healthy hours."""
    conninfo = Databases(own_server).create("own")
    build_past(conninfo)
    return conninfo


def count(conninfo: str, which: str) -> int:
    """How many sessions of the database are so."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(GATES.format(which).encode()).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def disturbed(conninfo: str, which: str, act: Callable[[], object]) -> Iterator[None]:
    """While the body measures, something is done as soon as one of its sessions is so."""

    def disturb() -> float:
        until(lambda: count(conninfo, which))
        act()
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(disturb)
        yield
        # What a busy machine does between the two is the gate's, so it is measured from the fault.
        assert time.monotonic() - acting.result() < BOUND_S


def reasons(told: GateOutcome) -> str:
    """Why a run is HOLD, in bounded time: exit code 10, a whole record, no traceback."""
    assert told.code == 10, told.output
    assert "Traceback" not in told.output
    document = told.document
    assert (document["state"], document["verdict"]["kind"]) == ("complete", "HOLD")
    assert len(document["findings"]) == len(document["expected"])
    assert told.records[-1].name.endswith("_HOLD")
    assert told.lasted_s < BOUND_S
    return "\n".join(told.reasons)


LOST = "the connection to the database was lost"


@pytest.mark.slow
@pytest.mark.usefixtures("endless")
def test_a_network_that_falls_silent_within_a_measurement(gate: Gate, past: str) -> None:
    """No time limit of libpq's sees it; the gate asks for a sign of life, and gives up in time."""
    with proxied(past) as proxy, disturbed(past, SURVEYING, proxy.swallowing.set):
        told = gate(proxy.conninfo, *STAGING)
    assert LOST in reasons(told)


@pytest.mark.slow
@pytest.mark.usefixtures("endless")
def test_a_server_that_is_stopped_within_a_measurement(
    gate: Gate, own_server: EmbeddedServer, own: str
) -> None:
    """All of its processes stand still, by the gate's own time limits."""
    stopped: list[int] = []

    def stop() -> None:
        with psycopg.connect(own) as connection:
            rows = connection.execute(
                "select pid from pg_stat_activity where application_name = 'gonogo'"
            )
            backends = [pid for (pid,) in rows]
        for pid in (own_server.pid, *backends):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)

    try:
        with disturbed(own, SURVEYING, stop):
            told = gate(own, *STAGING)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert LOST in reasons(told)


@pytest.mark.slow
@pytest.mark.usefixtures("endless")
def test_a_long_survey_of_a_server_that_is_well_is_left_in_peace(checkout: Path, past: str) -> None:
    """It gives its signs of life: what is asked has its time, and is answered."""
    survey = checkout / "checks" / "sql" / "token_states.sql"
    survey.write_text(ENDLESS.replace("600", "18"), "utf-8")
    told = run_gate(checkout, past, *STAGING)
    assert LOST not in told.output
    assert told.document["measurements"]["token.unknown"]["missing"] is None


@pytest.mark.parametrize("end", [False, True])
def test_a_network_that_falls_silent_between_two_surveys(
    past: str, monkeypatch: pytest.MonkeyPatch, *, end: bool
) -> None:
    """What is said to the server around a survey is bounded as the survey is."""
    monkeypatch.setattr("gonogo.postgres.readonly.GRACE_S", 0.5)
    began: list[float] = []

    def read(session: Session) -> None:
        if not end:
            proxy.swallowing.set()
        began.append(time.monotonic())
        with session.savepoint():
            proxy.swallowing.set()

    with proxied(past) as proxy, pytest.raises(DatabaseError, match="stopped answering"):
        in_snapshot(DatabaseSettings(proxy.conninfo, "the test"), Manners(), read)
    assert time.monotonic() - began[0] < BOUND_S


def silent(proxy: Proxy) -> str:
    """A server behind a network that accepts and says nothing."""
    proxy.swallowing.set()
    return proxy.conninfo


@pytest.mark.slow
def test_a_network_that_is_silent_from_the_first(gate: Gate, past: str) -> None:
    """Every check says that nobody answers."""
    with proxied(past) as proxy:
        told = gate(silent(proxy), *STAGING)
    assert "the database does not answer" in reasons(told)


@pytest.mark.usefixtures("endless")
def test_a_server_that_is_restarted_within_a_measurement(
    gate: Gate, own_server: EmbeddedServer, own: str
) -> None:
    """What was answered before it stands; nothing is put together from two servers' lives."""
    with ExitStack() as stack:

        def restart() -> None:
            own_server.stop()
            again = EmbeddedServer.start(own_server.directory, die_with_parent=False)
            stack.enter_context(again)

        with disturbed(own, SURVEYING, restart):
            told = gate(own, *STAGING)
    assert LOST in reasons(told)


@pytest.mark.slow
def test_a_server_that_is_recovering(gate: Gate, own_server: EmbeddedServer, own: str) -> None:
    """It is up and lets nobody in yet: the reason is the server's own word."""
    own_server.stop()
    directory, data = own_server.directory, data_of(own_server.directory)
    (data / "recovery.signal").touch()
    address = Address.choose(directory)
    cluster = Cluster(directory, own_server.bin_dir, account_for(data))
    settings = {"restore_command": "sleep 600"}
    process = launch(cluster, address, settings, die_with_parent=True)

    def says() -> str:
        try:
            psycopg.connect(own).close()
        except psycopg.OperationalError as error:
            return str(error)
        return ""

    try:
        until(lambda: "starting up" in says())
        told = gate(own, *STAGING)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()
    assert "the database system is starting up" in reasons(told)


@contextmanager
def filled(conninfo: str, left: int) -> Iterator[None]:
    """Take every connection that a server has, but for so many."""
    with ExitStack() as stack:
        taken: list[psycopg.Connection] = []

        def take_all() -> None:
            while True:
                taken.append(stack.enter_context(psycopg.connect(conninfo)))

        with pytest.raises(errors.OperationalError, match="too many clients"):
            take_all()
        for connection in taken[:left]:
            connection.close()
        yield


@pytest.mark.slow
def test_a_server_without_a_free_connection(gate: Gate, own: str) -> None:
    """It answers with a refusal; the gate tries again for a while, then reports it."""
    with filled(own, left=0):
        told = gate(own, *STAGING)
    assert "too many clients already" in reasons(told)


def test_the_last_free_connection_is_enough(gate: Gate, own: str) -> None:
    """A gate would use three, and makes do with one."""
    with filled(own, left=1):
        told = gate(own, *STAGING)
    assert told.code == 0, told.output


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        ("drop table webhook_notifications", "webhook.success_rate"),
        ("alter table sync_metrics drop column result", "sync.success_rate"),
        ("alter table token_health rename to token_wealth", "token.unknown"),
    ],
)
def test_a_table_that_changes_under_the_gates_feet(
    gate: Gate, past: str, change: str, metric: str
) -> None:
    """While it is being asked: what it feeds is missing and says so, the rest is measured."""
    with psycopg.connect(past) as connection:
        connection.execute(change.encode())
        with disturbed(past, WAITING, connection.commit):
            told = gate(past, *STAGING)
    assert told.code != 0
    assert "Traceback" not in told.output
    measured = told.document["measurements"]
    assert measured[metric]["missing"], metric
    assert measured["breaker.open_users"]["missing"] is None


@pytest.mark.slow
def test_a_table_that_stays_locked(gate: Gate, past: str) -> None:
    """The largest is locked for good: each survey of it waits once, not once a slice."""
    with psycopg.connect(past) as connection:
        connection.execute("lock table sync_metrics in access exclusive mode")
        told = gate(past, *STAGING)
    assert "lock" in reasons(told)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding(
    gate: Gate, databases: Databases, past: str, tmp_path: Path, encoding: str
) -> None:
    """The same numbers; a message that is no UTF-8 is shown, and breaks nothing."""
    name = f"encoded_{uuid4().hex}"
    kind = f"template template0 encoding '{encoding}' locale 'C'"
    try:
        conninfo = emigrate(past, databases, name, kind, tmp_path)
        told = gate(conninfo, *STAGING)
    finally:
        databases.drop(name)
    assert told.code == 0, told.output
    assert "Traceback" not in told.output
    shown = "Verbindungsabbr" if encoding == "SQL_ASCII" else "Verbindungsabbr\u00fcche"
    assert shown in json.dumps(told.document, ensure_ascii=False)


@pytest.mark.parametrize(
    "archive",
    [
        "rollout.toml",
        pytest.param(
            # Nobody makes a directory there, root neither.
            "/sys/kernel/archive",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs /sys"),
        ),
    ],
)
def test_an_archive_that_cannot_be_written(
    gate: Gate, checkout: Path, past: str, archive: str
) -> None:
    """Refused before anything is measured: exit code 4, one line that says where."""
    file = checkout / "rollout.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace('"reports/archive"', f'"{archive}"'), "utf-8")
    told = gate(past, *STAGING)
    assert told.code == 4
    assert "Traceback" not in told.output
    assert "the record cannot be opened: " in told.output
    assert archive in told.output


@pytest.mark.parametrize("most_bytes", [20_000, 100_000])
def test_an_archive_that_runs_full(checkout: Path, past: str, most_bytes: int) -> None:
    """No file may grow past a limit: never GO, one line, and no record that looks whole."""

    def quota() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    told = subprocess.run(
        [sys.executable, "-m", "pytest", "checks/", "-p", "no:cacheprovider", *STAGING],
        cwd=checkout,
        env={**os.environ, "DATABASE_URL": past, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=quota,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert told.returncode not in {0, 5}, told.stdout + told.stderr
    assert "Traceback" not in told.stdout + told.stderr
    assert "File too large" in told.stdout + told.stderr
    assert not list((checkout / "reports" / "archive").glob("*/*_GO/record.html"))


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(hours=2), "the clock that runs this is 2h ahead of the server's"),
        (timedelta(days=-1), "the clock that runs this is 24h behind the server's"),
        (timedelta(), ""),
    ],
)
def test_a_clock_of_ours_that_is_wrong(
    checkout: Path, past: str, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, said: str
) -> None:
    """Window and ages are the server's: the findings are the same, and the record says so."""
    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + ahead)
    monkeypatch.setattr(observing, "datetime", clock)
    options = Options(
        environment=Environment.STAGING, without=frozenset({"endpoints"}), endpoints=HTTP
    )
    setting = resolve(Project(checkout), options, DatabaseSettings(past, "the test"))
    observation = observing.observe(setting, {})
    assert abs(observation.window.end - datetime.now(UTC)) < timedelta(minutes=10)
    assert observation.findings["criterion:sync.success_rate"].outcome == "met"
    assert "; ".join(map(remark_of, observation.measurements["db.clock_skew"].notes)) == said
