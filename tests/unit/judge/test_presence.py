"""How many events are overdue: by hour and weekday, in bursts and batches, of young streams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from engine_criteria import CRITERIA
from gonogo.criteria.entries import Presence
from gonogo.judge.finding import judge
from gonogo.judge.presence import silence_of
from gonogo.model.finding import Finding, Silence
from gonogo.model.kinds import Environment, Outcome, Reason, Role
from gonogo.model.limit import parse_limit
from gonogo.model.measurement import Measurement, Stream

# A Thursday at noon.
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
DAYS_8 = 192
Rate = Callable[[datetime], int]


def stream(
    rate: Rate, *, silent_h: float = 0, known_h: int = DAYS_8, until: datetime = NOON
) -> Stream:
    """A stream of so many events an hour, evenly spread, up to some hours ago."""
    last_at = until - timedelta(hours=silent_h, seconds=1)
    hours, firsts, lasts = [], [], []
    for number in range(DAYS_8):
        start = until - timedelta(hours=number + 1)
        n = rate(start) if number < known_h and start < last_at else 0
        end = min(3599, int((last_at - start).total_seconds()))
        hours.append(n)
        firsts.append(3600 // (2 * n) if n else 0)
        lasts.append(min(end, 3600 - 3600 // (2 * n)) if n else 0)
    return Stream(until, last_at, tuple(hours), tuple(firsts), tuple(lasts), 48)


def silence(rate: Rate, **how: float | datetime) -> Silence:
    """How such a stream's silence is judged."""
    found = silence_of(stream(rate, **how))  # type: ignore[arg-type]  # floats and moments by name
    assert found is not None
    return found


def by_day(at: datetime) -> int:
    """Forty an hour by day, two by night."""
    return 40 if 7 <= at.hour < 23 else 2


def on_working_days(at: datetime) -> int:
    """A third of that on weekends."""
    return by_day(at) if at.weekday() < 5 else by_day(at) // 3


def test_what_is_usual_at_these_hours_is_overdue() -> None:
    """Five silent hours of a Thursday morning, forty events in each."""
    found = silence(by_day, silent_h=5)
    assert found.usual == 40
    assert found.overdue == 200
    assert found.independent >= 200


def test_a_night_is_judged_as_a_night() -> None:
    """Two events an hour: in three hours six are overdue, and chance does the rest."""
    at_six = NOON.replace(hour=6)
    found = silence(by_day, silent_h=3, until=at_six)
    assert found.overdue == 6
    assert found.independent < 20


@pytest.mark.parametrize(("day", "usual"), [(12, 40), (14, 13), (15, 13), (16, 40)])
def test_a_day_has_the_level_of_the_same_day_of_last_week(day: int, usual: int) -> None:
    """Thursday, Saturday, Sunday, and the Monday after."""
    found = silence(on_working_days, silent_h=2, until=NOON.replace(day=day))
    assert found.usual == pytest.approx(usual, rel=0.15)


def test_a_first_weekend_is_taken_for_a_third() -> None:
    """Where only working days are known."""
    saturday = NOON.replace(day=14)
    found = silence(on_working_days, silent_h=2, known_h=60, until=saturday)
    assert found.usual == pytest.approx(13, rel=0.15)


def test_a_burst_counts_as_one_event_however_many_rows_it_holds() -> None:
    """A job that runs at six and at eighteen did not: one event is overdue, not five hundred."""
    found = silence(lambda at: 500 if at.hour in {6, 18} else 0, silent_h=17)
    assert found.overdue == 500
    assert found.independent < 20


def test_rows_that_all_come_at_every_run_of_a_job_count_once() -> None:
    """Forty rows at each full hour: after 50 minutes all is well, after 30 hours nothing is."""
    at_once = stream(lambda _: 40, silent_h=0)
    batches = Stream(
        NOON, NOON - timedelta(minutes=50), at_once.hours, (600,) * 192, (601,) * 192, 48
    )
    found = silence_of(batches)
    assert found is not None
    assert found.independent < 20
    hours = (0,) * 30 + at_once.hours[30:]
    longer = Stream(
        NOON, NOON - timedelta(hours=30, minutes=50), hours, (600,) * 192, (601,) * 192, 48
    )
    found = silence_of(longer)
    assert found is not None
    assert found.independent >= 20


def test_hours_of_which_nothing_is_known_may_be_night() -> None:
    """A database of eleven hours by day, silent for the next four: two an hour, not forty."""
    late = NOON.replace(hour=22)
    found = silence(by_day, silent_h=4, known_h=15, until=late)
    assert found.usual == 2
    assert found.independent < 20


def test_two_events_say_nothing_of_a_rate() -> None:
    """A stream that hardly ever had an event is not overdue for days."""
    rare = {NOON - timedelta(hours=150), NOON - timedelta(hours=120)}
    found = silence(lambda at: int(at in rare), silent_h=110)
    assert found.independent < 8


def judged(streams: dict[str, Stream], critical: str | None = "> 26 h") -> Finding:
    """What the check says of these streams."""
    metric = CRITERIA.metrics["sync.success_rate"].model_copy(
        update={"presence": Presence(critical=parse_limit(critical) if critical else None)}
    )
    measurement = Measurement(metric.id, value=None, count=None, streams=streams)
    counted = Measurement(metric.id, value=parse_limit("> 0").first.bound, streams=streams)
    assert (
        judge(Role.PRESENCE, metric, measurement, CRITERIA.rules, Environment.STAGING).reason
        is Reason.NO_DATA
    )
    return judge(Role.PRESENCE, metric, counted, CRITERIA.rules, Environment.STAGING)


def test_the_part_of_which_most_is_overdue_is_named() -> None:
    """However well the whole flows."""
    found = judged({"": stream(by_day), "a": stream(by_day), "b": stream(by_day, silent_h=9)})
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.OVERDUE)
    assert (found.figures.part, found.figures.since) == ("b", NOON - timedelta(hours=9, seconds=1))


def test_past_the_longest_silence_it_is_critical_however_little_is_overdue() -> None:
    """The limit is absolute; without one, only what is overdue counts."""
    rare = stream(lambda at: int(at.hour == 3), silent_h=27)
    assert judged({"": rare}).outcome is Outcome.CRITICAL
    assert judged({"": rare}, critical=None).outcome is Outcome.MET


def test_what_never_came_is_no_pass() -> None:
    """Of the whole, or of a part that is there."""
    empty = Stream(NOON, None, (), (), (), 48)
    for streams, part in (({"": empty}, ""), ({"": stream(by_day), "b": empty}, "b")):
        found = judged(streams)
        assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NEVER_CAME)
        assert found.figures.part == part
