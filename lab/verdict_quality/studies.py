"""The studies: each plays seeded traffic many times and counts what the gate makes of it.

A study is a list of cells that do not depend on each other, so they may run side by side.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np

from gonogo.criteria import Criteria
from gonogo.model.kinds import VerdictKind
from gonogo.model.measurement import Count
from lab.verdict_quality.incidents import COURSES, INCIDENTS
from lab.verdict_quality.looking import Looker, load
from lab.verdict_quality.shapes import constant, in_one, sudden
from lab.verdict_quality.tally import Look, Tally
from lab.verdict_quality.traffic import (
    CALENDAR_SHARE,
    INTEGRATIONS,
    WINDOW_H,
    Happened,
    Traffic,
    happen,
)

SEED = 20_261
RATES = (0.65, 0.70, 0.75, 0.80, 0.84, 0.88, 0.90, 0.92, 0.94, 0.97, 0.99)
VOLUMES = (10, 20, 50, 100, 200, 500, 2_000, 10_000)
FEWER_VOLUMES = (50, 200, 1_000, 5_000)
WEEK_H = 168
SOAKED_H = 60
WATCHED_H = 48
INTO_H = 6
OUTAGE_WINDOWS_H = (1, 3, 6, 12, 24, 48)
ENOUGH = 5
# What an outage strikes, beside the integrations, which have numbers from 0 on.
WHOLE, NOTIFICATIONS = -1, len(INTEGRATIONS)
SMALL = Traffic(syncs=120, notifications=140, new_users=10, users=20)


@cache
def known(*metrics: str, before: bool = False) -> Criteria:
    """The criteria, read once; see `load`."""
    return load(*metrics, before=before)


def runs_of(name: str, runs: int) -> Iterator[np.random.Generator]:
    """A source of chance for each run of a cell: the same name and number, the same traffic."""
    return (np.random.default_rng([SEED, zlib.crc32(name.encode()), run]) for run in range(runs))


def at_rate(metric: str, course: str, rate: float, volume: int, runs: int) -> Tally:
    """One look at 48 hours of a metric whose mean rate is given; all else is in order."""
    rates = COURSES[course](rate)
    traffic = (
        Traffic(syncs=volume, new_users=0, sync=rates)
        if metric.startswith("sync")
        else Traffic(syncs=0, notifications=volume, new_users=0, webhook=rates)
    )
    return _looks(f"{metric} {course} {rate} {volume}", traffic, runs, metric)


def in_one_part(rate: float, volume: int, runs: int) -> Tally:
    """One look at contacts of some volume and rate beside a thousand good calendar syncs."""
    syncs = 1_000 + volume
    traffic = Traffic(
        syncs=syncs, new_users=0, calendar_share=1_000 / syncs, sync=in_one(rate, 1, healthy=0.97)
    )
    return _looks(f"part {rate} {volume}", traffic, runs, "sync.success_rate")


def near_target(course: str, runs: int) -> Tally:
    """All rates two points above their targets, 2,000 events of each; every rule together."""
    traffic = Traffic(
        syncs=2_000,
        notifications=2_000,
        new_users=2_000,
        users=400,
        sync=COURSES[course](0.92),
        webhook=COURSES[course](0.97),
        onboarding=0.982,
    )
    return _looks(f"near {course}", traffic, runs)


def _looks(name: str, traffic: Traffic, runs: int, *metrics: str) -> Tally:
    return Tally.of(
        look(happen(traffic, WINDOW_H, rng), WINDOW_H, *metrics) for rng in runs_of(name, runs)
    )


def look(happened: Happened, at_h: int, *metrics: str, window_h: int = WINDOW_H) -> Look:
    """What the gate says, and whether it was GO before and by the old monitors."""
    looker = Looker(happened, known(*metrics))
    verdict = looker.verdict(at_h, window_h)
    # What was added can only take a GO away.
    before = Looker(happened, known(*metrics, before=True))
    was_go = verdict is VerdictKind.GO or before.is_go(at_h, window_h)
    return Look(verdict, looker.old_go(at_h, window_h), was_go)


def detection(incident: str, volume: int, runs: int) -> list[tuple[float, float, float]]:
    """Hours from an incident's begin to the first hourly look that is not GO, red, and old red."""
    rates = INCIDENTS[incident].rates(SOAKED_H)
    traffic = Traffic(syncs=volume, new_users=0, sync=rates)
    return [
        _detected(Looker(happen(traffic, SOAKED_H + WATCHED_H, rng), known("sync.success_rate")))
        for rng in runs_of(f"detection {incident} {volume}", runs)
    ]


def during(incident: str, volume: int, runs: int) -> Tally:
    """One look some hours after an incident has begun."""
    rates = INCIDENTS[incident].rates(SOAKED_H)
    traffic = Traffic(syncs=volume, new_users=0, sync=rates)
    at_h = SOAKED_H + INTO_H
    return Tally.of(
        look(happen(traffic, at_h, rng), at_h, "sync.success_rate")
        for rng in runs_of(f"during {incident} {volume}", runs)
    )


def _detected(looker: Looker) -> tuple[float, float, float]:
    """Infinity where it was never seen."""
    first = {"open": np.inf, "red": np.inf, "old": np.inf}
    for hour in range(1, WATCHED_H + 1):
        verdict = looker.verdict(SOAKED_H + hour)
        seen = {
            "open": verdict is not VerdictKind.GO,
            "red": verdict in {VerdictKind.NO_GO, VerdictKind.ROLLBACK},
            "old": not looker.old_go(SOAKED_H + hour),
        }
        first |= {what: hour for what, is_seen in seen.items() if is_seen and first[what] > hour}
        if max(first.values()) < np.inf:
            break
    return first["open"], first["red"], first["old"]


def outages(runs: int) -> Tally:
    """Looks at total outages of random size, place, beginning and window, five events old."""
    return Tally.of(one for rng in runs_of("outages", runs) for one in _outage(rng))


def _outage(rng: np.random.Generator) -> Iterator[Look]:
    onset = float(rng.uniform(2, 96))
    stricken = int(rng.integers(WHOLE, NOTIFICATIONS + 1))
    volume = float(np.exp(rng.uniform(np.log(20), np.log(5_000))))
    happened = happen(_stricken(stricken, onset, volume, rng), WEEK_H, rng)
    stream = happened.notifications if stricken == NOTIFICATIONS else happened.syncs
    every = stricken in {WHOLE, NOTIFICATIONS}
    failing = stream.at[(stream.at >= onset) & (every | (stream.part == stricken))]
    window = int(rng.choice(np.array(OUTAGE_WINDOWS_H)))
    if len(failing) < ENOUGH:
        return
    # Now at once, when the evidence is thinnest, now later, when the window may hold nothing else.
    least = max(int(failing[ENOUGH - 1]) + 1, window)
    if least <= WEEK_H:
        hour = int(rng.choice(np.array([least, rng.integers(least, WEEK_H + 1)])))
        yield look(happened, hour, window_h=window)


def _stricken(what: int, onset: float, volume: float, rng: np.random.Generator) -> Traffic:
    """Traffic that is healthy up to an hour, from which on all of a stream or integration fails."""
    share = float(rng.choice(np.array([0.1, CALENDAR_SHARE, 0.9])))
    if what == NOTIFICATIONS:
        return Traffic(notifications=volume, new_users=10, webhook=sudden(0.0, onset))
    rates = sudden(0.0, onset) if what == WHOLE else in_one(0.0, what, onset)
    return Traffic(syncs=volume, new_users=10, sync=rates, calendar_share=share)


def small_staging(runs: int) -> tuple[list[float], Count]:
    """The hours at which a healthy small staging first is GO, and the runs that rolled back."""
    first, rolled_back = [], 0
    for rng in runs_of("small staging", runs):
        looker = Looker(happen(SMALL, WEEK_H, rng), known())
        rolled_back += any(looker.rolls_back(hour) for hour in range(1, WATCHED_H + 1))
        hours = range(WINDOW_H, WEEK_H + 1)
        first.append(next((float(hour) for hour in hours if looker.is_go(hour)), np.inf))
    return first, Count(rolled_back, runs)


def polling(volume: int, runs: int) -> dict[str, Count]:
    """Sync exactly at its critical level, looked at once, or every hour for the rest of a week."""
    counts = dict.fromkeys(("once", "polled", "old once", "old polled", "looks"), 0)
    traffic = Traffic(syncs=volume, new_users=0, sync=constant(0.8))
    for rng in runs_of(f"polling {volume}", runs):
        looker = Looker(happen(traffic, WEEK_H, rng), known("sync.success_rate"))
        hours = range(WINDOW_H, WEEK_H + 1)
        go, old = ([asked(hour) for hour in hours] for asked in (looker.is_go, looker.old_go))
        counts["once"] += go[0]
        counts["polled"] += any(go)
        counts["looks"] += sum(go)
        counts["old once"] += old[0]
        counts["old polled"] += any(old)
    looks = {"looks": runs * (WEEK_H - WINDOW_H + 1)}
    return {name: Count(k, looks.get(name, runs)) for name, k in counts.items()}
