"""Clocks of writers: what the rates see of a wrong hour, and what the order of writing says.

The survey of the order of writing reads the pages that were written last. Here they hold the rows
of the last twelve hours, each written by a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from gonogo.judge.finding import judge
from gonogo.measure.surveys import Table, naive
from gonogo.measure.written import write_order
from gonogo.model.kinds import Environment, Outcome, Role
from gonogo.model.measurement import Count, Window
from gonogo.postgres.readonly import Row
from lab.verdict_quality import shapes
from lab.verdict_quality.looking import DEPLOYED, HOUR, load
from lab.verdict_quality.shapes import Rates
from lab.verdict_quality.studies import INTO_H, SOAKED_H, look, runs_of
from lab.verdict_quality.tally import Tally
from lab.verdict_quality.traffic import Events, Happened, Traffic, happen

SYNC, ORDER = "sync.success_rate", "db.write_order"
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


@dataclass(frozen=True, slots=True)
class Writers:
    """Who writes the newest rows.

    Args:
        title: As the table has it.
        share: Of the rows, those of writers whose clock is behind.
        behind_h: How far it is behind.
        slow_h: Every tenth row is written so much later than it says, evenly spread: a long job.
        backfill: How many rows of other days are written one by one within an hour.
        committed: Whether the server keeps commit timestamps.
    """

    title: str
    share: float = 0.0
    behind_h: float = 0.0
    slow_h: float = 0.0
    backfill: int = 0
    committed: bool = False


HEALTHY_WRITERS = (
    Writers("clocks are right"),
    Writers("every tenth row comes up to an hour late, by a long job", slow_h=1.0),
    Writers("a backfill of 300 rows of other days, one by one", backfill=300),
)
WRONG_WRITERS = (
    Writers("half of them eleven hours behind", 0.5, 11.0),
    Writers("half of them an hour behind", 0.5, 1.0),
    Writers("one in ten an hour behind", 0.1, 1.0),
    Writers("one in ten an hour behind, beside a long job", 0.1, 1.0, slow_h=1.0),
    Writers("all five hours behind, commit timestamps", 1.0, 5.0, committed=True),
    Writers("all five hours behind", 1.0, 5.0),
)
WRITERS = {one.title: one for one in (*HEALTHY_WRITERS, *WRONG_WRITERS)}
ROWS, ROWS_H, OTHER_DAYS_H = 1_000, 12.0, 200.0
# Of all rows, those that a long job writes; how long an ordinary transaction takes.
SLOW, SECOND_H = 0.1, 1 / 3_600


def found_late(title: str, runs: int) -> Count:
    """How many looks hold because of the order in which rows were written.

    Args:
        title: Of one of `WRITERS`.
        runs: How many looks.
    """
    criteria = load(ORDER)
    metric = criteria.metrics[ORDER]
    window = Window(SOAKED_H * HOUR, DEPLOYED, DEPLOYED + SOAKED_H * HOUR, DEPLOYED)
    outcomes = []
    for rng in runs_of(f"order {title}", runs):
        rows = tuple(_rows(WRITERS[title], rng))
        measured = write_order(metric, {metric.survey: Table(rows)}, window)
        found = judge(Role.CRITERION, metric, measured, criteria.rules, Environment.STAGING)
        outcomes.append(found.outcome)
    return Count(outcomes.count(Outcome.INCONCLUSIVE), runs)


def _rows(writers: Writers, rng: np.random.Generator) -> Iterator[Row]:
    """What the survey brings: a row a transaction, and that the table is one plain heap."""
    written = SOAKED_H - np.sort(rng.random(ROWS))[::-1] * ROWS_H
    behind = (rng.random(ROWS) < writers.share) * writers.behind_h
    late = (rng.random(ROWS) < SLOW) * rng.random(ROWS) * writers.slow_h
    carried = written - behind - late - rng.exponential(SECOND_H, ROWS)
    filled = SOAKED_H - ROWS_H / 2 + np.sort(rng.random(writers.backfill))
    other_days = filled - rng.random(writers.backfill) * OTHER_DAYS_H
    moments = np.concatenate([written, filled])
    order = np.argsort(moments)
    for age, at in enumerate(order[::-1]):
        carries = naive(DEPLOYED + float(np.concatenate([carried, other_days])[at]) * HOUR)
        committed = naive(DEPLOYED + float(moments[at]) * HOUR) if writers.committed else None
        yield _row(age=age, n=1, first_at=carries, last_at=carries, written_at=committed)
    yield _row(plain=True, newest=100, reached=100)


def _row(**known: object) -> Row:
    columns = ("age", "n", "first_at", "last_at", "written_at", "plain", "newest", "reached")
    return {"source": "sync_metrics"} | dict.fromkeys(columns) | known
