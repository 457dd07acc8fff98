"""The figures as Markdown, for the terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from lab.bench.contestants import BY_HAND, BY_HAND_BUT, FLOOR, ONE_BY_ONE, SURVEYS
from lab.bench.overhead import Overhead
from lab.bench.timing import Times
from lab.bench.world import Index, World

MIB = 1 << 20
MOST_BESIDE_BARE = 1.0
LEAST_AGAINST_ONE_BY_ONE = 5
MOST_MEMORY_GROWTH = 1.2
MOST_OVER_FLOOR, MOST_WITH_INDEX = 5, 4


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What was found where many users are new.

    Args:
        world: The database.
        share: New users, of the users before.
        times: By contestant.
        index: The covering index that was built then.
        indexed: By contestant, with it.
    """

    world: World
    share: float
    times: Mapping[str, Times]
    index: Index
    indexed: Mapping[str, Times]


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that one benchmark found.

    Args:
        world: The large database.
        small: A tenth of it, or less.
        times: By contestant.
        overhead: Of the suite, on the small one.
        memory_bytes: Peak of measuring the small database, and the large one.
        newcomers: The same number of rows, with many new users.
    """

    world: World
    small: World
    times: Mapping[str, Times]
    overhead: Overhead
    memory_bytes: tuple[int, int]
    newcomers: Newcomers


def markdown(figures: Figures) -> str:
    """The tables, one after the other."""
    young, rounds = figures.newcomers, len(figures.times[SURVEYS].rounds)
    index = (
        f"The same with the index of [examples/index](../examples/index/window.sql), "
        f"{young.index.size_bytes / MIB:,.0f} MiB, built in {young.index.built_s:.1f} s:"
    )
    return "\n".join(
        [
            *_head(figures.world, "", rounds),
            *("", *_times(figures.times), "", *_goals(figures), ""),
            *_head(young.world, f", {young.share:.0%} new users", rounds),
            *("", *_times(young.times), "", *_goals_of_all(young.times, MOST_OVER_FLOOR), ""),
            *(index, "", *_times(young.indexed), ""),
            *_goals_of_all(young.indexed, MOST_WITH_INDEX),
        ]
    )


def _head(world: World, of: str, rounds: int) -> Iterator[str]:
    days = world.window.covered.days
    syncs, notifications = (
        _rows(world, name) for name in ("sync_metrics", "webhook_notifications")
    )
    yield f"### {syncs / 1e6:.3g} M syncs in {days} days{of}"
    yield ""
    yield (
        f"{datetime.now(UTC):%-d %B %Y}; {_machine()}; PostgreSQL {world.server}; Python "
        f"{platform.python_version()}. {syncs:,} syncs and {notifications:,} notifications, "
        f"{world.size_bytes / MIB:,.0f} MiB with their indexes, loaded in "
        f"{world.loaded.elapsed_s:.0f} s. {rounds} alternating rounds, "
        f"load of the machine at the end {os.getloadavg()[0]:.1f}."
    )


def _times(found: Mapping[str, Times]) -> Iterator[str]:
    """By the clock, and by the processor time of the server's processes, which load moves less."""
    surveys, floor = found[SURVEYS], found[FLOOR]
    yield "| who | median | spread | beside the surveys | over the floor | processor |"
    yield "|---|--:|--:|--:|--:|--:|"
    for name, times in found.items():
        yield (
            f"| {name} | {times.median:.2f} s | ± {times.spread:.0%} | "
            f"{times.ratio(surveys):.2f} x | {times.ratio(floor):.1f} x | "
            f"{median(times.processor):.2f} s |"
        )


def _goals_of_all(times: Mapping[str, Times], most: int) -> Iterator[str]:
    surveys = times[SURVEYS]
    over = surveys.ratio(times[FLOOR])
    yield "| goal | found | |"
    yield "|---|---|---|"
    yield _beside_hand(times)
    yield f"| surveys at most {most} x the floor | {over:.1f} x | {_reached(over <= most)} |"


def _beside_hand(times: Mapping[str, Times]) -> str:
    by_hand, but = (times[SURVEYS].ratio(times[name]) for name in (BY_HAND, BY_HAND_BUT))
    return (
        f"| surveys at most 1.0 x the set written by hand | {by_hand:.2f} x "
        f"({but:.2f} x without its longest gap) | {_reached(by_hand <= 1)} |"
    )


def _goals(figures: Figures) -> Iterator[str]:
    times, overhead = figures.times, figures.overhead
    surveys = times[SURVEYS]
    one_by_one = times[ONE_BY_ONE].ratio(surveys)
    beside_bare = overhead.over_bare.ratio(overhead.bare)
    small, large = figures.memory_bytes
    factor = _rows(figures.world, "sync_metrics") / _rows(figures.small, "sync_metrics")
    yield "| goal | found | |"
    yield "|---|---|---|"
    yield _beside_hand(times)
    yield (
        f"| at least 5 x faster than one query a number | {one_by_one:.1f} x | "
        f"{_reached(one_by_one >= LEAST_AGAINST_ONE_BY_ONE)} |"
    )
    yield (
        f"| beside its SQL and a bare pytest of one test, the suite takes at most "
        f"{MOST_BESIDE_BARE} x that pytest | {beside_bare:.2f} x "
        f"(suite {overhead.suite.median:.2f} s, of that SQL "
        f"{overhead.sql.median:.2f} s and record {overhead.record.median:.2f} s; bare "
        f"{overhead.bare.median:.2f} s) | {_reached(beside_bare <= MOST_BESIDE_BARE)} |"
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
