"""``nox -s screenshots``: rehearse, and take pictures: the README's, and of every page."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.screenshots.looking import look
from lab.screenshots.taking import take
from lab.screenshots.world import make_records

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
# Ignored by git.
LOOKED_AT = ROOT / ".gonogo" / "screenshots"


def main() -> int:
    """Write docs/images/go.png, hold.png, no-go.png and rollback.png; and all pages' pictures."""
    with TemporaryDirectory(prefix="gonogo-screenshots-") as directory:
        made = Path(directory)
        pictures = take(make_records(made), IMAGES)
        pictures += look(made / "reports" / "archive", LOOKED_AT)
        for picture in pictures:
            sys.stdout.write(f"{picture.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
