"""``nox -s reliability``: write docs/reliability.md from promises.toml and planted.toml."""

from __future__ import annotations

import sys
from pathlib import Path

from gonogo import criteria
from lab.reliability import faults
from lab.reliability.page import page, promises

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"


def made() -> str:
    """The page, as it must be."""
    surveys = len(list((ROOT / "checks" / "sql").glob("*.sql")))
    return page(promises(), faults.load(), _criteria(), surveys)


def _criteria() -> criteria.Criteria:
    """What the planted faults are judged by: the tests' own limits, where they have any."""
    checks, own = ROOT / "checks", ROOT / "tests" / "shared" / "engine"
    shipped, ours = (
        criteria.load(place / "criteria.toml", place / "sql") for place in (checks, own)
    )
    return shipped.model_copy(update={"metrics": {**shipped.metrics, **ours.metrics}})


def main() -> int:
    """Write it; returns the exit code."""
    PAGE.write_text(made(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
