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
    checks = ROOT / "checks"
    known = criteria.load(checks / "criteria.toml", checks / "sql")
    surveys = len(list((checks / "sql").glob("*.sql")))
    return page(promises(), faults.load(), known, surveys)


def main() -> int:
    """Write it; returns the exit code."""
    PAGE.write_text(made(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
