"""``nox -s screenshots``: rehearse, and take the README's pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.screenshots.taking import take
from lab.screenshots.world import make_records

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main() -> int:
    """Write docs/images/go.png, hold.png, no-go.png and rollback.png."""
    with TemporaryDirectory(prefix="gonogo-screenshots-") as directory:
        for picture in take(make_records(Path(directory)), IMAGES):
            sys.stdout.write(f"{picture.relative_to(IMAGES.parents[1])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
