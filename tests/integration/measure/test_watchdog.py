"""Connections of a rollout to a server that falls silent end; others are left in peace."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from gonogo.postgres import session
from proxy import Proxy, proxied

ANSWER = "select pg_sleep({}), 'here' as answer"


@pytest.fixture
def curious(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is waited for is asked for a sign of life soon, and given little time."""
    monkeypatch.setattr("gonogo.postgres.watchdog.PROBE_AFTER_S", 0.1)
    monkeypatch.setattr("gonogo.postgres.watchdog.CONNECT_TIMEOUT_S", 2)


@pytest.fixture
def proxy(empty_database: str) -> Iterator[Proxy]:
    """A network that can fall silent."""
    with proxied(empty_database) as proxy:
        yield proxy


def answer(connection: session.Connection, after_s: float = 0) -> object:
    """What a statement says after some seconds."""
    row = connection.execute(ANSWER.format(after_s).encode()).fetchone()
    return row and row[1]


@pytest.mark.slow
@pytest.mark.usefixtures("curious")
def test_nobody_waits_for_a_server_that_fell_silent(proxy: Proxy, empty_database: str) -> None:
    """The statement under way ends, so does what else leads there; another server's goes on."""
    with session.connect(empty_database) as elsewhere:
        waiting, idle = session.connect(proxy.conninfo), session.connect(proxy.conninfo)
        assert answer(waiting, 1) == answer(idle) == "here"
        proxy.swallowing.set()
        for connection in (waiting, idle):
            with pytest.raises(psycopg.OperationalError, match="closed the connection"):
                answer(connection, 600)
            connection.close()
        assert answer(elsewhere) == "here"


@pytest.mark.usefixtures("curious")
def test_a_long_statement_of_a_server_that_is_well_is_left_in_peace(empty_database: str) -> None:
    """However often it is asked for a sign of life meanwhile."""
    with session.connect(empty_database) as connection:
        assert answer(connection, 1.5) == "here"
        assert answer(connection) == "here"
