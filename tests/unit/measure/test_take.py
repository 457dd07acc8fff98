"""Surveys are asked whole or by slices, and shared out over the sessions of one snapshot."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.measure import surveys
from gonogo.measure.surveys import LOST, Slice, Survey, Table
from gonogo.measure.take import SLICES_A_JOB, Asking, share_out
from saying import team
from waiting import until

START = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
SLICED = Survey("cube", "select %(slice_start)s")
WHOLE = Survey("whole", "select 1")
SESSION: Any = object()


def slices(count: int) -> tuple[Slice, ...]:
    """So many hours."""
    return tuple((START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(count))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Slice, ...]]:
    """What is asked, piece by piece; each slice answers with one row, its start."""
    pieces: list[tuple[Slice, ...]] = []
    lock = threading.Lock()

    def run(_session: object, survey: Survey, _parameters: object, piece: Any) -> Table:
        with lock:
            pieces.append(tuple(piece))
        return Table(tuple({"hour": start} for start, _ in piece), sliced=survey.sliced)

    monkeypatch.setattr(surveys, "run", run)
    return pieces


def test_rows_are_in_the_order_of_time_however_they_came(asked: list[Any]) -> None:
    """The jobs may be done in any order."""
    hours = slices(3 * SLICES_A_JOB + 1)
    asking = Asking(SLICED, {}, hours)
    for job in reversed(list(asking.jobs())):
        job(SESSION)
    assert len(asked) == 4
    assert [row["hour"] for row in asking.table.rows] == [start for start, _ in hours]
    assert asking.table.sliced


def test_a_survey_without_slices_is_one_job(asked: list[Any]) -> None:
    """It is asked once."""
    asking = Asking(WHOLE, {})
    for job in asking.jobs():
        job(SESSION)
    assert asked == [()]
    assert asking.table == Table()


def test_an_empty_window_asks_nothing_of_a_sliced_survey(asked: list[Any]) -> None:
    """Right after the deployment there are no rows, and none are missing."""
    asking = Asking(SLICED, {})
    assert not list(asking.jobs())
    assert not asked
    assert asking.table == Table(sliced=True)


def test_what_nobody_was_left_to_ask_is_missing(asked: list[Any]) -> None:
    """A part of the rows is no table."""
    asking = Asking(SLICED, {}, slices(2 * SLICES_A_JOB))
    next(asking.jobs())(SESSION)
    assert len(asked) == 1
    assert asking.table == Table(missing=LOST)


def test_after_a_failure_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the first one, and no time is spent on the other slices."""
    reasons = iter([team("took too long"), team("never asked")])
    monkeypatch.setattr(surveys, "run", lambda *_: Table(missing=next(reasons)))
    asking = Asking(SLICED, {}, slices(3 * SLICES_A_JOB))
    for job in asking.jobs():
        job(SESSION)
    assert asking.table == Table(missing=team("took too long"))
    assert list(reasons) == [team("never asked")]


@dataclass(eq=False)
class FakeSession:
    """As much of a session as sharing needs."""

    lost: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Note it."""
        self.cancelled.set()


def test_every_job_is_done_once() -> None:
    """However many sessions there are."""
    done: list[int] = []
    jobs: list[Any] = [lambda _, number=number: done.append(number) for number in range(200)]
    sessions: Any = [FakeSession(), FakeSession(), FakeSession()]
    share_out(sessions, jobs)
    assert sorted(done) == list(range(200))


def test_one_session_does_all_in_order() -> None:
    """Without others there is no thread."""
    done: list[tuple[int, str]] = []
    jobs: list[Any] = [
        lambda _, number=number: done.append((number, threading.current_thread().name))
        for number in range(3)
    ]
    session: Any = FakeSession()
    share_out([session], jobs)
    assert done == [(number, threading.main_thread().name) for number in range(3)]


def test_sessions_work_at_the_same_time() -> None:
    """Each of two jobs waits for the other: one after the other they would never end."""
    both = threading.Barrier(2, timeout=60)
    jobs: list[Any] = [lambda _: both.wait()] * 2
    sessions: Any = [FakeSession(), FakeSession()]
    share_out(sessions, jobs)


def test_a_lost_session_takes_no_further_job() -> None:
    """The other one does what is left."""
    own, other = FakeSession(), FakeSession(lost=True)
    by: list[Any] = []
    sessions: Any = [own, other]
    share_out(sessions, [by.append] * 20)
    assert by == [own] * 20


def test_without_a_session_left_nothing_is_done() -> None:
    """What was not done is the caller's to name."""
    by: list[Any] = []
    sessions: Any = [FakeSession(lost=True), FakeSession(lost=True)]
    share_out(sessions, [by.append])
    assert not by


def test_an_error_on_another_session_is_raised_here() -> None:
    """It reaches the caller, and nothing more is begun."""
    own, other = FakeSession(), FakeSession()
    failed = threading.Event()
    done: list[Any] = []

    def job(session: Any) -> None:
        if session is other:
            failed.set()
            raise RuntimeError("a conflict")
        assert failed.wait(60)
        done.append(session)

    sessions: Any = [own, other]
    with pytest.raises(RuntimeError, match="a conflict"):
        share_out(sessions, [job] * 50)
    assert len(done) <= 2


def test_an_error_here_cancels_what_the_others_are_at() -> None:
    """Nobody waits for a query whose answer is of no use any more."""
    own, other = FakeSession(), FakeSession()
    begun = threading.Event()

    def job(session: Any) -> None:
        if session is own:
            assert begun.wait(60)
            raise KeyboardInterrupt
        begun.set()
        assert other.cancelled.wait(60)

    sessions: Any = [own, other]
    with pytest.raises(KeyboardInterrupt):
        share_out(sessions, [job, job])


@pytest.mark.timeout(60)
def test_an_interruption_ends_the_wait_for_the_others() -> None:
    """Ctrl-C cancels what they are at, whichever thread the signal wakes."""
    own, other = FakeSession(), FakeSession()
    begun, done = threading.Event(), threading.Event()

    def job(session: Any) -> None:
        if session is own:
            assert begun.wait(60)
            done.set()
            return
        begun.set()
        until(done.is_set)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        assert other.cancelled.wait(30)

    sessions: Any = [own, other]
    with pytest.raises(KeyboardInterrupt):
        share_out(sessions, [job, job])
    assert other.cancelled.is_set()
