"""The application's clients go on while it is deployed and rolled back: nobody waits half a second.

Each client's session gives up a lock that it has not got after 500 ms, so it is the server that
says whether anybody had to wait so long. How slow a busy machine makes a statement does not count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import errors

from desk import Desk
from gonogo.ledger import installation, migration
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.rows import NewDeployment
from gonogo.postgres import session
from gonogo.rollout.migrations.apply import apply_pending
from gonogo.rollout.migrations.revert import revert
from gonogo.sandbox.databases import Databases
from migrated_world import quietly
from waiting import until

USERS = 300_000
CLIENTS = 4
# A prime, so that each client gets about the whole table.
STEP = 7919
HOLDS_S = 10
ROUNDS = 3
FILL = f"""
insert into users (email, name)
select format('filled%s@example.com', n), repeat('x', 40) from generate_series(1, {USERS}) as n"""
READ = "select name from users where email = %s"
WRITE = "update users set name = 'y', updated_at = now() where email = %s"
HOLDERS = {"reader": READ, "writer": WRITE}
# Of this database: other tests' clients wait on the same server.
WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend'
    and cardinality(pg_blocking_pids(pid)) > 0"""
# Beyond what the clients touch: nobody must wait for a row.
HELD = f"filled{USERS}@example.com"


@dataclass
class Clients:
    """Clients that read and write users for as long as a block runs.

    Args:
        conninfo: The database.
        patience: The session's ``lock_timeout``; 0 waits for ever.
    """

    conninfo: str
    patience: str = "500ms"
    statements: int = 0
    stalled: int = 0
    longest_s: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them work; every one has had an answer when the block begins."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            working = [pool.submit(self._work, number) for number in range(CLIENTS)]
            try:
                until(lambda: self.statements > 10 * CLIENTS or any(w.done() for w in working))
                yield
            finally:
                self._over.set()
            self.longest_s = [one.result() for one in working]

    def _work(self, number: int) -> float:
        place, longest_s = number, 0.0
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute("select set_config('lock_timeout', %s, false)", [self.patience])
            while not self._over.wait(0.005):
                began = time.monotonic()
                place = (place + STEP) % (USERS - 1)
                statement = READ if place % 2 else WRITE
                try:
                    connection.execute(statement.encode(), [f"filled{place + 1}@example.com"])
                    self.statements += 1
                except errors.LockNotAvailable:
                    self.stalled += 1
                longest_s = max(longest_s, time.monotonic() - began)
        return longest_s


@contextmanager
def holding(conninfo: str, statement: str) -> Iterator[None]:
    """A transaction that has run a statement on users stays open for ten seconds of the block."""

    def hold() -> None:
        with psycopg.connect(conninfo) as connection:
            connection.execute(statement.encode(), [HELD])
            begun.set()
            connection.execute("select pg_sleep(%s)", [HOLDS_S])

    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        until(lambda: begun.is_set() or held.done())
        yield
        held.result()


@pytest.fixture(scope="session")
def filled_template(databases: Databases, base_template: str) -> str:
    """The template of a database before 038 whose users are many."""

    def build(conninfo: str) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(FILL.encode())
            connection.execute("vacuum analyze users")

    return databases.ensure_template("filled_template", build, base_template)


@pytest.fixture
def filled(new_database: Callable[..., str], filled_template: str) -> Callable[[], str]:
    """A factory of such databases."""
    return lambda: new_database(filled_template)


def nobody_stalled(filled: Callable[[], str], act: Callable[[str], None]) -> bool:
    """Whether no client had to wait while something was done; on a busy machine, of three tries."""
    for _ in range(ROUNDS):
        conninfo = filled()
        clients = Clients(conninfo)
        with clients.at_work():
            act(conninfo)
        if not clients.stalled:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("holder", HOLDERS)
def test_no_client_waits_behind_a_migration_or_its_revert(
    filled: Callable[[], str], pytestconfig: pytest.Config, holder: str
) -> None:
    """Behind a transaction of ten seconds, the index of 038 on filled users included."""
    root = pytestconfig.rootpath / "migrations"
    migrations = migration.load(root)

    def forward_and_back(conninfo: str) -> None:
        with ExitStack() as stack:
            connection = stack.enter_context(session.connect(conninfo))
            ledger = Ledger(stack.enter_context(session.connect(conninfo)))
            installation.install(connection)
            told = NewDeployment("staging", "after", "before", "0" * 64, "0" * 64, "tests")
            deployment = ledger.open_deployment(told)
            with holding(conninfo, HOLDERS[holder]):
                done = apply_pending(connection, migrations, deployment, on_event=quietly)
            assert done[0].attempts > 1
            with holding(conninfo, HOLDERS[holder]):
                assert len(revert(connection, migrations, deployment, on_event=quietly).versions)

    assert nobody_stalled(filled, forward_and_back)


@pytest.mark.slow
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_plain_alter_stalls_every_client_for_the_whole_time(
    filled: Callable[[], str], holder: str
) -> None:
    """The control: what is avoided. Nobody is served from its beginning to the holder's end."""
    conninfo = filled()
    clients = Clients(conninfo, patience="0")

    def alter() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("alter table users add column is_admin boolean default false")

    with (
        clients.at_work(),
        psycopg.connect(conninfo, autocommit=True) as watching,
        ThreadPoolExecutor(1) as pool,
    ):
        with holding(conninfo, HOLDERS[holder]):
            altering = pool.submit(alter)
            until(lambda: watching.execute(WAITING).fetchone() == (CLIENTS + 1,))
            all_wait = time.monotonic()
            until(lambda: watching.execute(WAITING).fetchone() == (0,))
            stalled_s = time.monotonic() - all_wait
        altering.result()
    assert stalled_s > 2
    assert min(clients.longest_s) > 0.9 * stalled_s


@pytest.mark.slow
def test_no_client_waits_while_a_whole_rollout_goes_forward_and_back(
    filled: Callable[[], str], lay_out: Callable[[str], Desk]
) -> None:
    """By the command line: backup, fingerprints, migrations, and the rollback with its proof."""

    def forward_and_back(conninfo: str) -> None:
        desk = lay_out(conninfo)
        for told in (
            desk.deploy("--backup-check", "read"),
            desk.run("rollback", "--yes-roll-back", desk.database),
        ):
            assert told.returncode == 0, told.stdout + told.stderr

    assert nobody_stalled(filled, forward_and_back)
