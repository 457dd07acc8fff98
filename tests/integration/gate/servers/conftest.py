"""Servers of other kinds, each with the same healthy 48 hours, which lie behind the clock here."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tenacity import retry, retry_if_not_result, stop_after_delay, wait_fixed

from gate_process import never_end
from gonogo.sandbox.cluster import ENVIRONMENT, data_of
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.privileges import account_for, command, private_directory
from gonogo.sandbox.server import EmbeddedServer, wheel_bin_dir

Build = Callable[[str], None]
Act = Callable[[int], None]

REPLICATING = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "synchronous_commit": "on",
    # What nobody asked for must not move the standby.
    "autovacuum": "off",
    "shared_buffers": "32MB",
}
STANDBY = {
    "max_standby_streaming_delay": "0",
    # The primary is asked for a sign of life twice as often.
    "wal_receiver_timeout": "2s",
}
# Of this database: other tests' surveys sleep on the same server.
ASLEEP = """
select pid from pg_stat_activity
where datname = current_database() and application_name like 'gonogo%' and state = 'active'
    and query like '%pg_sleep%' and pid <> pg_backend_pid()"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and its hot standby.

    Args:
        primary: Its connection string, to the database with the traffic.
        standby: The standby's, to the same database.
    """

    primary: str
    standby: str

    def catch_up(self) -> None:
        """Wait until the standby has replayed all that the primary wrote, now included."""
        moment = one(self.primary, "select now() from pg_current_xact_id()")
        wait_for(self.standby, f"select pg_last_xact_replay_timestamp() >= '{moment}'")


def one(conninfo: str, query: str) -> object:
    """The only value of one query."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def wait_for(conninfo: str, query: str) -> object:
    """The value of a query as soon as it is true."""
    ask = retry(retry=retry_if_not_result(bool), wait=wait_fixed(0.02), stop=stop_after_delay(60))
    return ask(one)(conninfo, query)


@pytest.fixture
def ask() -> Callable[[str, str], object]:
    """``ask(conninfo, query)``: the only value of one query."""
    return one


@pytest.fixture
def until() -> Callable[[str, str], object]:
    """``until(conninfo, query)``: wait until the query's value is true."""
    return wait_for


@pytest.fixture
def while_asleep() -> Callable[[str, Act], AbstractContextManager[None]]:
    """A context in which something is done to the gate's backend as soon as its survey sleeps."""

    @contextmanager
    def disturbed(conninfo: str, act: Act) -> Iterator[None]:
        def disturb() -> None:
            act(int(str(wait_for(conninfo, ASLEEP))))

        with ThreadPoolExecutor(1) as pool:
            acting = pool.submit(disturb)
            yield
            acting.result()

    return disturbed


@pytest.fixture
def sleeping_survey(checkout: Path) -> Path:
    """One survey of the checkout never ends by itself."""
    return never_end(checkout)


@pytest.fixture(scope="module")
def old_databases(
    postgres15: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    """Databases of a PostgreSQL 15 server."""
    directory = tmp_path_factory.mktemp("old")
    with EmbeddedServer.start(directory, bin_dir=postgres15) as server:
        yield Databases(server)


@pytest.fixture
def old_database(old_databases: Databases, build_past: Build) -> Iterator[str]:
    """A database of one's own on PostgreSQL 15, after 48 healthy hours."""
    template = old_databases.ensure_template("past", build_past)
    yield old_databases.create("old", template)
    old_databases.drop("old")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that a test may stop, freeze or kill."""
    with EmbeddedServer.start(tmp_path / "own") as server:
        yield server


@pytest.fixture
def own_database(own_server: EmbeddedServer, build_past: Build) -> str:
    """The one database of one's own server, after 48 healthy hours."""
    conninfo = Databases(own_server).create("own")
    build_past(conninfo)
    return conninfo


@pytest.fixture
def frozen(own_server: EmbeddedServer) -> Iterator[Act]:
    """``frozen(backend)``: the server and this backend of its stop answering; thawed at the end."""
    stopped: list[int] = []

    def freeze(backend: int) -> None:
        for pid in filter(None, (own_server.pid, backend)):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)

    yield freeze
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory, build_past: Build) -> Iterator[Pair]:
    """A primary with 48 healthy hours behind it, and its hot standby."""
    root = tmp_path_factory.mktemp("pair")
    with EmbeddedServer.start(root / "primary", settings=REPLICATING) as primary:
        conninfo = Databases(primary).create("app")
        build_past(conninfo)
        _base_backup(primary.conninfo(), root / "standby")
        settings = REPLICATING | STANDBY
        with EmbeddedServer.start(root / "standby", settings=settings) as standby:
            yield Pair(conninfo, standby.conninfo("app"))


@pytest.fixture
def pair(replicated: Pair) -> Pair:
    """The pair, its standby up to date."""
    replicated.catch_up()
    return replicated


@pytest.fixture
def cascade(pair: Pair, tmp_path: Path) -> Iterator[Pair]:
    """The standby of a standby that is cut off from the primary."""
    sender = str(one(pair.standby, "select current_setting('primary_conninfo')"))
    _base_backup(pair.primary, tmp_path / "second")
    settings = REPLICATING | STANDBY | {"primary_conninfo": pair.standby}
    with EmbeddedServer.start(tmp_path / "second", settings=settings) as second:
        both = Pair(pair.primary, second.conninfo("app"))
        both.catch_up()
        follow(pair.standby, "")
        wait_for(pair.standby, "select not exists (select from pg_stat_wal_receiver)")
        yield both
        follow(pair.standby, sender)


def follow(standby: str, sender: str) -> None:
    """Let a standby follow another sender, or none."""
    with psycopg.connect(standby, autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter system set primary_conninfo = {}").format(sql.Literal(sender))
        )
        connection.execute("select pg_reload_conf()")


def _base_backup(conninfo: str, directory: Path) -> None:
    directory.mkdir()
    data = data_of(directory)
    account = account_for(data)
    private_directory(data, account)
    words = [str(wheel_bin_dir() / "pg_basebackup"), f"--dbname={conninfo}"]
    words += ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", f"--pgdata={data}"]
    argv = command(words, account, data, parent_death=None)
    subprocess.run(argv, env=ENVIRONMENT, check=True, capture_output=True)
