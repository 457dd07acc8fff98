"""How often each kind of error happens: of the old monitors, of the gate before, and now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gonogo.model.kinds import VerdictKind
from gonogo.model.measurement import Count
from lab.verdict_quality import clocks, falls
from lab.verdict_quality.playing import CONSTANT, CRITICAL, FALL_VOLUMES, Played
from lab.verdict_quality.reaches import sum_of
from lab.verdict_quality.tally import PASSED, WAS_GO, Tally, percent

WHEN = ("old monitors", "before", "now")
KNOWN, OVERDUE = "eight days", 30
GO = (PASSED, WAS_GO, VerdictKind.GO.value)


def errors(played: Played) -> Iterator[tuple[str, ...]]:
    """The rows of a table: what is wrong, and how often by `WHEN`."""
    seen = [played.fallen[falls.WHOLE, volume] for volume in FALL_VOLUMES[1:]]
    volumes = " and ".join(f"{volume:,}" for volume in FALL_VOLUMES[1:])
    go = zip(*((one.go_old, one.go_before, one.go) for one in seen), strict=True)
    shares = (" and ".join(map(percent, counts)) for counts in go)
    yield f"GO six hours after {volumes} syncs in 48 h fell from 97 to 80 %", *shares
    bad = [tally for cell, tally in played.rated.items() if cell[2] <= CRITICAL]
    both = zip(_go(bad), _go([played.outages]), strict=True)
    yield (
        "GO for a rate at its critical level or below it, and in an outage that is five events old",
        *(" and ".join(map(percent, counts)) for counts in both),
    )
    stopped = [one for (_, known), one in played.absence.absent.items() if known == KNOWN]
    gone = sum_of([go[OVERDUE] for go in stopped])
    yield (
        f"GO while a stream has stopped and {OVERDUE} events are overdue",
        "100 %",
        "100 % for 26 h",
        percent(gone),
    )
    some = [played.late[one.title,] for one in clocks.WRONG_WRITERS if one.share < 1]
    wrong = sum_of([Count(one.n - one.k, one.n) for one in some])
    yield "no hold though some writers' clocks are an hour behind", *("100 %",) * 2, percent(wrong)
    near = (Count(one.n - one.k, one.n) for one in _go([played.near[(CONSTANT,)]]))
    yield "no GO though all rates are steady two points above their targets", *map(percent, near)
    old, before, now = (sum_of([one[when] for one in played.held.values()]) for when in falls.WHEN)
    silent = sum_of(list(played.absence.healthy.values()))
    order = percent(sum_of([played.late[one.title,] for one in clocks.HEALTHY_WRITERS]))
    also = f"{percent(now)}; {percent(silent)} for a silence, {order} for a clock"
    yield "no GO in an hourly look at healthy traffic", percent(old), percent(before), also


def _go(tallies: Iterable[Tally]) -> list[Count]:
    """How many were GO, by `WHEN`."""
    every = list(tallies)
    return [sum_of([tally.share(key) for tally in every]) for key in GO]
