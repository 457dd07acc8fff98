"""Jobs, shared out over sessions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from gonogo.measure.sharing import share_out


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
