"""What the simulated writers come to, whose clocks are right or wrong."""

from __future__ import annotations

import pytest

from gonogo.model.measurement import Count
from lab.verdict_quality.clocks import HEALTHY_WRITERS, WRONG_WRITERS, Writers, found_late

RUNS = 10


@pytest.mark.parametrize("title", [one.title for one in HEALTHY_WRITERS])
def test_right_clocks_hold_no_verdict(title: str) -> None:
    """Neither long jobs nor a backfill look like a wrong clock."""
    assert found_late(title, RUNS) == Count(0, RUNS)


@pytest.mark.parametrize("title", [one.title for one in WRONG_WRITERS if one.share < 1])
def test_some_wrong_clocks_are_found(title: str) -> None:
    """Beside right ones they are found, few or many."""
    assert found_late(title, RUNS) == Count(RUNS, RUNS)


@pytest.mark.parametrize("one", [one for one in WRONG_WRITERS if one.share == 1])
def test_clocks_that_are_wrong_alike_are_found_by_commit_timestamps(one: Writers) -> None:
    """Without these the order of writing says nothing about them."""
    held = found_late(one.title, RUNS)
    assert held.k == (RUNS if one.committed else 0)
