"""COMMIT's outcome is asked for, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from gonogo.errors import DatabaseError, MigrationError
from gonogo.postgres import session, transaction
from gonogo.postgres.session import Connection
from gonogo.postgres.transaction import Patience

Connect = Callable[[], Connection]
MAKE = "create table made ()"


def made(connect: Connect) -> bool:
    """Whether the transaction is committed, seen from outside."""
    row = connect().execute("select to_regclass('made') is not null").fetchone()
    return bool(row and row[0])


def losing_the_answer(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, *, sent: bool, with_: BaseException
) -> None:
    """Let COMMIT end in an error, after it reached the server or before."""
    really = connection.execute

    def execute(query: Any, *arguments: Any, **options: Any) -> object:
        if query != "commit":
            return really(query, *arguments, **options)
        if sent:
            really(query)
        connection.close()
        raise with_

    monkeypatch.setattr(connection, "execute", execute)


def test_a_commit_whose_answer_was_lost_counts(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has it: no error, and the dead connection is closed."""
    losing_the_answer(connection, monkeypatch, sent=True, with_=psycopg.OperationalError("gone"))
    transaction.once(connection, lambda: connection.execute(MAKE), Patience())
    assert made(connect)
    assert connection.closed


def test_a_commit_that_never_arrived_does_not(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server rolled it back: the error stands."""
    losing_the_answer(connection, monkeypatch, sent=False, with_=psycopg.OperationalError("gone"))
    with pytest.raises(psycopg.OperationalError, match="gone"):
        transaction.once(connection, lambda: connection.execute(MAKE), Patience())
    assert not made(connect)


def test_ctrl_c_during_commit_is_passed_on(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever pressed it gets it, committed or not; the ledger row shows which."""
    losing_the_answer(connection, monkeypatch, sent=True, with_=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        transaction.once(connection, lambda: connection.execute(MAKE), Patience())
    assert made(connect)


def test_a_server_that_cannot_be_asked_leaves_it_open(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the error says so, instead of claiming either."""

    def refuse(*_arguments: object) -> Connection:
        raise DatabaseError("the database does not answer")

    losing_the_answer(connection, monkeypatch, sent=True, with_=psycopg.OperationalError("gone"))
    monkeypatch.setattr(session, "connect", refuse)
    monkeypatch.setattr(transaction, "SETTLE_BUDGET_S", 0)
    with pytest.raises(MigrationError, match="does not say how it ended"):
        transaction.once(connection, lambda: connection.execute(MAKE), Patience())


def test_a_deferred_constraint_fails_the_commit(connection: Connection, connect: Connect) -> None:
    """COMMIT itself may refuse: nothing is done, and the reason is kept."""

    def body() -> None:
        connection.execute(MAKE)
        connection.execute(
            "create temp table one (id int unique deferrable initially deferred); "
            "insert into one values (1), (1)"
        )

    with pytest.raises(psycopg.errors.UniqueViolation):
        transaction.once(connection, body, Patience())
    assert not made(connect)


def test_limits_hold_inside_and_end_with_it(connection: Connection) -> None:
    """Every limit is set in the transaction, and none after it."""
    names = [
        "lock_timeout",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "client_connection_check_interval",
    ]

    def now() -> list[str]:
        query = "select current_setting(name) from unnest(%s::text[]) as name"
        return [value for (value,) in connection.execute(query, (names,))]

    before = now()
    inside = transaction.once(connection, now, Patience())
    assert inside == ["250ms", "1min", "1min", "1s"]
    assert now() == before


def test_on_a_cluster_the_workers_keep_to_the_limits(connection: Connection) -> None:
    """What is set locally holds on them, and a table may be altered after one that refers to it."""
    query = (
        "select current_setting('citus.propagate_set_commands', true),"
        " current_setting('citus.multi_shard_modify_mode', true), current_setting('lock_timeout')"
    )
    ask = partial(connection.execute, query.encode())
    limits = Patience(lock_timeout_ms=200)
    alone = transaction.once(connection, lambda: ask().fetchone(), limits)
    # Nothing but the entry by which a coordinator is known.
    connection.execute("set allow_system_table_mods = on")
    connection.execute(
        "insert into pg_extension select 99999, 'citus', 10, 11, true, '13', null, null"
    )
    on_cluster = transaction.once(connection, lambda: ask().fetchone(), limits)
    assert alone == (None, None, "200ms")
    assert on_cluster == ("local", "sequential", "200ms")
