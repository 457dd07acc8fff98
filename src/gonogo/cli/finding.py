"""A record as a person names it: its directory, a file in it, or its name in the archive."""

from __future__ import annotations

from pathlib import Path

from gonogo.errors import UsageError

A_RECORD = "Its directory, or its name in the archive."


def find_record(text: str, archive_dir: Path) -> Path:
    """The directory of a record.

    Args:
        text: The directory or a file in it, or the name of one in the archive.
        archive_dir: The archive.

    Raises:
        UsageError: There is none, or more than one.
    """
    given = Path(text)
    if given.is_file():
        given = given.parent
    if given.is_dir():
        return given.resolve()
    found = [path for path in (archive_dir / text, *_by_name(archive_dir, text)) if path.is_dir()]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} records are called {text}" if found else f"there is no record {text}"
    raise UsageError(problem, f"name its directory; the archive is {archive_dir}")


def _by_name(archive_dir: Path, name: str) -> list[Path]:
    plain = name.strip() and "/" not in name and name not in {".", ".."}
    if not plain or not archive_dir.is_dir():
        return []
    return [place / name for place in sorted(archive_dir.iterdir()) if place.is_dir()]
