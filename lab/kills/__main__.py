"""``python -m lab.kills [COUNT] [--seed N]``: kill, print what happened, write docs/kills.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from lab.kills.page import page
from lab.kills.tries import Kill, Outcome, carry_out
from lab.kills.world import opened

PAGE = Path(__file__).parents[2] / "docs" / "kills.md"


def main() -> int:
    """Kill so often; returns 1 where anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first seed; the others follow")
    asked = parser.parse_args()
    outcomes: list[Outcome] = []
    seed = asked.seed
    with tempfile.TemporaryDirectory(prefix="kills-") as directory, opened(Path(directory)) as made:
        while len(outcomes) < asked.count:
            outcome = carry_out(made, Kill.draw(seed))
            _tell(outcome)
            outcomes += [outcome] if outcome.reached else []
            seed += 1
    PAGE.write_text(page(outcomes, asked.seed), encoding="utf-8")
    return int(any(one.wrong for one in outcomes))


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
