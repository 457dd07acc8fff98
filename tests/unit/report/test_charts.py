"""The geometry of charts."""

from datetime import UTC, datetime, timedelta

import pytest

from gonogo.model.limit import Interval
from gonogo.model.measurement import Count, HourCount, Measurement, Window
from gonogo.report.answers import Answer
from gonogo.report.cards import levels_of, scale
from gonogo.report.charts import Level, hourly_chart
from records_by_hand import one

DAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(hours: float) -> datetime:
    """A moment of the day."""
    return DAY + timedelta(hours=hours)


def series(*counts: tuple[int, int] | None) -> Measurement:
    """Hours from 10:00 on; None leaves one out of the series."""
    hourly = tuple(
        HourCount(at(10 + index), Count(*count)) for index, count in enumerate(counts) if count
    )
    return Measurement("a", hourly=hourly)


def window(start: datetime, end: datetime, deployed_at: datetime | None = None) -> Window:
    """What is judged."""
    return Window(end - start, start, end, deployed_at)


def rate(role: str, limit: str) -> Answer:
    """A finding on 97 of 100, with its interval."""
    return one("a", role=role, limit=limit, interval=Interval(0.95, 0.98))


def test_a_gap_breaks_the_line_and_is_marked() -> None:
    """Whether an hour counts nothing or is missing altogether."""
    chart = hourly_chart(series((9, 10), (0, 0), None, (8, 10)), (), None)
    assert chart
    assert chart.path.count("M") == 2
    assert [(gap.x, gap.width) for gap in chart.gaps] == [(10, 20)]
    assert "No data: 23 Nov 11:00 to 23 Nov 13:00." in chart.summary


def test_the_axis_covers_the_whole_window() -> None:
    """Hours before the first and after the last count are gaps too."""
    chart = hourly_chart(series((9, 10), (9, 10)), (), window(at(8.5), at(13)))
    assert chart
    assert chart.width == 50
    assert [(gap.x, gap.width) for gap in chart.gaps] == [(0, 20), (40, 10)]


def test_hours_that_end_with_the_window_are_no_clock_hours() -> None:
    """A window's oldest hour may be shorter; it takes one place like every other."""
    begun = at(10.675)
    starts = (begun, at(11.25), at(12.25))
    hourly = tuple(HourCount(start, Count(9, 10)) for start in starts)
    judged = window(begun, at(13.25), begun)
    chart = hourly_chart(Measurement("a", hourly=hourly), (), judged)
    assert chart
    assert chart.width == 30
    assert chart.gaps == ()
    assert chart.deployed_at == pytest.approx(14.17)


def test_no_data_is_no_chart() -> None:
    """An empty series draws nothing rather than a flat line."""
    assert hourly_chart(series(), (), None) is None
    assert hourly_chart(series((0, 0)), (), None) is None


@pytest.mark.parametrize("share", [0, 5, 10])
def test_a_flat_rate_has_an_axis_within_percent(share: int) -> None:
    """Also at 0 % and 100 %."""
    chart = hourly_chart(series((share, 10)), (), None)
    assert chart
    labels = [int(line.label.split()[0]) for line in chart.grid]
    assert 0 <= labels[0] < labels[-1] <= 100


def test_limits_are_read_from_how_findings_write_them() -> None:
    """The objective, both ends of a band, the critical level, the trigger."""
    limits = [
        ("criterion", "70 % .. 85 %"),
        ("alert", "warning < 90 %, critical < 80 %"),
        ("alert", "warning > 13 h"),
        ("trigger", "< 70.5 %"),
    ]
    found = levels_of([rate(role, limit) for role, limit in limits])
    assert found == (
        Level("objective", "70 % .. 85 %", 0.7),
        Level("objective", "70 % .. 85 %", 0.85),
        Level("critical", "critical < 80 %", 0.8),
        Level("rollback", "rollback < 70.5 %", 0.705),
    )


def test_a_limit_far_from_the_data_does_not_flatten_the_chart() -> None:
    """The objective is always drawn, the critical level only when the rate comes near."""
    levels = (Level("objective", "> 95 %", 0.95), Level("critical", "critical < 80 %", 0.8))
    healthy = hourly_chart(series((99, 100)), levels, None)
    ill = hourly_chart(series((99, 100), (82, 100)), levels, None)
    assert healthy
    assert ill
    assert [line.kind for line in healthy.levels] == ["objective"]
    assert [line.kind for line in ill.levels] == ["objective", "critical"]


def test_an_interval_lies_on_its_scale_in_order() -> None:
    """Limit, low end, value, high end from left to right, all within the scale."""
    drawn = scale([rate("criterion", "> 90 %")])
    assert drawn
    assert 0 <= drawn.marks[0].at < drawn.low < drawn.value < drawn.high <= 100
    assert drawn.marks[0].label == "90 %"


@pytest.mark.parametrize(
    ("role", "limit", "zones"),
    [
        ("criterion", "> 90 %", [("below", "bad")]),
        ("criterion", "< 5 %", [("above", "bad")]),
        ("criterion", "70 % .. 85 %", [("below", "bad"), ("above", "bad")]),
        ("alert", "warning < 90 %, critical < 80 %", [("below", "warning"), ("below", "critical")]),
        ("alert", "warning > 10 %, critical > 20 %", [("above", "warning"), ("above", "critical")]),
        ("trigger", "< 70 %", [("below", "worst")]),
        ("trigger", "> 10 %", [("above", "worst")]),
    ],
)
def test_the_scale_shows_where_a_limit_is_not_met(
    role: str, limit: str, zones: list[tuple[str, str]]
) -> None:
    """Outside an objective; past a level, on the side to which it points."""
    drawn = scale([rate(role, limit)])
    assert drawn
    told = [("below" if zone.at == 0 else "above", zone.tone) for zone in drawn.zones]
    assert told == zones
    assert all(zone.width > 0 for zone in drawn.zones)


def test_labels_of_limits_do_not_run_into_one_another() -> None:
    """Of two that lie close together the second goes without: the column beside it has both."""
    drawn = scale([rate("alert", "warning < 81 %, critical < 80 %")])
    assert drawn
    assert [mark.label for mark in drawn.marks] == ["80 %", ""]


def test_one_scale_shows_all_levels_of_a_metric() -> None:
    """Objective, warning, critical and trigger; what weighs most is painted last."""
    asked = [
        rate("trigger", "< 70 %"),
        rate("criterion", "> 90 %"),
        rate("alert", "warning < 90 %, critical < 80 %"),
    ]
    drawn = scale(asked)
    assert drawn
    assert [mark.label for mark in drawn.marks] == ["70 %", "80 %", "90 %"]
    assert [zone.tone for zone in drawn.zones] == ["bad", "warning", "critical", "worst"]
