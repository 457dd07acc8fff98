"""``nox -s verdict_quality``: play the studies, write docs/verdict-quality.md and its curves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lab.verdict_quality.page import images, page
from lab.verdict_quality.playing import play
from lab.verdict_quality.reaches import reaches
from lab.verdict_quality.sample import sample

DOCS = Path(__file__).parents[2] / "docs"
RUNS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; returns 1 when something that must hold does not."""
    asked = _asked(arguments)
    with ProcessPoolExecutor() as executor:
        played = play(asked.runs, executor)
    pictures = asked.docs / "verdict-quality"
    pictures.mkdir(parents=True, exist_ok=True)
    (asked.docs / "verdict-quality.md").write_text(page(played, sample()), encoding="utf-8")
    for name, svg in images(played).items():
        (pictures / name).write_text(svg, encoding="utf-8")
    missed = [one for one in reaches(played) if not one.met]
    for one in missed:
        sys.stderr.write(f"verdict_quality: not reached: {one.asked}: {one.found}\n")
    return int(bool(missed))


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s verdict_quality --", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="of each cell")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page is written")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
