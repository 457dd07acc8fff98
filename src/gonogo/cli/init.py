"""``gonogo init``: the files that a project begins with, written into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from gonogo.errors import UsageError
from gonogo.report.text import visible

# Names that would mean something to git within the package.
DOT = "dot_"
NEXT = """
Next: put your own table into {sql}, then
  pytest {checks} --dsn postgresql://reader@host/app --environment staging --window 48h"""


def init(
    directory: Annotated[Path, typer.Argument(help="Where to; made when it is missing.")] = Path(),
) -> None:
    """Write what a project begins with: criteria, one survey, the checks, rollout.toml."""
    starter = dict(_starter(files("gonogo") / "starter"))
    _require_free(directory, starter)
    for name, file in starter.items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as target:
                target.write(file.read_bytes())
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
        typer.echo(f"  + {visible(path)}")
    checks = directory / "checks"
    sql = checks / "sql" / "events.sql"
    typer.echo(NEXT.format(sql=visible(sql), checks=visible(f"{checks}/")))


def _starter(place: Traversable, name: str = "") -> Iterator[tuple[str, Traversable]]:
    """Every file of the starter, by its path within a project."""
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        path = f"{name}/{entry.name}".removeprefix("/")
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _starter(entry, path)
        elif entry.is_file():
            yield path.replace(DOT, "."), entry


def _require_free(directory: Path, starter: Iterable[str]) -> None:
    """See that nothing of the starter is there already.

    Raises:
        UsageError: Something is; nothing is written then.
    """
    there = [name for name in starter if os.path.lexists(directory / name)]
    if there:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise UsageError(
            f"{directory / there[0]} exists already{more}, so nothing was written",
            "name an empty folder, as in: gonogo init release-gate",
        )
