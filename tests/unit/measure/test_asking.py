"""One survey, asked in pieces."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.measure import surveys
from gonogo.measure.asking import SLICES_A_JOB, Asking
from gonogo.measure.slices import Slice
from gonogo.measure.surveys import LOST, Survey, Table
from saying import team

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
