"""Falls: how soon a sudden one is seen, how often a healthy rate seems to fall, and the bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gonogo.judge.changes import fall_in
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Count, HourCount
from lab.verdict_quality import shapes
from lab.verdict_quality.incidents import CONTACTS
from lab.verdict_quality.looking import DEPLOYED, HOUR, Looker
from lab.verdict_quality.shapes import HEALTHY, Rates
from lab.verdict_quality.studies import SOAKED_H, WEEK_H, known, runs_of
from lab.verdict_quality.traffic import (
    INTEGRATIONS,
    WINDOW_H,
    Integers,
    Seasons,
    Traffic,
    happen,
    nights_and_weekends,
    wave,
)

SYNC, WEBHOOK = "sync.success_rate", "webhook.success_rate"
FALLEN = 0.80
WHEN = ("old", "before", "now")
INTO_H, WATCHED_H, DAY_H = 6, 48, 24
WHOLE, PART = "all syncs", "contacts syncs"
SEASONAL = "all syncs, nights at 5 % of the day's traffic"
FALLS: Mapping[str, tuple[Callable[[float], Rates], Seasons]] = {
    WHOLE: (lambda hour: shapes.sudden(FALLEN, hour), wave),
    PART: (lambda hour: shapes.in_one(FALLEN, CONTACTS, hour), wave),
    SEASONAL: (lambda hour: shapes.sudden(FALLEN, hour), nights_and_weekends),
}
# Healthy traffic of many kinds: none of it ever comes near its objective for long.
HEALTHY_TRAFFIC: Mapping[str, Traffic] = {
    "steady at 97 %": Traffic(new_users=0),
    "steady at 97 %, 5,000 syncs": Traffic(new_users=0, syncs=5_000),
    "nights at 5 %, weekends a third": Traffic(new_users=0, seasons=nights_and_weekends),
    "a daily wave of 94 to 100 %": Traffic(new_users=0, sync=shapes.daily(0.97)),
    "a daily wave of 92 to 98 %, 5,000 syncs": Traffic(
        new_users=0, syncs=5_000, sync=shapes.daily(0.95, 0.03)
    ),
    "failures in bursts, 97 % on average": Traffic(new_users=0, sync=shapes.bursts(0.97)),
}
# Rates since a change that importance sampling tries, and how long ago it may be.
TRIED = np.array([0.5, 0.7, 0.8, 0.85, 0.9])
TRIED_H = np.array([1, 2, 4, 8, 16, 32])


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of falls.

    Args:
        now_h: Hours until the first hourly look that is not GO.
        before_h: The same without the search for falls.
        go: Of looks six hours after the fall, how many were GO.
        go_before: The same without the search for falls.
        go_old: The same of the old monitors.
    """

    now_h: list[float]
    before_h: list[float]
    go: Count
    go_before: Count
    go_old: Count


def seen(what: str, volume: int, runs: int) -> Seen:
    """Let a rate of 97 % fall to 80 % at any hour of the day, and look every hour.

    Args:
        what: A key of `FALLS`.
        volume: Executed syncs in 48 hours.
        runs: How many falls.
    """
    first: tuple[list[float], list[float]] = ([], [])
    go = [0, 0, 0]
    rates, seasons = FALLS[what]
    for rng in runs_of(f"fall {what} {volume}", runs):
        onset = SOAKED_H + int(rng.integers(DAY_H))
        traffic = Traffic(syncs=volume, new_users=0, sync=rates(onset), seasons=seasons)
        happened = happen(traffic, onset + WATCHED_H, rng)
        for which, before in enumerate((False, True)):
            looker = Looker(happened, known(SYNC, before=before))
            looks = (h for h in range(1, WATCHED_H + 1) if not looker.is_go(onset + h))
            first[which].append(next(looks, math.inf))
            go[which] += looker.is_go(onset + INTO_H)
        go[-1] += looker.old_go(onset + INTO_H)
    return Seen(*first, *(Count(k, runs) for k in go))


def held(traffic: str, runs: int) -> dict[str, Count]:
    """Hourly looks at healthy traffic that are not GO, now and before, and those that see a fall.

    Args:
        traffic: A key of `HEALTHY_TRAFFIC`.
        runs: How many stretches of a week are looked at every hour from hour 48 on.
    """
    counts = dict.fromkeys(WHEN, 0)
    looks = range(WINDOW_H, WEEK_H + 1)
    for rng in runs_of(f"healthy {traffic}", runs):
        happened = happen(HEALTHY_TRAFFIC[traffic], WEEK_H, rng)
        now, before = (
            Looker(happened, known(SYNC, WEBHOOK, before=before)) for before in (False, True)
        )
        for hour in looks:
            was_go = before.is_go(hour)
            counts["before"] += not was_go
            # Without the search a look is GO wherever it is with it.
            counts["now"] += not (was_go and now.is_go(hour))
            counts["old"] += not now.old_go(hour)
    return {when: Count(k, runs * len(looks)) for when, k in counts.items()}


@dataclass(frozen=True, slots=True)
class Bound:
    """What a rule could reach at best that has as few false alarms at 97 %.

    Args:
        false_alarm: Of one look.
        least_h: Lorden's bound of the mean delay, in hours.
    """

    false_alarm: float
    least_h: float


def bound(volume: int, runs: int) -> Bound:
    """Lorden's bound: the logarithm of the events between false alarms, by the information of one.

    A false alarm is too rare to be counted: it is drawn from windows that fall somewhere, each
    weighed by how much less likely it is at a steady rate (importance sampling; D. Siegmund,
    "Importance sampling in the Monte Carlo study of sequential tests", Ann. Stat. 4 (1976)).

    Args:
        volume: Executed syncs in 48 hours.
        runs: How many windows are drawn.
    """
    asked = known(SYNC).metrics[SYNC].objective[Environment.STAGING]
    chance = known(SYNC).rules.fall_by_chance / (1 + len(INTEGRATIONS))
    weights = np.zeros(runs)
    for run, rng in enumerate(runs_of(f"bound {volume}", runs)):
        n = rng.poisson(volume / WINDOW_H * wave(np.arange(WINDOW_H) + rng.integers(DAY_H)))
        rates = np.full(WINDOW_H, HEALTHY)
        rates[-rng.choice(TRIED_H) :] = rng.choice(TRIED)
        k = rng.binomial(n, rates)
        hours = tuple(
            HourCount(DEPLOYED + i * HOUR, Count(*count))
            for i, count in enumerate(zip(k.tolist(), n.tolist(), strict=True))
        )
        if fall_in(hours, asked, chance):
            weights[run] = weight(k, n)
    # Each of the integrations is searched as well.
    false_alarm = float(weights.mean()) * (1 + len(INTEGRATIONS))
    information = _information(FALLEN, HEALTHY)
    hourly = volume / WINDOW_H
    return Bound(false_alarm, math.log(hourly / false_alarm) / information / hourly)


def weight(good: Integers, n: Integers) -> float:
    """How likely counts are at a steady rate, by how likely they are as these windows are drawn."""
    good, bad = (
        np.array([counts[-hours:].sum() for hours in TRIED_H])[:, None]
        for counts in (good, n - good)
    )
    likelier = good * np.log(TRIED / HEALTHY) + bad * np.log((1 - TRIED) / (1 - HEALTHY))
    return math.exp(math.log(likelier.size) - np.logaddexp.reduce(likelier, axis=None))


def _information(q: float, p: float) -> float:
    """The Kullback-Leibler divergence of two rates, in nats an event."""
    return q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
