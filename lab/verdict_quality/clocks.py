"""Clocks of writers: what the rates see of an incident whose rows carry the wrong hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from lab.verdict_quality import shapes
from lab.verdict_quality.shapes import Rates
from lab.verdict_quality.studies import INTO_H, SOAKED_H, look, runs_of
from lab.verdict_quality.tally import Tally
from lab.verdict_quality.traffic import Events, Happened, Traffic, happen

SYNC = "sync.success_rate"
# What share of the users' rows is written by so many hours behind the server's clock.
FAULTS: Mapping[str, tuple[float, float]] = {
    "right": (0.0, 0.0),
    "all five hours behind": (1.0, 5.0),
    "half of them eleven hours behind": (0.5, 11.0),
    "half of them eleven hours ahead": (0.5, -11.0),
}
BROKEN: Mapping[str, Callable[[float], Rates]] = {
    "nothing": lambda _hour: shapes.constant(shapes.HEALTHY),
    "every sync fails": lambda hour: shapes.sudden(0.0, hour),
    "one in five fails": lambda hour: shapes.sudden(0.8, hour),
}


def clocked(fault: str, broken: str, runs: int) -> Tally:
    """One look six hours after an incident among 1,000 syncs in 48 hours.

    Args:
        fault: A key of `FAULTS`.
        broken: A key of `BROKEN`.
        runs: How many looks.
    """
    at_h = SOAKED_H + INTO_H
    traffic = Traffic(new_users=0, sync=BROKEN[broken](SOAKED_H))
    share, behind_h = FAULTS[fault]
    return Tally.of(
        look(_written(happen(traffic, at_h, rng), share, behind_h), at_h, SYNC)
        for rng in runs_of(f"clocks {fault} {broken}", runs)
    )


def _written(happened: Happened, share: float, behind_h: float) -> Happened:
    """The same syncs with the times that their writers gave them; none before the deployment."""
    syncs = happened.syncs
    wrong = syncs.user % 100 < share * 100
    at = np.maximum(syncs.at - behind_h * wrong, 0.0)
    order = np.argsort(at, kind="stable")
    events = Events(at[order], syncs.good[order], syncs.part[order], syncs.user[order])
    return replace(happened, hours=happened.hours + int(max(0.0, -behind_h)), syncs=events)
