"""The figures as Markdown, for the terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.bench.contestants import BY_HAND, BY_HAND_BUT, ONE_BY_ONE, SURVEYS
from lab.bench.overhead import Overhead
from lab.bench.timing import Times
from lab.bench.world import World

MIB = 1 << 20
MOST_BESIDE_BARE_S = 0.5
LEAST_AGAINST_ONE_BY_ONE = 5
MOST_MEMORY_GROWTH = 1.2


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that one benchmark found.

    Args:
        world: The large database.
        small: A tenth of it, or less.
        times: By contestant.
        overhead: Of the suite, on the small one.
        memory_bytes: Peak of measuring the small database, and the large one.
    """

    world: World
    small: World
    times: Mapping[str, Times]
    overhead: Overhead
    memory_bytes: tuple[int, int]


def markdown(figures: Figures) -> str:
    """The tables, one after the other."""
    return "\n".join([*_head(figures), "", *_times(figures), "", *_goals(figures)])


def _head(figures: Figures) -> Iterator[str]:
    world, days = figures.world, figures.world.window.covered.days
    syncs, notifications = (
        _rows(world, name) for name in ("sync_metrics", "webhook_notifications")
    )
    rounds = len(figures.times[SURVEYS].rounds)
    yield f"### {syncs / 1e6:.3g} M syncs in {days} days"
    yield ""
    yield (
        f"{datetime.now(UTC):%-d %B %Y}; {_machine()}; PostgreSQL {world.server}; Python "
        f"{platform.python_version()}. {syncs:,} syncs and {notifications:,} notifications, "
        f"{world.size_bytes / MIB:,.0f} MiB with their indexes, loaded in "
        f"{world.loaded.elapsed_s:.0f} s. {rounds} alternating rounds, "
        f"load of the machine at the end {os.getloadavg()[0]:.1f}."
    )


def _times(figures: Figures) -> Iterator[str]:
    surveys = figures.times[SURVEYS]
    yield "| who | median | spread | beside the surveys |"
    yield "|---|--:|--:|--:|"
    for name, times in figures.times.items():
        ratio = times.ratio(surveys)
        yield f"| {name} | {times.median:.2f} s | ± {times.spread:.0%} | {ratio:.2f} x |"


def _goals(figures: Figures) -> Iterator[str]:
    times, overhead = figures.times, figures.overhead
    surveys = times[SURVEYS]
    by_hand, but = (surveys.ratio(times[name]) for name in (BY_HAND, BY_HAND_BUT))
    one_by_one = times[ONE_BY_ONE].ratio(surveys)
    small, large = figures.memory_bytes
    factor = _rows(figures.world, "sync_metrics") / _rows(figures.small, "sync_metrics")
    yield "| goal | found | |"
    yield "|---|---|---|"
    yield (
        f"| surveys at most 1.0 x the set written by hand | {by_hand:.2f} x "
        f"({but:.2f} x without its longest gap) | {_reached(by_hand <= 1)} |"
    )
    yield (
        f"| at least 5 x faster than one query a number | {one_by_one:.1f} x | "
        f"{_reached(one_by_one >= LEAST_AGAINST_ONE_BY_ONE)} |"
    )
    yield (
        f"| the suite beside its SQL and its record at most 0.5 s over a bare pytest of one test | "
        f"{overhead.over_bare_s:.2f} s (suite {overhead.suite.median:.2f} s, of that SQL "
        f"{overhead.sql.median:.2f} s and record {overhead.record.median:.2f} s; bare "
        f"{overhead.bare.median:.2f} s) | {_reached(overhead.over_bare_s <= MOST_BESIDE_BARE_S)} |"
    )
    yield (
        f"| memory flat in the number of rows | {small / MIB:.0f} MiB, and "
        f"{large / MIB:.0f} MiB with {factor:.0f} x the rows | "
        f"{_reached(large <= small * MOST_MEMORY_GROWTH)} |"
    )


def _rows(world: World, table: str) -> int:
    return world.loaded.rows[table]


def _reached(reached: bool) -> str:  # noqa: FBT001  # it words a yes or no
    return "reached" if reached else "**missed**"


def _machine() -> str:
    """Processor, cores and memory, as far as the system reports them."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ())
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB"
