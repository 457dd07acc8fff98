"""A window, cut into hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gonogo.measure.surveys import cut, hours, starts
from gonogo.model.measurement import Window

END = datetime(2026, 11, 23, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def window(covered: timedelta) -> Window:
    """One that covers so much."""
    return Window(covered, END - covered, END)


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=30)))
def test_hours_cover_the_window_without_gap_or_overlap(covered: timedelta) -> None:
    """Each begins where the one before ends, only the oldest may be shorter, none is empty."""
    slices = hours(window(covered))
    assert slices[0][0] == END - covered
    assert slices[-1][1] == END
    assert all(before[1] == after[0] for before, after in pairwise(slices))
    assert all(end - start == HOUR for start, end in slices[1:])
    assert timedelta() < slices[0][1] - slices[0][0] <= HOUR


def test_48_hours_are_48_slices() -> None:
    """A whole window has no short one."""
    assert len(hours(window(timedelta(hours=48)))) == 48


def test_an_empty_window_has_no_slice() -> None:
    """Right after the deployment nothing is asked."""
    assert hours(window(timedelta())) == ()


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=30)), st.integers(1, 48))
def test_hours_of_wide_slices_are_the_windows_hours(covered: timedelta, wide: int) -> None:
    """However wide the slices are, their hours start when the window's hours do."""
    slices = cut(window(covered), wide * HOUR)
    of_slices = [start for piece in slices for start in starts(piece)]
    assert of_slices == [start for start, _ in hours(window(covered))]
