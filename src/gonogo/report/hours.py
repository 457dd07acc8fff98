"""The hours of a window as the axis of a chart: every hour has its place, also one without data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from gonogo.model.window import parsed
from gonogo.report.text import MONTHS

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_SLOTS = 24 * 366
MOST_TICKS = 6
LAST_LABEL_AT = 93.0
HOUR_STEPS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672)


@dataclass(frozen=True, slots=True)
class Slot:
    """One hour of the axis; n is 0 where there is no data."""

    start: datetime
    k: int
    n: int

    @property
    def share(self) -> float:
        """K / n, of an hour with data."""
        return self.k / self.n


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of the time axis, in percent of its width."""

    at: float
    label: str


def slots_of(hourly: Sequence[Mapping[str, Any]], window: Mapping[str, Any] | None) -> list[Slot]:
    """All hours of the axis. They end where the window ends, so they need not be clock hours."""
    counted = [
        Slot(start, hour["k"], hour["n"]) for hour in hourly if (start := parsed(hour["start"]))
    ]
    if not counted:
        return []
    newest = max(slot.start for slot in counted)
    by_place = {(slot.start - newest) // HOUR: slot for slot in counted}
    places = list(by_place)
    if window and (begin := parsed(window["start"])) and (end := parsed(window["end"])):
        last = max(end - timedelta(microseconds=1), begin)
        places += [(begin - newest) // HOUR, (last - newest) // HOUR]
    first = max(min(places), max(places) + 1 - MOST_SLOTS)
    return [
        by_place.get(place, Slot(newest + place * HOUR, 0, 0))
        for place in range(first, max(places) + 1)
    ]


def empty_runs(slots: Sequence[Slot]) -> list[tuple[int, int]]:
    """The stretches without data: the first slot of each and how many there are."""
    runs = []
    for filled, group in groupby(enumerate(slots), key=lambda item: bool(item[1].n)):
        hours = list(group)
        if not filled:
            runs.append((hours[0][0], len(hours)))
    return runs


def ticks_of(slots: Sequence[Slot]) -> tuple[Tick, ...]:
    """Round hours of the clock, few enough to be told apart on a phone."""
    step = next((s for s in HOUR_STEPS if len(slots) <= s * MOST_TICKS), HOUR_STEPS[-1]) * HOUR
    begin = _begin(slots)
    moment = begin - (begin - EPOCH) % step
    ticks = []
    while (at := (moment - begin) / HOUR / len(slots) * 100) <= LAST_LABEL_AT:
        if at >= 0:
            day = f"{moment.day} {MONTHS[moment.month - 1]}"
            ticks.append(Tick(round(at, 2), f"{moment:%H:%M}" if moment.hour else day))
        moment += step
    return tuple(ticks)


def deployed_at(slots: Sequence[Slot], window: Mapping[str, Any] | None) -> float | None:
    """Where the deployment ended, in percent of the axis; None outside it."""
    at = parsed(window["deployed_at"]) if window else None
    if at is None:
        return None
    place = (at - _begin(slots)) / HOUR / len(slots) * 100
    return round(place, 2) if 0 <= place <= 100 else None  # noqa: PLR2004  # percent


def _begin(slots: Sequence[Slot]) -> datetime:
    """Where the axis begins: a whole number of hours before its newest hour."""
    return slots[-1].start - (len(slots) - 1) * HOUR
