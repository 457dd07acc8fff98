"""One deployer at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gonogo.errors import LockHeldError
from gonogo.ledger import deployer
from gonogo.ledger.deployer import deployer_lock, holder
from gonogo.postgres import session
from gonogo.postgres.session import Connection

Connect = Callable[[], Connection]


def test_a_second_deployer_is_told_who_holds_it_since_when(
    connection: Connection, connect: Connect
) -> None:
    """The refusal comes at once and names role, application, process and time."""
    with (
        deployer_lock(connection),
        pytest.raises(LockHeldError) as caught,
        deployer_lock(connect()),
    ):
        pass
    text = str(caught.value)
    assert connection.info.user in text
    assert f"gonogo deploy, pid {connection.info.backend_pid}" in text
    assert "connected since 20" in text


def test_who_holds_it_stands_in_the_way_of_nobody(connection: Connection, connect: Connect) -> None:
    """Its transaction keeps no snapshot, which a concurrent index build would wait for."""
    beside = connect()
    with deployer_lock(connection) as lock:
        assert lock.is_held
        query = "select backend_xmin from pg_stat_activity where pid = %s"
        assert beside.execute(query, (lock.pid,)).fetchone() == (None,)
        beside.execute("create index concurrently on users (role)")


def test_the_lock_is_free_after_it_ended(connection: Connection, connect: Connect) -> None:
    """Also when the body failed."""
    with pytest.raises(ZeroDivisionError), deployer_lock(connection):
        _ = 1 / 0
    assert holder(connection) is None
    with deployer_lock(connect()):
        assert holder(connection) is not None


def test_a_lost_connection_gives_it_back_without_an_error(connection: Connection) -> None:
    """The server frees the lock of a session that is gone."""
    with deployer_lock(connection):
        connection.close()


def test_waiting_ends_when_the_holder_does(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again and again, and says who it waits for."""
    monkeypatch.setattr(deployer, "POLL_S", 0.01)
    first = connect()
    first.execute("select pg_advisory_lock(%s)", (deployer.KEY,))
    told: list[str] = []

    def release(text: str) -> None:
        told.append(text)
        first.execute("select pg_advisory_unlock(%s)", (deployer.KEY,))

    with deployer_lock(connection, wait=True, on_wait=release):
        found = holder(connection)
    assert found is not None
    assert found.pid == connection.info.backend_pid
    assert f"pid {first.info.backend_pid}" in told[0]


def test_waiting_has_an_end(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the timeout the refusal is the same."""
    monkeypatch.setattr(deployer, "POLL_S", 0.01)
    with (
        deployer_lock(connect()),
        pytest.raises(LockHeldError, match="another deployer"),
        deployer_lock(connection, wait=True, timeout_s=0.03),
    ):
        pass


def test_databases_of_one_server_do_not_disturb_each_other(
    connection: Connection, new_database: Callable[..., str]
) -> None:
    """The lock is the database's own."""
    with (
        session.connect(new_database()) as elsewhere,
        deployer_lock(connection),
        deployer_lock(elsewhere),
    ):
        found = holder(elsewhere)
        assert found is not None
        assert found.pid == elsewhere.info.backend_pid
