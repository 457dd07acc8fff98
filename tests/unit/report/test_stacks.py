"""Hourly counts by name, and a rate in the space of a word."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.model.measurement import Count, HourCount, Measurement, Window
from gonogo.report.axes import Level
from gonogo.report.charts import STACK_HEIGHT, hours_of, spark
from gonogo.report.timeline import SPARK_HEIGHT

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
BLOCK = re.compile(r"M(\d+) ([\d.]+)h9v-([\d.]+)h-9z")


def measurement(*hours: tuple[int, int], **parts: list[int]) -> Measurement:
    """Hours from 10:00 on, and what each consists of."""
    hourly = tuple(HourCount(TEN + index * HOUR, Count(*one)) for index, one in enumerate(hours))
    told = {name: tuple(counts) for name, counts in parts.items()}
    return Measurement("a", hourly=hourly, hourly_parts=told)


def blocks(path: str) -> list[tuple[float, ...]]:
    """Left, bottom and height of each block."""
    return [tuple(map(float, found)) for found in BLOCK.findall(path)]


def test_parts_of_k_are_drawn_as_shares_of_n() -> None:
    """The blocks of an hour stand upon each other, the largest name lowest."""
    drawn = hours_of(measurement((80, 100), (10, 50), small=[20, 0], large=[60, 10]), (), None)
    assert drawn
    assert drawn.stack
    large, small = drawn.stack.layers
    assert drawn.stack.is_share
    assert (large.name, large.total, small.name) == ("large", 70, "small")
    assert blocks(large.path) == [(0, STACK_HEIGHT, 50.4), (10, STACK_HEIGHT, 16.8)]
    assert blocks(small.path) == [(0, 33.6, 16.8)]


def test_parts_of_all_are_drawn_as_they_were_counted() -> None:
    """Against a round number that holds the fullest hour."""
    drawn = hours_of(measurement((1, 30), (2, 40), skipped=[29, 30], success=[1, 10]), (), None)
    assert drawn
    assert drawn.stack
    assert not drawn.stack.is_share
    assert [line.label for line in drawn.stack.grid] == ["0", "25", "50"]


def test_words_that_mean_something_keep_their_colour() -> None:
    """Whatever is more of them, a failure is never green."""
    drawn = hours_of(measurement((1, 9), failure=[5], success=[3], ignored=[1]), (), None)
    assert drawn
    assert drawn.stack
    tones = {layer.name: layer.tone for layer in drawn.stack.layers}
    assert tones == {"failure": 3, "success": 4, "ignored": 1}


def test_many_names_share_the_last_colour() -> None:
    """The legend tells them apart."""
    parts = {f"n{i}": [20 - i] for i in range(10)}
    drawn = hours_of(measurement((1, 400), **parts), (), None)
    assert drawn
    assert drawn.stack
    assert [layer.tone for layer in drawn.stack.layers] == [1, 2, 3, 4, 5, 6, 6, 6, 6, 6]


def test_parts_that_do_not_fit_the_hours_are_not_drawn() -> None:
    """Rather nothing than a count under the wrong hour."""
    drawn = hours_of(measurement((1, 2), (1, 2), a=[1]), (), None)
    assert drawn
    assert drawn.stack is None
    window = Window(4 * HOUR, TEN - 2 * HOUR, TEN + 2 * HOUR)
    wider = hours_of(measurement((1, 2), (1, 2), a=[1, 1]), (), window)
    assert wider
    assert wider.stack is None


def test_what_no_limit_stands_on_is_told_by_its_parts() -> None:
    """Its share of all says nothing that they do not."""
    told = measurement((1, 2), a=[1])
    free, limited = hours_of(told, (), None), hours_of(told, [Level("objective", "", 0.9)], None)
    assert free
    assert limited
    assert (free.is_limited, limited.is_limited) == (False, True)


def test_no_data_is_no_drawing() -> None:
    """Neither bars nor a line."""
    assert hours_of(measurement((0, 0), a=[0]), (), None) is None
    assert not spark(measurement((0, 0), (5, 9)), None)


def test_a_spark_breaks_where_there_is_no_data() -> None:
    """And stays within its box."""
    path = spark(measurement((9, 10), (8, 10), (0, 0), (1, 10)), None)
    assert path
    assert path.count("M") == 2
    heights = [float(y) for y in re.findall(r" ([\d.]+)", path)]
    assert 0 < min(heights) < max(heights) < SPARK_HEIGHT


@pytest.mark.parametrize("share", [0, 10])
def test_a_steady_rate_is_a_level_line(share: int) -> None:
    """A tenth of a percent does not fill the box."""
    path = spark(
        measurement((share * 100, 1000), (share * 100 + (1 if not share else -1), 1000)), None
    )
    assert path
    first, second = (float(y) for y in re.findall(r" ([\d.]+)", path))
    assert abs(first - second) < 1
