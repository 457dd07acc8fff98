"""One look at simulated traffic: its cube, summed over a window, through the gate's own judging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np

from gonogo import criteria as criteria_file
from gonogo.criteria import Criteria, Metric
from gonogo.judge.finding import judge
from gonogo.judge.verdict import decide
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Outcome, Role, VerdictKind
from gonogo.model.measurement import Count, HourCount, Measurement, Window
from lab.verdict_quality.traffic import (
    INTEGRATIONS,
    WINDOW_H,
    Events,
    Flags,
    Happened,
    Integers,
    by_hour,
)

ROOT = Path(__file__).parents[2]
DEPLOYED = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAGING = Environment.STAGING
SETTLED_H = 1
PASSES = frozenset({Outcome.MET, Outcome.WARNING})
# What traffic decides; whatever else a gate asks is held to be in order.
SIMULATED = (
    "sync.success_rate",
    "sync.skip_rate",
    "sync.bad_skips",
    "sync.broken_users",
    "webhook.success_rate",
    "onboarding.success_rate",
)


def load(*metrics: str, before: bool = False) -> Criteria:
    """The project's own criteria, narrowed to these metrics or to all that are simulated.

    Args:
        metrics: Ids.
        before: Without what came last: the search for falls.
    """
    every = criteria_file.load(ROOT / "checks" / "criteria.toml", ROOT / "checks" / "sql")
    chosen = {name: every.metrics[name] for name in metrics or SIMULATED}
    if before:
        chosen = {name: one.model_copy(update={"falls": False}) for name, one in chosen.items()}
    return every.model_copy(update={"metrics": chosen})


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream's cube: of every hour and integration the events and the successes."""

    n: Integers
    k: Integers

    @classmethod
    def of(cls, events: Events, hours: int) -> Stream:
        """Count them."""
        good = replace(
            events,
            at=events.at[events.good],
            part=events.part[events.good],
        )
        return cls(by_hour(events, hours), by_hour(good, hours))

    def count(self, begin: int, end: int, part: int | None = None) -> Count:
        """K of n of some hours, of all integrations or of one."""
        which = slice(None) if part is None else part
        return Count(int(self.k[begin:end, which].sum()), int(self.n[begin:end, which].sum()))

    def hourly(self, begin: int, end: int, part: int | None = None) -> tuple[HourCount, ...]:
        """K of n hour by hour, of all integrations or of one."""
        which = slice(None) if part is None else [part]
        both = (counts[begin:end, which].sum(axis=1).tolist() for counts in (self.k, self.n))
        return tuple(
            HourCount(DEPLOYED + (begin + i) * HOUR, Count(k, n))
            for i, (k, n) in enumerate(zip(*both, strict=True))
        )


class Looker:
    """Looks at one stretch of traffic, at any hour.

    Args:
        happened: What is looked at.
        criteria: What is judged, and how.
    """

    def __init__(self, happened: Happened, criteria: Criteria) -> None:
        self.happened = happened
        self.criteria = criteria
        # A presence reads the days before the window, of which this traffic has none.
        self.checks = [one for one in criteria.checks(STAGING) if one[0] is not Role.PRESENCE]
        self._syncs = Stream.of(happened.syncs, happened.hours)
        self._notifications = Stream.of(happened.notifications, happened.hours)

    def verdict(self, at_h: int, window_h: int = WINDOW_H) -> VerdictKind:
        """What the gate says at this hour about the window before it."""
        found = list(self._findings(at_h, window_h))
        end = DEPLOYED + at_h * HOUR
        window = Window(window_h * HOUR, end - min(at_h, window_h) * HOUR, end, DEPLOYED)
        return decide([finding.id for finding in found], found, window).kind

    def is_go(self, at_h: int, window_h: int = WINDOW_H) -> bool:
        """Whether the verdict is GO; asks no further once one check is against it."""
        found = self._findings(at_h, window_h)
        return at_h >= window_h and all(one.outcome in PASSES for one in found)

    def rolls_back(self, at_h: int, window_h: int = WINDOW_H) -> bool:
        """Whether the verdict is ROLLBACK; asks the triggers alone."""
        found = self._findings(at_h, window_h, Role.TRIGGER)
        return any(one.outcome is Outcome.FIRED for one in found)

    def old_go(self, at_h: int, window_h: int = WINDOW_H) -> bool:
        """Whether the old monitors would have let the rollout go on.

        Point estimates of the pooled window against the objectives; any number of events will do,
        and none reads as 100 %.
        """
        for metric in self.criteria.metrics.values():
            objective = metric.objective.get(Environment.STAGING)
            count = self.measurement(metric.id, at_h, window_h).count
            share = count.share if count else None
            if objective and not objective.holds(Fraction(1) if share is None else share):
                return False
        return True

    def measurement(self, metric: str, at_h: int, window_h: int = WINDOW_H) -> Measurement:
        """What the gate would measure."""
        begin = max(0, at_h - window_h)
        match metric:
            case "sync.success_rate":
                return self._rate(metric, self._syncs, self.happened.syncs, begin, at_h)
            case "webhook.success_rate":
                stream = self.happened.notifications
                return self._rate(metric, self._notifications, stream, begin, at_h, parts=False)
            case "sync.skip_rate":
                skipped = int(self.happened.skipped[begin:at_h].sum())
                executed = self._syncs.count(begin, at_h).n
                return Measurement(metric, count=Count(skipped, skipped + executed))
            case "sync.bad_skips":
                skips = self.happened.skipped[begin:at_h].sum(axis=0)
                parts = dict(zip(INTEGRATIONS, map(int, skips), strict=True))
                by_part = {name: Count(0, n) for name, n in parts.items() if n}
                return Measurement(metric, Count(0, sum(parts.values())), by_part=by_part)
            case "sync.broken_users":
                return Measurement(metric, count=self._broken(begin, at_h))
            case _:
                return self._onboarding(metric, at_h)

    def _findings(self, at_h: int, window_h: int, only: Role | None = None) -> Iterator[Finding]:
        measured: dict[str, Measurement] = {}
        for role, metric in self.checks:
            if only in {None, role}:
                if metric.id not in measured:
                    measured[metric.id] = self.measurement(metric.id, at_h, window_h)
                yield self._judge(role, metric, measured[metric.id])

    def _judge(self, role: Role, metric: Metric, measurement: Measurement) -> Finding:
        return judge(role, metric, measurement, self.criteria.rules, Environment.STAGING)

    def _rate(
        self,
        metric: str,
        stream: Stream,
        events: Events,
        begin: int,
        end: int,
        *,
        parts: bool = True,
    ) -> Measurement:
        names = dict(enumerate(INTEGRATIONS)) if parts else {}
        return Measurement(
            metric,
            count=stream.count(begin, end),
            by_part={name: stream.count(begin, end, i) for i, name in names.items()},
            hourly=stream.hourly(begin, end),
            hours_by_part={name: stream.hourly(begin, end, i) for i, name in names.items()},
            recent={"": self._recent(events, begin, end)}
            | {name: self._recent(events, begin, end, i) for i, name in names.items()},
        )

    def _recent(
        self, events: Events, begin: int, end: int, part: int | None = None
    ) -> tuple[Count, ...]:
        low, high = np.searchsorted(events.at, [begin, end])
        good = events.good[low:high]
        if part is not None:
            good = good[events.part[low:high] == part]
        return self._newest(good)

    def _newest(self, good: Flags) -> tuple[Count, ...]:
        sizes = [size for size in self.criteria.rules.recent if size <= len(good)]
        return tuple(Count(int(good[-size:].sum()), size) for size in sizes)

    def _broken(self, begin: int, end: int) -> Count:
        events = self.happened.syncs
        low, high = np.searchsorted(events.at, [begin, end])
        users, good = events.user[low:high], events.good[low:high]
        runs, successes = np.bincount(users), np.bincount(users, weights=good)
        active = runs > 1
        return Count(int((active & (successes == 0)).sum()), int(active.sum()))

    def _onboarding(self, metric: str, at_h: int) -> Measurement:
        """Since the deployment: no simulated time is longer than what is looked back at."""
        new = self.happened.newcomers
        settled = new.at <= at_h - SETTLED_H
        works, connected = new.first_success_at[settled] < at_h, new.connected[settled]
        parts = {name: works[connected[:, i], i] for i, name in enumerate(INTEGRATIONS)}
        streams = {"": (works | ~connected).all(axis=1), **parts}
        counts = {name: Count(int(good.sum()), len(good)) for name, good in streams.items()}
        return Measurement(
            metric,
            count=counts.pop(""),
            by_part=counts,
            recent={name: self._newest(good) for name, good in streams.items()},
        )
