"""Absence: streams that flow and streams that stop, as the judge of a presence sees them.

A stream has a true rate by the hour: a daily wave, or a step, down to a twentieth by night; a third
on weekends. Events are Poisson, or come in clusters, or all at once at every run of a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from gonogo.judge.presence import silence_of
from gonogo.model.measurement import Count, Stream
from gonogo.report.markdown import table
from lab.verdict_quality.studies import runs_of
from lab.verdict_quality.tally import percent

Floats = npt.NDArray[np.float64]
# A Monday.
BEGUN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY_H, REACH_H = timedelta(hours=1), 24, 192
NIGHT, WEEKEND, SATURDAY = 0.05, 1 / 3, 5
MORNING, EVENING = 7, 23
OVERDUE_N = 20
DAYS, YOUNG_H = 21, 48
# Hours since the begin at which a stream stops: any time of the third week, or of the first.
STOPS = {"eight days": (14 * DAY_H, 21 * DAY_H), "two days": (2 * DAY_H, 9 * DAY_H)}
LATER = (20, 30, 40)
HEAD = """\
## Absence

Streams whose true rate falls to a twentieth by night and to a third on weekends; a presence looks
at them as it would in a gate. *False HOLD*: the share of hourly looks at a healthy stream, from the
ninth day on, that hold. *GO*: the stream stops at any time of a week; so many events are overdue by
its true rate, and the check is met all the same. A batch is all that one run of a job writes.
Where only two days are known, the first weekend and the first Monday after it are guesses.
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """A kind of stream.

    Args:
        daily: Events on a working day.
        night: How the night begins: in a wave, or by a step.
        cluster: Events that come along with each other, on average.
        batch_h: Hours between the runs of a job; 0 without one.
    """

    daily: int
    night: str = "wave"
    cluster: int = 1
    batch_h: float = 0.0

    @property
    def title(self) -> str:
        """As the table has it."""
        if self.batch_h:
            return f"{self.daily:,} a day, a batch each {self.batch_h:g} h"
        clusters = f", in clusters of {self.cluster}" if self.cluster > 1 else ""
        return f"{self.daily:,} a day, night by a {self.night}{clusters}"

    def rates(self, days: int) -> Floats:
        """The true rate of independent events, by the hour."""
        hour = np.arange(DAY_H)
        wave = (1 + NIGHT) / 2 - (1 - NIGHT) / 2 * np.cos(2 * np.pi * (hour - 3) / DAY_H)
        shape = (
            wave
            if self.night == "wave"
            else np.where((hour >= MORNING) & (hour < EVENING), 1, NIGHT)
        )
        day = shape / shape.sum() * self.daily / self.cluster
        return np.concatenate([day * (WEEKEND if n % 7 >= SATURDAY else 1) for n in range(days)])

    def events(self, days: int, rng: np.random.Generator) -> Floats:
        """When events come, in hours since the begin."""
        if self.batch_h:
            runs = np.arange(0.3, days * DAY_H, self.batch_h)
            runs = runs + rng.exponential(0.05, len(runs))
            size = rng.poisson(self.daily * self.batch_h / DAY_H, len(runs))
            return np.sort(np.repeat(runs, size) + rng.random(size.sum()) * 0.05)
        rates = self.rates(days)
        counts = rng.poisson(rates)
        at = np.repeat(np.arange(len(rates)), counts) + rng.random(counts.sum())
        along = rng.poisson(self.cluster - 1, len(at)) + 1
        return np.sort(np.repeat(at, along) + rng.random(along.sum()) * 0.001)


FLOWS = (
    *(Flow(daily, night) for daily in (30, 100, 1_000, 20_000) for night in ("wave", "step")),
    *(Flow(daily, cluster=5) for daily in (100, 1_000)),
    *(Flow(1_000, batch_h=every) for every in (0.25, 1.0, 12.0)),
)
POISSON = tuple(flow for flow in FLOWS if flow.cluster == 1 and not flow.batch_h)


def stream_at(events: Floats, at_h: float, known_from_h: float = 0.0) -> Stream:
    """What the surveys bring of a stream at some hour."""
    begin = max(at_h - REACH_H, known_from_h)
    low, high = np.searchsorted(events, [begin, at_h])
    age = at_h - events[low:high]
    until = BEGUN + at_h * HOUR
    if not len(age):
        return Stream(until, None, (), (), (), YOUNG_H)
    number = age.astype(np.int64)
    seconds = ((number + 1 - age) * 3600).astype(np.int64)
    first, last = (np.zeros(REACH_H, dtype=np.int64) for _ in range(2))
    # Of several at one place numpy keeps the last: the newest of an hour, and turned, the oldest.
    last[number], first[number[::-1]] = seconds, seconds[::-1]
    counts = np.bincount(number, minlength=REACH_H)
    newest = until - float(age[-1]) * HOUR
    hours, firsts, lasts = (tuple(map(int, one)) for one in (counts, first, last))
    return Stream(until, newest, hours, firsts, lasts, YOUNG_H)


def holds(stream: Stream) -> bool:
    """Whether the check is not met; a stream without an event never is."""
    found = silence_of(stream)
    return found is None or found.independent >= OVERDUE_N


def false_holds(flow: Flow, runs: int) -> Count:
    """Hourly looks at a healthy stream, from the ninth day on, that hold."""
    held = looks = 0
    for rng in runs_of(f"healthy {flow.title}", runs):
        events, minute = flow.events(DAYS, rng), rng.random()
        for hour in range(REACH_H + 1, DAYS * DAY_H):
            held += holds(stream_at(events, hour + minute))
            looks += 1
    return Count(held, looks)


def missed(flow: Flow, known: str, runs: int) -> Mapping[int, Count]:
    """Looks that are met although so many events are overdue by the true rate, by how many."""
    passed = dict.fromkeys(LATER, 0)
    rates = flow.rates(DAYS + 9)
    upto = np.concatenate([[0.0], np.cumsum(rates)])
    begin, end = STOPS[known]
    for rng in runs_of(f"absent {flow.title} {known}", runs):
        stop = begin + rng.random() * (end - begin)
        events = flow.events(DAYS + 1, rng)
        events = events[events < stop]
        known_from = 0.0 if known == "eight days" else stop - YOUNG_H
        came = np.interp(events[-1], np.arange(len(upto)), upto)
        for overdue in LATER:
            at = float(np.interp(came + overdue, upto, np.arange(len(upto))))
            passed[overdue] += not holds(stream_at(events, at, known_from))
    return {overdue: Count(k, runs) for overdue, k in passed.items()}


@dataclass(frozen=True, slots=True)
class Absence:
    """What the studies came to.

    Args:
        healthy: False HOLDs, by stream.
        absent: Of streams that stopped, by stream and what was known.
    """

    healthy: Mapping[Flow, Count]
    absent: Mapping[tuple[Flow, str], Mapping[int, Count]]


def rows(played: Absence) -> Iterable[str]:
    """The table."""
    head = [
        "stream",
        "false HOLD",
        *(f"GO at {n} overdue, {known}" for known in STOPS for n in LATER),
    ]
    return table(head, list(_cells(played)))


def _cells(played: Absence) -> Iterator[list[str]]:
    for flow, held in played.healthy.items():
        shares = [played.absent.get((flow, known), {}).get(n) for known in STOPS for n in LATER]
        yield [flow.title, percent(held), *(percent(one) if one else "" for one in shares)]
