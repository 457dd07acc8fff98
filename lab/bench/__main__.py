"""``nox -s bench -- 20M``: load, compare, print."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from gonogo.errors import GonogoError
from gonogo.sandbox.databases import Databases
from lab.bench.contestants import contestants
from lab.bench.memory import peak_bytes
from lab.bench.overhead import overhead
from lab.bench.report import Figures, Newcomers, markdown
from lab.bench.timing import alternate
from lab.bench.world import build_index, embedded_server, load

SCALES = {"": 1, "K": 1_000, "M": 1_000_000}
SMALLER = 10
NEW_USERS = 0.08
DIRECTORY = Path(".gonogo") / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    asked = _asked(arguments)
    try:
        sys.stdout.write(markdown(_figures(asked)) + "\n")
    except GonogoError as error:
        sys.stderr.write(f"gonogo: {error}\n")
        return 1
    return 0


def _figures(asked: argparse.Namespace) -> Figures:
    lasting = timedelta(days=asked.days)
    DIRECTORY.parent.mkdir(exist_ok=True)
    with embedded_server(DIRECTORY) as server, tempfile.TemporaryDirectory() as scratch:
        _report(f"loading {asked.rows:,} syncs, and {asked.rows // SMALLER:,}")
        small = load(server, "small", asked.rows // SMALLER, lasting)
        world = load(server, "large", asked.rows, lasting)
        compare = partial(alternate, rounds=asked.rounds, report=_report, server=server.pid)
        _report(f"comparing, {asked.rounds} rounds")
        times = compare(contestants(world))
        _report("the suite's own overhead")
        beside = overhead(small, Path(scratch), asked.rounds)
        _report("memory")
        memory = (peak_bytes(small), peak_bytes(world))
        # One large database at a time.
        Databases(server).drop("large")
        _report(f"loading {asked.rows:,} syncs, {NEW_USERS:.0%} new users")
        young = load(server, "young", asked.rows, lasting, NEW_USERS)
        of_young = compare(contestants(young, all_of_them=False))
        _report("the same with the covering index")
        index = build_index(young)
        indexed = compare(contestants(young, all_of_them=False))
    newcomers = Newcomers(young, NEW_USERS, of_young, index, indexed)
    return Figures(world, small, times, beside, memory, newcomers)


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("rows", nargs="?", type=_rows, default="1M", help="as in 500K or 20M")
    parser.add_argument("--days", type=int, default=14, help="how long the traffic lasts")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed")
    return parser.parse_args(arguments)


def _rows(text: str) -> int:
    """A number of rows.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KM]?)", text.upper())
    if not found:
        raise ValueError(text)
    return int(float(found[1]) * SCALES[found[2]])


def _report(step: str) -> None:
    sys.stderr.write(f"bench: {step}\n")


if __name__ == "__main__":
    sys.exit(main())
