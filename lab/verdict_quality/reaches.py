"""What the verdict must reach, and what it reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gonogo.model.kinds import VerdictKind
from gonogo.model.measurement import Count
from lab.verdict_quality import exact, falls
from lab.verdict_quality.playing import CONSTANT, CRITICAL, EXACT, MANY, Played
from lab.verdict_quality.studies import WEEK_H
from lab.verdict_quality.tally import WAS_GO, percent

FALSE_GO, FALSE_GO_OF_MANY = 0.025, 0.001
FALSE_RED = 0.01
# By syncs in 48 hours: the largest share of GO six hours after a fall, and the median of hours.
AFTER_A_FALL = {1_000: (0.20, 3), 5_000: (0.01, 1)}
LOST_GO, FALSE_HOLD = 0.01, 0.005
LEAST_GO_BY_DAY_7 = 0.8
MOST_ROLLED_BACK = 0.01
NEGLIGIBLE = 1e-6
# In bursts of failures there is a time at which NO-GO is right, whatever the mean.
STEADY = ("constant", "daily wave")


@dataclass(frozen=True, slots=True)
class Reach:
    """One demand.

    Args:
        asked: What is asked for.
        found: What was found.
        met: Whether it is reached.
    """

    asked: str
    found: str
    met: bool


def reaches(played: Played) -> tuple[Reach, ...]:
    """Each demand with what was found.

    Args:
        played: All studies.
    """
    return (
        *_false_go(played),
        *_false_red(played),
        _outages(played),
        *_falls(played),
        *_healthy(played),
        *_absence(played),
        *_staging(played),
    )


def _false_go(played: Played) -> Iterator[Reach]:
    for metric, part in EXACT:
        of = f"{metric} of {'one integration' if part == exact.PART else 'the whole'}"
        for least, limit in ((1, FALSE_GO), (MANY, FALSE_GO_OF_MANY)):
            worst = played.worst[metric, part, least]
            volume = "at any volume" if least == 1 else f"from {least} events on"
            yield Reach(
                f"{of}, at a true rate of 80 %: false GO <= {limit * 100:g} % {volume}",
                f"{_exact(worst.chance)} at the worst volume ({worst.n} events); exact",
                worst.chance <= limit,
            )
    at = {cell: tally for cell, tally in played.rated.items() if cell[2] <= CRITICAL}
    go = sum_of([tally.share(VerdictKind.GO) for tally in at.values()])
    worst_cell = max(at, key=lambda cell: at[cell].share(VerdictKind.GO).k)
    most = at[worst_cell].share(VerdictKind.GO)
    yield Reach(
        "the same, simulated: all rates up to 80 %, all volumes, steady, in bursts, in waves",
        f"{percent(go)} of {go.n:,} looks; the worst cell {percent(most)} of {most.n:,}",
        most.k <= FALSE_GO * most.n + noise(most.n, FALSE_GO),
    )


def _false_red(played: Played) -> Iterator[Reach]:
    for course in STEADY:
        red = played.near[(course,)].red
        yield Reach(
            "every rate two points above its target, 2,000 events of each, all rules together, "
            f"{course}: false NO-GO <= 1 %",
            f"{percent(red)} of {red.n:,} looks",
            red.k <= FALSE_RED * red.n,
        )


def _outages(played: Played) -> Reach:
    tally = played.outages
    go = tally.share(VerdictKind.GO)
    return Reach(
        "a total outage of syncs, of those of one integration, or of notifications, since which "
        "five events came: never GO, whatever the window",
        f"{go.k} GO in {go.n:,} random outages",
        not go.k,
    )


def _falls(played: Played) -> Iterator[Reach]:
    for volume, (most_go, most_h) in AFTER_A_FALL.items():
        seen = played.fallen[falls.WHOLE, volume]
        yield Reach(
            f"six hours after a sudden fall from 97 to 80 %, {volume:,} syncs in 48 h: "
            f"GO in <= {most_go * 100:g} % of looks",
            f"{percent(seen.go)} of {seen.go.n:,} looks; before {percent(seen.go_before)}",
            seen.go.k <= most_go * seen.go.n,
        )
        median, was = (float(np.median(hours)) for hours in (seen.now_h, seen.before_h))
        yield Reach(
            f"the same: half of the falls are seen by an hourly look within {most_h} h",
            f"{median:.0f} h; before {was:.0f} h",
            median <= most_h,
        )


def _healthy(played: Played) -> Iterator[Reach]:
    near = played.near[(CONSTANT,)]
    lost = Count(near.counts[WAS_GO] - near.counts[VerdictKind.GO.value], near.runs)
    yield Reach(
        "every rate two points above its target, constant: the search for falls takes at most one "
        "point of the GO share",
        f"{percent(lost)} of {lost.n:,} looks",
        lost.k <= LOST_GO * lost.n,
    )
    for (name,), held in played.held.items():
        lost = Count(held["now"].k - held["before"].k, held["now"].n)
        yield Reach(
            f"healthy traffic, {name}: a false fall in <= 0.5 % of hourly looks",
            f"{percent(lost)} of {lost.n:,} looks",
            lost.k <= FALSE_HOLD * lost.n,
        )


def _absence(played: Played) -> Iterator[Reach]:
    held = sum_of(list(played.absence.healthy.values()))
    yield Reach(
        "streams that flow, nights at 5 %, weekends a third, Poisson or in bursts: "
        "seem to have stopped in <= 0.5 % of hourly looks",
        f"{percent(held)} of {held.n:,} looks",
        held.k <= FALSE_HOLD * held.n,
    )


def _staging(played: Played) -> Iterator[Reach]:
    first = np.array(played.first_go)
    reached = Count(int((first <= WEEK_H).sum()), len(first))
    yield Reach(
        "a healthy small staging, 10 new users in 48 h: GO by day 7 in >= 80 % of runs",
        f"{percent(reached)} of {reached.n:,} runs; in half of them by hour {np.median(first):.0f}",
        reached.k >= LEAST_GO_BY_DAY_7 * reached.n,
    )
    back = played.rolled_back
    yield Reach(
        "the same, looked at every hour of the first 48: ROLLBACK in <= 1 % of runs",
        f"{percent(back)} of {back.n:,} runs",
        back.k <= MOST_ROLLED_BACK * back.n + noise(back.n, MOST_ROLLED_BACK),
    )


def _exact(chance: float) -> str:
    return f"{chance * 100:.4f} %" if chance > NEGLIGIBLE else "< 0.0001 %"


def noise(runs: int, share: float) -> float:
    """How far above its mean a share may be counted by chance alone: three standard deviations."""
    return float(3 * np.sqrt(runs * share * (1 - share)))


def sum_of(counts: list[Count]) -> Count:
    """All of them together."""
    return sum(counts, Count(0, 0))
