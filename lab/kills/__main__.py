"""``python -m lab.kills [COUNT] [--seed N]``: kill, print what happened, write docs/kills.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path

import psycopg
from tenacity import RetryError

from gonogo.errors import GonogoError
from lab.kills.page import page
from lab.kills.tries import Kill, Outcome, carry_out
from lab.kills.world import World, opened

PAGE = Path(__file__).parents[2] / "docs" / "kills.md"


def main() -> int:
    """Kill so often; returns 1 where anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first seed; the others follow")
    parser.add_argument("--worlds", type=int, default=1, help="how many side by side")
    asked = parser.parse_args()
    each = partial(_kill, asked.count // asked.worlds, asked.worlds)
    with ProcessPoolExecutor(asked.worlds) as pool:
        firsts = range(asked.seed, asked.seed + asked.worlds)
        outcomes = [one for share in pool.map(each, firsts) for one in share]
    PAGE.write_text(page(outcomes, asked.seed), encoding="utf-8")
    return int(any(one.wrong for one in outcomes))


def _kill(often: int, step: int, first: int) -> list[Outcome]:
    """Kill so often in a world of one's own, by every so-manyth seed."""
    with tempfile.TemporaryDirectory(prefix="kills-") as directory, opened(Path(directory)) as made:
        return list(islice(_reached(made, count(first, step)), often))


def _reached(made: World, seeds: Iterator[int]) -> Iterator[Outcome]:
    for seed in seeds:
        outcome = _carried_out(made, Kill.draw(seed))
        _tell(outcome)
        if outcome.reached:
            yield outcome


def _carried_out(made: World, kill: Kill) -> Outcome:
    """What a kill led to; one after which nothing can be asked any more is wrong as well."""
    try:
        return carry_out(made, kill)
    except (GonogoError, psycopg.Error, OSError, RetryError, subprocess.SubprocessError) as error:
        made.revive()
        return Outcome(kill, reached=True, after="unknown", wrong=(f"{error!r}",))


def _tell(one: Outcome) -> None:
    kill = one.kill
    said = "; ".join(one.wrong) or ("as it must be" if one.reached else "it had ended before")
    moment = f"{kill.procedure}, {kill.victim} killed {kill.moment}"
    sys.stdout.write(f"seed {kill.seed}: {moment}; {one.after}; {kill.then} next: {said}\n")
    if one.wrong:
        sys.stdout.write(f"{one.said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
