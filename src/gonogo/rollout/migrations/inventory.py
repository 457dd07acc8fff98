"""Migration files and the ledger, held against each other: what neither may say alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from gonogo.ledger.rows import MigrationRow
from gonogo.rollout.migrations.migration import Migration

# Longer versions are moments, and moments have gaps.
COUNTED_DIGITS = 4
SHOWN = 3


def problems(
    migrations: Sequence[Migration], known: Mapping[str, MigrationRow], first: str | None = None
) -> Iterator[str]:
    """What speaks against applying these files to this database, a line each.

    Args:
        migrations: The files, lowest version first.
        known: What the ledger says is in place, by version.
        first: The first version that is looked at.
    """
    yield from _changed(migrations, known)
    yield from _lost(migrations, known, first)
    yield from _too_late(migrations, known)
    yield from _gaps(migrations)


def pending(
    migrations: Sequence[Migration], known: Mapping[str, MigrationRow]
) -> tuple[Migration, ...]:
    """The files that the ledger does not know as in place."""
    return tuple(one for one in migrations if one.version not in known)


def irreversible(
    migrations: Sequence[Migration], known: Mapping[str, MigrationRow]
) -> tuple[Migration, ...]:
    """The pending files that no revert takes back."""
    return tuple(one for one in pending(migrations, known) if one.revert is None)


def named(migrations: Sequence[Migration]) -> str:
    """The files' names, the first few of them."""
    names = [one.path.name for one in migrations]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _changed(migrations: Sequence[Migration], known: Mapping[str, MigrationRow]) -> Iterator[str]:
    for one in migrations:
        row = known.get(one.version)
        if row and row.sha256 != one.sha256:
            yield (
                f"{one.path.name} changed since it was applied: restore it, and put the change"
                " into a new migration"
            )


def _lost(
    migrations: Sequence[Migration], known: Mapping[str, MigrationRow], first: str | None
) -> Iterator[str]:
    there = {one.version for one in migrations}
    for version, row in known.items():
        if version not in there and int(version) >= int(first or 0):
            yield f"{version}_{row.name}.sql was applied, and is not in this checkout: restore it"


def _too_late(migrations: Sequence[Migration], known: Mapping[str, MigrationRow]) -> Iterator[str]:
    newest = max(map(int, known), default=0)
    for one in pending(migrations, known):
        if int(one.version) < newest:
            yield f"{one.path.name} comes before {newest:03}, which is applied: renumber it"


def _gaps(migrations: Sequence[Migration]) -> Iterator[str]:
    for earlier, later in pairwise(migrations):
        missing = range(int(earlier.version) + 1, int(later.version))
        if missing and len(later.version) < COUNTED_DIGITS:
            shown = f"{missing[0]:03}" + (f" to {missing[-1]:03}" if len(missing) > 1 else "")
            yield (
                f"no migration {shown} between {earlier.path.name} and {later.path.name}:"
                " restore it, or put an empty one in its place"
            )
