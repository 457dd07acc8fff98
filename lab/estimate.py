"""What a gate would cost beyond one machine, as docs/scale.md shows: ``python -m lab.estimate``.

Computed from what was measured and from what is assumed; both are named, and nothing here was run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Given:
    """A figure, and where it is from."""

    value: float
    says: str
    source: str


def _measured(value: float, says: str, source: str) -> Given:
    return Given(value, says, f"measured: {source}")


def _assumed(value: float, says: str, why: str) -> Given:
    return Given(value, says, f"assumed: {why}")


RATE = _measured(
    (20_000_711 + 8_629_952) / 6.56 / 2e6,
    "{:.1f} M rows a second and core, in all passes of a gate together",
    "performance.md, 20 M syncs: 28.6 M rows in 6.56 s on 2 cores",
)
LONGEST = _measured(
    (5_000_714 + 2_184_319) / 0.57e6,
    "{:.1f} M rows of all streams to each second of the longest query (broken users)",
    "performance.md, decisions: 0.57 s with 5 M syncs",
)
ROW = _measured(5_868 * 1024**2 / 28_630_663, "{:.0f} bytes a row, with indexes", "the same 20 M")
TRIP = _measured(0.085, "{:.3f} s for a query to all workers and back", "performance.md, decisions")
SLICED = _measured(1.6 / 4.25, "{:.2f} of a gate's processor time goes to slices", "the same")
SMALL = _measured(0.50, "{:.2f} s to connect and ask everything of a small database", "0.2 M syncs")
START = _measured(
    0.34 + 0.49 + 0.20,
    "{:.2f} s for pytest, the suite beside its SQL, and the record",
    "performance.md, 20 M syncs",
)
SESSIONS = _assumed(3, "{:.0f} sessions on one server, each with a core", "as gonogo opens them")
DISK = _assumed(2_000, "{:,.0f} MB a second from the disks of a server", "two fast NVMe")
PASSES = _assumed(3, "each row is read from disk {:.0f} times", "memory holds none of it")
WORKERS = _assumed(32, "{:.0f} workers, rows spread evenly, one core each for the gate", "named")
QUERIES = _assumed(
    45 + 2 * 2 * 14, "{:.0f} queries on a cluster", "45, and 14 days of 2 cubes twice"
)
MEMBERS = _assumed(1_000, "{:,.0f} databases in the fleet, each on a server of its own", "named")
AT_ONCE = _assumed(32, "{:.0f} of them asked at once, one session each", "`databases_at_once`")
LIMIT = Given(25, "{:.0f} s are what a query may take", "set: gonogo's statement timeout")
GIVEN = (
    *(RATE, LONGEST, ROW, TRIP, SLICED, SMALL, START),
    *(SESSIONS, DISK, PASSES, WORKERS, QUERIES, MEMBERS, AT_ONCE, LIMIT),
)
# In millions of rows.
VOLUMES = (1_000.0, 100_000.0)
SMALL_S = 10
Estimate = tuple[float, float]


def one_server(rows: float) -> Estimate:
    """Of a gate and of its longest query, in seconds; rows are millions."""
    counting = rows / RATE.value / SESSIONS.value
    reading = rows * ROW.value * PASSES.value / DISK.value
    longest = max(rows / LONGEST.value, rows * ROW.value / DISK.value)
    return START.value + max(counting, reading), longest


def cluster(rows: float) -> Estimate:
    """The same; every query runs on all workers at once, and the slices are read twice."""
    each = rows / WORKERS.value
    counting = each / RATE.value * (1 + SLICED.value)
    reading = each * ROW.value * (PASSES.value + 1) / DISK.value
    trips = QUERIES.value * TRIP.value
    longest = max(each / LONGEST.value, each * ROW.value / DISK.value)
    return START.value + trips + max(counting, reading), TRIP.value + longest


def fleet(rows: float) -> Estimate:
    """The same; databases wait for their turn."""
    each = rows / MEMBERS.value
    counting = max(each / RATE.value, each * ROW.value * PASSES.value / DISK.value)
    longest = max(each / LONGEST.value, each * ROW.value / DISK.value)
    return START.value + (SMALL.value + counting) * MEMBERS.value / AT_ONCE.value, longest


PLACES: dict[str, Callable[[float], Estimate]] = {
    "one server": one_server,
    f"Citus, {WORKERS.value:.0f} workers": cluster,
    f"a fleet of {MEMBERS.value:,.0f}": fleet,
}


def most_rows() -> float:
    """How many millions of rows the longest query of one server reads within its limit."""
    return LIMIT.value * min(LONGEST.value, DISK.value / ROW.value)


def table() -> str:
    """Both tables and what follows from them, as Markdown."""
    most = f"One server has room for some {most_rows():,.0f} M rows in a gate's window."
    return "\n".join((*_costs(), "", most, "", *_given()))


def _costs() -> Iterator[str]:
    yield "| rows in 14 days | where | a gate | its longest query | verdict |"
    yield "|--:|---|--:|--:|---|"
    for rows in VOLUMES:
        for place, estimate in PLACES.items():
            gate, longest = estimate(rows)
            held = longest > LIMIT.value
            verdict = "HOLD: that query is ended" if held else "as the rows are"
            shown = f"{rows / 1_000:,.0f} G"
            yield f"| {shown} | {place} | {_time(gate)} | {_time(longest)} | {verdict} |"


def _given() -> Iterator[str]:
    yield "| figure | from |"
    yield "|---|---|"
    yield from (f"| {one.says.format(one.value)} | {one.source} |" for one in GIVEN)


def _time(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < SMALL_S else f"{seconds:.0f} s"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
