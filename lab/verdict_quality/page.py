"""The studies as docs/verdict-quality.md: what must hold, then the figures behind it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from gonogo.model.kinds import VerdictKind
from gonogo.report.markdown import table
from lab.verdict_quality import absence, clocks, falls, words
from lab.verdict_quality.errors import WHEN, errors
from lab.verdict_quality.incidents import COURSES, INCIDENTS
from lab.verdict_quality.playing import (
    CONSTANT,
    FALL_VOLUMES,
    PART_RATES,
    PART_VOLUMES,
    POLLED_VOLUMES,
    SYNC,
    WEBHOOK,
    Played,
)
from lab.verdict_quality.plots import curves
from lab.verdict_quality.reaches import reaches
from lab.verdict_quality.studies import FEWER_VOLUMES, RATES, VOLUMES
from lab.verdict_quality.tally import PASSED, WAS_GO, Tally, percent

GO, HOLD = VerdictKind.GO.value, VerdictKind.HOLD.value
DRAWN = (20, 100, 500, 2_000)
CURVES = {"sync.svg": (SYNC, (0.8, 0.9)), "webhook.svg": (WEBHOOK, (0.8, 0.95))}


def page(played: Played, sample: str) -> str:
    """The whole page.

    Args:
        played: All studies.
        sample: What a few looks came to, by which the page is known to be current.
    """
    sections = (
        (words.COURSES, _courses),
        (words.PARTS, _parts),
        (words.FALLS, _falls),
        (words.BOUND, _bounds),
        (words.HEALTHY, _held),
        (absence.HEAD, _absence),
        (words.DETECTION, _detection),
        (words.DURING, _during),
        (words.CLOCKS, _clocks),
        (words.NEAR, _near),
        (words.STAGING, _staging),
        (words.POLLING, _polling),
    )
    parts = (
        words.TITLE,
        "\n".join(table(("how often the verdict is wrong", *WHEN), errors(played))),
        words.HEAD.format(runs=played.runs),
        "\n".join(_reaches(played)),
        words.WHY,
        words.ONE_LOOK,
        *(_metric(played, metric) for metric in (SYNC, WEBHOOK)),
        *(text for head, rows in sections for text in (head, "\n".join(rows(played)))),
        words.MODEL,
        sample,
    )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def images(played: Played) -> dict[str, str]:
    """The curves, by file name."""
    return {
        name: curves(
            {f"{volume:,} events": _curve(played, metric, volume, GO) for volume in DRAWN},
            {str(volume): _curve(played, metric, volume, PASSED) for volume in DRAWN},
            f"true {metric}, all 48 hours long",
            marks,
        )
        for name, (metric, marks) in CURVES.items()
    }


def _curve(played: Played, metric: str, volume: int, verdict: str) -> list[tuple[float, float]]:
    tallies = [(rate, played.rated[metric, CONSTANT, rate, volume]) for rate in RATES]
    return [(rate, tally.counts[verdict] / tally.runs) for rate, tally in tallies]


def _reaches(played: Played) -> Iterable[str]:
    rows = [(one.asked, one.found, "yes" if one.met else "**no**") for one in reaches(played)]
    return table(("asked", "found", "reached"), rows)


def _metric(played: Played, metric: str) -> str:
    name = next(name for name, (drawn, _) in CURVES.items() if drawn == metric)
    drawn = f"![Share of GO over the true {metric}](verdict-quality/{name})"
    rows = [
        [_rate(rate), *(cell(played.rated[metric, CONSTANT, rate, n]) for n in VOLUMES)]
        for rate in RATES
    ]
    shown = table([f"`{metric}`", *(f"{n:,} events" for n in VOLUMES)], rows)
    return "\n".join([drawn, "", *shown])


def cell(tally: Tally) -> str:
    """What became of the looks of a cell, in percent: GO, HOLD, red; then the old rule's GO."""
    shares = (tally.share(GO), tally.share(HOLD), tally.red, tally.share(PASSED))
    go, hold, red, old = (_short(share.k / share.n) for share in shares)
    return f"{go} / {hold} / {red} (old {old})"


def _short(share: float) -> str:
    """In percent, no longer than a cell bears."""
    return f"{share * 100:.2g}" if share < 0.995 else "100"  # noqa: PLR2004  # two digits hold 99


def _courses(played: Played) -> Iterable[str]:
    cells = sorted({(rate, n) for _, course, rate, n in played.rated if course != CONSTANT})
    rows = [
        [_rate(rate), f"{n:,}", *(cell(played.rated[SYNC, c, rate, n]) for c in COURSES)]
        for rate, n in cells
    ]
    return table(["mean rate", "events", *COURSES], rows)


def _parts(played: Played) -> Iterable[str]:
    rows = [
        [_rate(rate), *(cell(played.parts[rate, n]) for n in PART_VOLUMES)] for rate in PART_RATES
    ]
    return table(["contacts", *(f"{n:,} events" for n in PART_VOLUMES)], rows)


def _falls(played: Played) -> Iterable[str]:
    rows = []
    for (what, volume), seen in played.fallen.items():
        hours = (_quantiles(each) for each in (seen.now_h, seen.before_h))
        go = (percent(each) for each in (seen.go, seen.go_before, seen.go_old))
        rows.append([what, f"{volume:,}", *hours, *go])
    head = ("what falls", "syncs in 48 h", "hours", "before", "GO after six", "before", "old")
    return table(head, rows)


def _bounds(played: Played) -> Iterable[str]:
    rows = []
    for volume in FALL_VOLUMES:
        bound, hours = played.bounds[(volume,)], played.fallen[falls.WHOLE, volume].now_h
        mean = float(np.mean(hours))
        rare = f"1 of {1 / bound.false_alarm:,.0f}" if bound.false_alarm else "none"
        ratio = f"{mean / bound.least_h:.1f}"
        rows.append([f"{volume:,}", rare, f"{bound.least_h:.1f}", f"{mean:.1f}", ratio])
    head = ("syncs in 48 h", "false alarms at 97 %", "least mean hours", "found", "ratio")
    return table(head, rows)


def _held(played: Played) -> Iterable[str]:
    rows = [
        [name, f"{held['now'].n:,}", *(percent(held[when]) for when in ("now", "before", "old"))]
        for (name,), held in played.held.items()
    ]
    return table(("healthy traffic", "hourly looks", "no GO", "before", "old"), rows)


def _absence(played: Played) -> Iterable[str]:
    return absence.rows(played.absence)


def _clocks(played: Played) -> Iterable[str]:
    rows = [
        [fault, *(cell(played.clocked[fault, broken]) for broken in clocks.BROKEN)]
        for fault in clocks.FAULTS
    ]
    yield from table(["clocks of the writers", *clocks.BROKEN], rows)
    yield words.ORDER
    late = [[title, percent(held)] for (title,), held in played.late.items()]
    yield from table(["who writes", "held"], late)


def _detection(played: Played) -> Iterable[str]:
    rows = [
        [f"{name}: {incident.what}", *(_hours(played, name, n) for n in FEWER_VOLUMES)]
        for name, incident in INCIDENTS.items()
    ]
    return table(["incident", *(f"{n:,} syncs" for n in FEWER_VOLUMES)], rows)


def _during(played: Played) -> Iterable[str]:
    rows = [[name, *(cell(played.during[name, n]) for n in FEWER_VOLUMES)] for name in INCIDENTS]
    return table(["incident", *(f"{n:,} syncs" for n in FEWER_VOLUMES)], rows)


def _hours(played: Played, incident: str, volume: int) -> str:
    """Median and ninth decile of the hours to red; and of the old rule."""
    _, red, old = np.array(played.detected[incident, volume]).T
    both = (_quantiles(hours) for hours in (red, old))
    return "{} (old {})".format(*both)


def _quantiles(hours: Sequence[float]) -> str:
    middle, late = np.quantile(hours, [0.5, 0.9], method="higher")
    return " / ".join("never" if np.isinf(each) else f"{each:.0f}" for each in (middle, late))


def _near(played: Played) -> Iterable[str]:
    rows = []
    for (course,), tally in played.near.items():
        shares = (tally.share(GO), tally.share(HOLD), tally.red)
        before = percent(tally.share(WAS_GO))
        rows.append([course, f"{tally.runs:,}", *map(percent, shares), before])
    return table(["course", "looks", "GO", "HOLD", "NO-GO or ROLLBACK", "GO before"], rows)


def _staging(played: Played) -> Iterable[str]:
    first = np.array(played.first_go)
    rows = [[f"day {day}", f"{(first <= day * 24).mean() * 100:.0f} %"] for day in range(2, 8)]
    return table(["by", "GO was seen in"], rows)


def _polling(played: Played) -> Iterable[str]:
    rows = []
    for volume in POLLED_VOLUMES:
        shares = played.polled[(volume,)]
        once, polled, old_once, old_polled = (
            percent(shares[name]) for name in ("once", "polled", "old once", "old polled")
        )
        rows.append([f"{volume:,}", once, polled, old_once, old_polled])
    head = ("syncs in 48 h", "one look", "121 looks", "old, one look", "old, 121 looks")
    return table(head, rows)


def _rate(rate: float) -> str:
    return f"{rate * 100:.0f} %"
