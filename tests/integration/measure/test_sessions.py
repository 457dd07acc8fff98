"""Several sessions, one snapshot: faster, and never another number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from gonogo.errors import DatabaseError
from gonogo.measure import surveys
from gonogo.measure.surveys import HOUR, LOST
from gonogo.measure.take import share_out, take
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import ATTEMPTS, in_snapshot
from waiting import gone, until

COUNT = "select count(*) as n from sync_metrics"
MORE = """
insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
select user_id, integration_type, sync_type, 'failure', created_at from sync_metrics"""
MANY = """
insert into webhook_notifications (user_id, channel_id, resource_state, result, created_at)
select user_id, channel_id, resource_state, 'failure', created_at from webhook_notifications"""

# Each with a moment of its own, as where a stream is busy.
SOON = """
insert into webhook_notifications (user_id, channel_id, resource_state, result, created_at)
select user_id, channel_id, resource_state, result, created_at - n * interval '1 ms'
from webhook_notifications cross join generate_series(1, 15) as n
where created_at > (select min(created_at) from webhook_notifications) + interval '1 second'"""


def pids(sessions: tuple[Session, ...]) -> list[int]:
    """Each session's process on the server."""
    return [session.connection.info.backend_pid for session in sessions]


def change(settings: DatabaseSettings, *statements: str) -> None:
    """Commit something beside the measurement."""
    with psycopg.connect(settings.conninfo) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_every_number_is_of_one_snapshot(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer commits between any two surveys, on either session: no number moves."""
    before = in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))
    ask, once, used = surveys.run, threading.Event(), set()

    def run(session: Session, *rest: Any) -> surveys.Table:
        table = ask(session, *rest)
        used.add(session.connection.info.backend_pid)
        if not once.is_set():
            once.set()
            change(measured.settings, MORE, MANY, "delete from token_health")
        return table

    monkeypatch.setattr(surveys, "run", run)
    during = in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))
    assert len(used) > 1
    assert during == before
    after = in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))
    assert after["sync.success_rate"] != before["sync.success_rate"]


def test_a_session_opened_late_sees_what_the_first_one_saw(measured: Any) -> None:
    """The snapshot is exported when the first session begins, not when another joins it."""

    def read(own: Session) -> list[int]:
        change(measured.settings, MORE)
        return [session.ask(COUNT)[0]["n"] for session in (own, *own.open_others())]

    counts = in_snapshot(measured.settings, Manners(), read)
    assert len(counts) == Manners().sessions
    assert len(set(counts)) == 1


@pytest.mark.parametrize("sessions", [1, 2])
def test_any_number_of_sessions_measures_the_same(measured: Any, sessions: int) -> None:
    """How surveys are shared out is nobody's business but the clock's."""
    manners = Manners(sessions=sessions)
    told = in_snapshot(measured.settings, manners, lambda own: take(own, measured.plan))
    assert told == in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))


def test_wide_slices_measure_the_same_hours(measured: Any) -> None:
    """On a cluster slices are wider; each hour of the series is the same.

    The order in which rows were written is not known there.
    """

    def wide(own: Session) -> dict[str, Measurement]:
        return take(replace(own, on_cluster=True), measured.plan)

    told = in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))
    assert told["sync.success_rate"].hourly
    found = in_snapshot(measured.settings, Manners(), wide)
    assert found.pop("db.write_order").left_out
    assert found == {name: one for name, one in told.items() if name in found}


def test_without_a_second_connection_the_first_one_does_it_all(measured: Any) -> None:
    """A role that may connect only once is measured by one session."""
    with _role(measured.settings, "once") as settings:
        change(measured.settings, "alter role once connection limit 1")
        told = in_snapshot(settings, Manners(), lambda own: take(own, measured.plan))
    assert told["sync.success_rate"].count


def test_a_server_that_exports_no_snapshot_is_measured_by_one_session(measured: Any) -> None:
    """Where the function is not to be had, the transaction begins anew, and nothing is lost."""
    with _role(measured.settings, "alone") as settings:
        change(measured.settings, "revoke execute on function pg_export_snapshot() from public")

        def read(own: Session) -> tuple[int, str]:
            took = take(own, measured.plan)["sync.success_rate"]
            assert took.count
            (zone,) = own.ask("select current_setting('timezone') as zone")
            return len(own.open_others()), zone["zone"]

        assert in_snapshot(settings, Manners(), read) == (0, "UTC")


def test_a_session_that_is_lost_leaves_its_survey_missing_and_the_rest_done(
    measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends one session: nothing is raised, and the others go on."""
    ask, killed = surveys.run, threading.Event()

    def run(session: Session, survey: surveys.Survey, *rest: Any) -> surveys.Table:
        if survey.name == "sync_users" and not killed.is_set():
            killed.set()
            (pid,) = pids((session,))
            change(measured.settings, f"select pg_terminate_backend({pid}, 5000)")
        return ask(session, survey, *rest)

    monkeypatch.setattr(surveys, "run", run)
    told = in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))
    assert told["sync.broken_users"].missing == LOST
    assert told["sync.success_rate"].count
    assert told["webhook.success_rate"].count


def test_a_survey_whose_slice_fails_is_missing_whole(measured: Any) -> None:
    """Half a table is none, whichever session it failed on; the others are there."""
    change(measured.settings, "alter table sync_metrics rename column skip_reason to reason")
    told = in_snapshot(measured.settings, Manners(), lambda own: take(own, measured.plan))
    assert "skip_reason" in str(told["sync.success_rate"].missing)
    assert told["webhook.success_rate"].count
    assert told["sync.broken_users"].count


def test_a_cancelled_snapshot_repeats_the_whole_on_every_session(measured: Any) -> None:
    """A recovery conflict on another session begins anew with all, with a new snapshot."""
    seen: list[str] = []

    def read(own: Session) -> None:
        others = own.open_others()
        (row,) = own.ask("select pg_current_snapshot()::text as id")
        seen.append(row["id"])
        change(measured.settings, "update users set name = name")

        def conflict(session: Session) -> None:
            if session is not own:
                raise errors.SerializationFailure("canceling statement due to conflict")
            session.ask("select pg_sleep(0.05)")

        share_out((own, *others), [conflict] * 50)

    with pytest.raises(DatabaseError, match="cancelled the snapshot"):
        in_snapshot(measured.settings, Manners(), read)
    assert len(set(seen)) == ATTEMPTS


def test_an_interrupted_run_ends_what_the_other_sessions_ask(measured: Any) -> None:
    """Ctrl-C waits for nobody: the other sessions' queries are cancelled."""

    def read(own: Session) -> None:
        others = own.open_others()
        begun = threading.Event()

        def job(session: Session) -> None:
            if session is own:
                assert begun.wait(60)
                raise KeyboardInterrupt
            begun.set()
            session.ask("select pg_sleep(50)")

        share_out((own, *others), [job] * (1 + len(others)))

    with pytest.raises(KeyboardInterrupt):
        in_snapshot(measured.settings, Manners(statement_timeout_s=20), read)


def test_beside_others_a_session_takes_no_workers(measured: Any) -> None:
    """A session is one process on the server, not three."""

    def read(own: Session) -> list[str]:
        query = "select current_setting('max_parallel_workers_per_gather') as n"
        return [session.ask(query)[0]["n"] for session in (own, *own.open_others(), own)]

    assert set(in_snapshot(measured.settings, Manners(), read)[1:]) == {"0"}


@contextmanager
def _role(settings: DatabaseSettings, name: str) -> Iterator[DatabaseSettings]:
    change(settings, f"create role {name} login", f"grant pg_read_all_data to {name}")
    try:
        yield DatabaseSettings(make_conninfo(settings.conninfo, user=name), "the test")
    finally:
        change(settings, f"drop role {name}")


def test_a_lock_that_was_waited_for_in_vain_is_not_waited_for_again(measured: Any) -> None:
    """The next survey that needs it, or another, waits but a moment; what is free is answered."""
    counting = surveys.Survey("counting", COUNT)
    free = surveys.Survey("free", "show lock_timeout")

    def read(own: Session) -> list[surveys.Table]:
        return [surveys.run(own, survey, {}) for survey in (free, counting, free, counting)]

    with psycopg.connect(measured.settings.conninfo) as connection:
        connection.execute("lock table sync_metrics in access exclusive mode")
        before, locked, after, again = in_snapshot(
            measured.settings, Manners(lock_timeout_s=1), read
        )
    assert (before.rows[0], after.rows[0]) == ({"lock_timeout": "1s"}, {"lock_timeout": "250ms"})
    assert locked.missing == again.missing == Remark(Says.LOCKED, "counting")


def temp_bytes(settings: DatabaseSettings, writer: int) -> int:
    """What a database has written to temporary files, when a session has ended."""
    until(lambda: gone(writer))
    query = "select temp_bytes from pg_stat_database where datname = current_database()"
    with psycopg.connect(settings.conninfo) as connection:
        return int((connection.execute(query).fetchone() or (0,))[0])


def test_hours_of_a_wide_slice_are_counted_without_a_sort_on_disk(measured: Any) -> None:
    """Three days of a stream in one slice: every row is read, and nothing is written."""
    survey = surveys.load(measured.plan.sql_dir, "webhook_cube")
    slices = surveys.cut(measured.plan.window, 3 * surveys.DAY)
    with psycopg.connect(measured.settings.conninfo, autocommit=True) as connection:
        database, pid = sql.Identifier(connection.info.dbname), connection.info.backend_pid
        connection.execute(sql.SQL("alter database {} set work_mem = '256kB'").format(database))
        for statement in (SOON, "analyze webhook_notifications"):
            connection.execute(statement.encode())
    before = temp_bytes(measured.settings, pid)

    def read(session: Session) -> tuple[surveys.Table, int]:
        bound = {"critical_pattern": "deadlock"}
        return surveys.run(session, survey, bound, slices), session.connection.info.backend_pid

    table, pid = in_snapshot(measured.settings, Manners(), read)
    assert temp_bytes(measured.settings, pid) == before
    with psycopg.connect(measured.settings.conninfo) as connection:
        found = connection.execute("select count(*) from webhook_notifications").fetchone()
    assert (sum(row["n"] for row in table.rows),) == found


@pytest.mark.parametrize("name", ["sync_cube", "webhook_cube"])
def test_hours_that_are_asked_by_one_query_bring_what_each_brings(measured: Any, name: str) -> None:
    """The oldest is shorter than an hour; a semicolon at the end does no harm."""
    plan = measured.plan
    window = replace(plan.window, start=plan.window.end - 9 * HOUR + timedelta(minutes=20))
    survey = surveys.load(plan.sql_dir, name)
    parameters = {"critical_pattern": "deadlock"}

    def ask(session: Session) -> tuple[surveys.Table, list[Any]]:
        pieces = surveys.hours(window)
        ended = replace(survey, query=f"{survey.query} ;\n")
        each = (surveys.run(session, survey, parameters, [piece]).rows for piece in pieces)
        return surveys.run(session, ended, parameters, pieces), list(chain.from_iterable(each))

    together, each = in_snapshot(measured.settings, Manners(), ask)
    assert len(each) > 9
    assert list(together.rows) == each
