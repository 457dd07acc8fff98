"""The order of writing: which delays are a wrong clock's, and which are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import postgast
import pytest
from postgast import nodes

from gonogo.criteria import Metric
from gonogo.measure.surveys import Table
from gonogo.measure.written import write_order
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark, Window
from gonogo.postgres.parser.columns import numbered
from gonogo.postgres.parser.trees import parse

END = datetime(2030, 1, 2, 12, tzinfo=UTC)
BEGAN = datetime(2030, 1, 2, 10)  # noqa: DTZ001  # as the columns hold it
METRIC = Metric.model_validate(
    {
        "id": "db.write_order",
        "title": "t",
        "kind": "quantity",
        "survey": "written",
        "derived": "write_order",
    }
)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
Row = dict[str, object]
PLAIN: Row = {"source": "syncs", "age": None, "plain": True, "newest": 100, "reached": 100}


def rows(delays: Iterable[timedelta], step: timedelta = MINUTE, **more: object) -> list[Row]:
    """One row for each transaction, a step after the one before, with these delays."""
    moments = [(BEGAN + number * step, delay) for number, delay in enumerate(delays)]
    return [
        {
            "source": "syncs",
            "age": len(moments) - number,
            "n": 1,
            "first_at": moment - delay,
            "last_at": moment - delay,
            "written_at": None,
            **more,
        }
        for number, (moment, delay) in enumerate(moments)
    ]


def found(written: Iterable[Row], facts: Row = PLAIN, hours: int = 48) -> Measurement:
    """What is measured in the window that ends at noon."""
    window = Window(hours * HOUR, END - hours * HOUR, END, None)
    return write_order(METRIC, {"written": Table((*written, facts))}, window)


def of_two(delay: timedelta, *, times: int = 60) -> list[timedelta]:
    """Two writers in turns, one of them behind."""
    return [delay if number % 2 else timedelta() for number in range(times)]


@pytest.mark.parametrize("delay", [15 * MINUTE, 5 * HOUR, 11 * HOUR, 9 * 365 * 24 * HOUR])
def test_half_of_the_writers_are_behind(delay: timedelta) -> None:
    """The delay is known to the minutes between three rows, however long it is."""
    measured = found(rows(of_two(delay)))
    assert measured.value is not None
    assert abs(float(measured.value) - delay.total_seconds()) < 6 * 60
    assert [note.says for note in measured.notes] == [Says.WRITTEN_LATE]


def test_writers_that_are_on_time_are_not_behind() -> None:
    """A transaction that began two minutes before it wrote is on time."""
    measured = found(rows([2 * MINUTE, timedelta(), MINUTE] * 30, timedelta(seconds=20)))
    assert measured.value == 0
    assert not measured.notes


def test_one_odd_row_makes_no_other_late() -> None:
    """A row from an hour ahead is the latest for an hour, and nobody is measured by it."""
    delays = [timedelta()] * 60
    delays[5] = -HOUR
    assert found(rows(delays)).value == 0


def test_a_flush_after_an_outage_is_no_clock() -> None:
    """Forty rows of eight minutes, written within seconds five hours later."""
    flushed = [5 * HOUR - number * timedelta(seconds=12) for number in range(40)]
    measured = found(rows([*[timedelta()] * 40, *flushed], timedelta(seconds=40)))
    assert measured.value == 0
    assert measured.notes == (Remark(Says.BACKFILLED, number=40),)


def test_a_backfill_beside_a_wrong_clock_hides_it_not() -> None:
    """Of 120 late rows the 40 that share five hours stand out."""
    spread = [number * 17 * MINUTE + 3 * MINUTE for number in range(80)]
    mixed = [
        x for n in range(40) for x in (timedelta(), 5 * HOUR, spread[2 * n], spread[2 * n + 1])
    ]
    measured = found(rows(mixed, timedelta(seconds=30)))
    assert measured.value is not None
    assert abs(float(measured.value) - 5 * 3600) < 6 * 60


def test_commit_timestamps_tell_of_all_writers() -> None:
    """Where all writers are behind alike, only the server knows better."""
    behind = rows([5 * HOUR] * 60)
    assert found(behind).value == 0
    known = [{**row, "written_at": BEGAN + number * MINUTE} for number, row in enumerate(behind)]
    assert found(known).value == 5 * 3600


def test_what_was_written_before_the_window_does_not_count() -> None:
    """A clock that was set right since is no fault of this window."""
    repaired = [*of_two(5 * HOUR), *[timedelta()] * 60]
    assert found(rows(repaired)).value != 0
    assert found(rows(repaired), hours=1).value == 0


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({**PLAIN, "plain": False}, Remark(Says.ORDER_UNKNOWN, "syncs")),
        ({**PLAIN, "plain": None}, Remark(Says.ORDER_UNKNOWN, "syncs")),
        ({**PLAIN, "reached": 9}, Remark(Says.ORDER_REUSED, "syncs")),
    ],
)
def test_an_unknown_order_is_left_out(facts: Row, why: Remark) -> None:
    """Never guessed: the reason is said."""
    assert found(rows(of_two(5 * HOUR)), facts).left_out == why
    known = {**PLAIN, "source": "others"}
    other = rows([timedelta()] * 60, source="others")
    measured = found([*rows(of_two(5 * HOUR)), known, *other], facts)
    assert measured.left_out is None
    assert measured.value == 0
    assert measured.notes == (why,)


def test_on_a_cluster_nothing_is_asked() -> None:
    """Without any row the order is unknown."""
    window = Window(HOUR, END - HOUR, END, None)
    measured = write_order(METRIC, {"written": Table()}, window)
    assert measured.left_out == Remark(Says.ORDER_UNKNOWN, "a cluster's table")


def test_places_are_read_of_a_streams_own_heap() -> None:
    """Of a partition or a compressed chunk they would say nothing, and some have none to read."""
    survey = Path(__file__).parents[3] / "checks" / "sql" / "written.sql"
    tree = postgast.wrap(parse(numbered(survey.read_text("utf-8"))))
    walked = [one for _, one in postgast.walk_typed(tree)]
    streams = {"sync_metrics", "webhook_notifications"}
    tables = [one for one in walked if isinstance(one, nodes.RangeVar) and one.relname in streams]
    assert tables
    assert not any(one.inh for one in tables)
