"""Streams that flow and streams that stop, as they are simulated."""

from __future__ import annotations

import pytest

from lab.verdict_quality import absence
from lab.verdict_quality.studies import runs_of


@pytest.mark.parametrize("flow", absence.FLOWS, ids=lambda flow: flow.title)
def test_a_stream_has_its_events_a_day(flow: absence.Flow) -> None:
    """On a working day; a weekend has a third, where no job writes it."""
    rng = next(runs_of(flow.title, 1))
    at = flow.events(5, rng)
    assert len(at) == pytest.approx(5 * flow.daily, rel=0.25)
    assert (at[1:] >= at[:-1]).all()


def test_a_stream_that_flows_holds_seldom_and_one_that_stopped_is_missed() -> None:
    """Of 1,000 events a day; the later one looks, the fewer are GO."""
    flow = absence.Flow(1_000)
    held = absence.false_holds(flow, 1)
    assert held.k <= held.n / 100
    passed = absence.missed(flow, "eight days", 20)
    assert passed[20].k >= passed[30].k >= passed[40].k
    assert passed[30].k <= 2
