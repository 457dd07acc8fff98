"""Everything that the page tells, played: the cells of all studies, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TypeVar

from gonogo.model.measurement import Count
from lab.verdict_quality import absence, clocks, exact, falls, studies
from lab.verdict_quality.incidents import COURSES, INCIDENTS
from lab.verdict_quality.tally import Tally

SYNC, WEBHOOK = "sync.success_rate", "webhook.success_rate"
ONBOARDING = "onboarding.success_rate"
CONSTANT = "constant"
CRITICAL = 0.8
PART_RATES = (0.5, 0.65, CRITICAL, 0.9, 0.97)
PART_VOLUMES = (2, 5, 9, 20, 50, 200, 1_000)
POLLED_VOLUMES = (20, 50, 100, 200)
COURSE_RATES = (CRITICAL, 0.92)
EXACT = (
    (SYNC, exact.WHOLE),
    (SYNC, exact.PART),
    (WEBHOOK, exact.WHOLE),
    (ONBOARDING, exact.WHOLE),
    (ONBOARDING, exact.PART),
)
MANY = 200
# So many times the runs of other cells, where a rare event is counted and there is one cell only.
NEAR, OUTAGES, STAGING, FALLEN, BOUND, WRITTEN = 15, 25, 2, 2, 10, 5
# And so many fewer where each run is looked at every hour of some days.
HELD, FLOWN, POLLED = 5, 20, 2
FALL_VOLUMES = (200, 1_000, 5_000)
FALLS = [(what, volume) for what in falls.FALLS for volume in FALL_VOLUMES]

K = TypeVar("K", bound=tuple[object, ...])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Played:
    """What all studies came to.

    Args:
        runs: Of a cell.
        rated: By metric, course, rate and volume.
        parts: By rate and volume of one integration.
        near: By course.
        detected: By incident and volume: hours until not GO, until red, until the old rule.
        during: By incident and volume, some hours after it has begun.
        polled: By volume.
        worst: By metric, what of it, and the least number of events.
        outages: Of all random ones.
        fallen: By what fell and volume.
        bounds: By volume.
        held: By kind of healthy traffic: hourly looks that are not GO, now and before.
        absence: Of streams that flow, and that stop.
        clocked: By what is wrong with clocks and what is broken.
        late: By who writes: looks that hold because of the order of writing.
        first_go: Of small stagings: the hour of the first GO.
        rolled_back: Of small stagings, how many.
    """

    runs: int
    rated: Mapping[tuple[str, str, float, int], Tally]
    parts: Mapping[tuple[float, int], Tally]
    near: Mapping[tuple[str], Tally]
    detected: Mapping[tuple[str, int], list[tuple[float, float, float]]]
    during: Mapping[tuple[str, int], Tally]
    polled: Mapping[tuple[int], dict[str, Count]]
    worst: Mapping[tuple[str, str, int], exact.Worst]
    outages: Tally
    fallen: Mapping[tuple[str, int], falls.Seen]
    bounds: Mapping[tuple[int], falls.Bound]
    held: Mapping[tuple[str], dict[str, Count]]
    absence: absence.Absence
    clocked: Mapping[tuple[str, str], Tally]
    late: Mapping[tuple[str], Count]
    first_go: list[float]
    rolled_back: Count


def play(runs: int, executor: Executor) -> Played:
    """Play all studies.

    Args:
        runs: Of a cell; the same number, the same figures.
        executor: Where the cells are played.
    """

    def begin(study: Callable[..., T], cells: Iterable[K], *more: int) -> dict[K, Future[T]]:
        return {cell: executor.submit(study, *cell, *more) for cell in cells}

    staging = executor.submit(studies.small_staging, STAGING * runs)
    outages = executor.submit(studies.outages, OUTAGES * runs)
    near = begin(studies.near_target, [(course,) for course in COURSES], NEAR * runs)
    fallen = begin(falls.seen, FALLS, FALLEN * runs)
    bounds = begin(falls.bound, [(volume,) for volume in FALL_VOLUMES], BOUND * runs)
    held = begin(falls.held, [(name,) for name in falls.HEALTHY_TRAFFIC], runs // HELD)
    flows = begin(absence.false_holds, [(flow,) for flow in absence.FLOWS], runs // FLOWN)
    stopped = [(flow, known) for flow in absence.POISSON for known in absence.STOPS]
    absent = begin(absence.missed, stopped, runs)
    clocked = begin(
        clocks.clocked, [(fault, what) for fault in clocks.FAULTS for what in clocks.BROKEN], runs
    )
    late = begin(clocks.found_late, [(title,) for title in clocks.WRITERS], WRITTEN * runs)
    polled = begin(studies.polling, [(volume,) for volume in POLLED_VOLUMES], runs // POLLED)
    detected = begin(studies.detection, _incidents(), runs // 2)
    during = begin(studies.during, _incidents(), runs)
    rated = begin(studies.at_rate, _rated(), runs)
    cells = [(rate, volume) for rate in PART_RATES for volume in PART_VOLUMES]
    parts = begin(studies.in_one_part, cells, runs)
    asked = [(*what, least) for what in EXACT for least in (1, MANY)]
    worst = begin(exact.worst, asked)
    first_go, rolled_back = staging.result()
    return Played(
        runs,
        _done(rated),
        _done(parts),
        _done(near),
        _done(detected),
        _done(during),
        _done(polled),
        _done(worst),
        outages.result(),
        _done(fallen),
        _done(bounds),
        _done(held),
        absence.Absence({flow: held for (flow,), held in _done(flows).items()}, _done(absent)),
        _done(clocked),
        _done(late),
        first_go,
        rolled_back,
    )


def _done(begun: Mapping[K, Future[T]]) -> dict[K, T]:
    return {cell: future.result() for cell, future in begun.items()}


def _incidents() -> list[tuple[str, int]]:
    return [(name, volume) for name in INCIDENTS for volume in studies.FEWER_VOLUMES]


def _rated() -> Iterator[tuple[str, str, float, int]]:
    for volume in studies.VOLUMES:
        yield from ((m, CONSTANT, rate, volume) for m in (SYNC, WEBHOOK) for rate in studies.RATES)
        for course in COURSES:
            if course != CONSTANT:
                yield from ((SYNC, course, rate, volume) for rate in COURSE_RATES)
