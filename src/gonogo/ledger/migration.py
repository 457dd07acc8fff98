"""Migration files, and what the ledger says of them.

A migration is ``NNN_name.sql`` and, beside it, ``NNN_name.revert.sql``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gonogo.errors import MigrationError, some
from gonogo.ledger.rows import MigrationRow
from gonogo.postgres.sqlfile import SqlFile, parse

VERSION = re.compile(r"[0-9]+")
STEM = re.compile(r"(?P<version>[0-9]{3,})_(?P<name>[a-z0-9_]+)")
REVERT_SUFFIX = ".revert.sql"
# Longer versions are moments, and moments have gaps.
COUNTED_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema.

    Args:
        version: The digits that its file begins with.
        name: The rest of the file's stem.
        path: The file.
        sql: Its contents.
        sha256: The hash of its bytes.
        revert: The file that moves aside what this one makes; None without one.
    """

    version: str
    name: str
    path: Path
    sql: str
    sha256: str
    revert: Path | None

    @property
    def file(self) -> SqlFile:
        """Its statements."""
        return parse(self.sql, self.path.name)

    @property
    def revert_file(self) -> SqlFile:
        """The statements that revert it.

        Raises:
            MigrationError: It has no revert file.
        """
        if self.revert is None:
            raise MigrationError(
                "there is no revert file beside it", "restore the file", file=self.path.name
            )
        return parse(_decoded(_content(self.revert), self.revert), self.revert.name)


def load(directory: Path, *, first: str | None = None) -> tuple[Migration, ...]:
    """Read a directory's migrations, lowest version first, and parse each once.

    Args:
        directory: Where the files lie; its subdirectories are not read.
        first: Files of a lower version are passed over, whatever they hold.

    Raises:
        MigrationError: There are none, a name or a version cannot be meant, a revert has lost its
            migration, or a file cannot be parsed.
    """
    files = _files(directory, first)
    forward = [path for path in files if not path.name.endswith(REVERT_SUFFIX)]
    if not forward:
        since = f" from {first} on" if first else ""
        raise MigrationError(
            f"there are no migrations in {directory.name}/{since}", "restore the files"
        )
    migrations = tuple(sorted(map(_read, forward), key=lambda one: int(one.version)))
    for earlier, later in pairwise(migrations):
        if int(earlier.version) == int(later.version):
            raise MigrationError(
                f"has the version of {earlier.path.name}", "renumber it", file=later.path.name
            )
    stems = {path.name.removesuffix(".sql") for path in forward}
    for path in files:
        if path.name.removesuffix(REVERT_SUFFIX) not in stems and path not in forward:
            raise MigrationError("reverts a migration that is not there", file=path.name)
    return migrations


def versions(directory: Path, *, first: str | None = None) -> tuple[str, ...]:
    """The versions of a directory's migrations, in the order of the files; none is read.

    Args:
        directory: Where the files lie.
        first: Lower versions are left out.
    """
    names = [path.name for path in _files(directory, first)]
    numbered = [name.partition("_") for name in names if not name.endswith(REVERT_SUFFIX)]
    return tuple(number for number, below, _ in numbered if below and VERSION.fullmatch(number))


def digest(migrations: Sequence[Migration]) -> str:
    """One sha256 over a set of migrations: their names and contents, in order."""
    lines = "".join(f"{one.sha256}  {one.path.name}\n" for one in migrations)
    return hashlib.sha256(lines.encode()).hexdigest()


def _files(directory: Path, first: str | None) -> list[Path]:
    return sorted(path for path in directory.glob("*.sql") if not _is_before(path, first))


def _is_before(path: Path, first: str | None) -> bool:
    match = VERSION.match(path.name)
    return first is not None and match is not None and int(match[0]) < int(first)


def _read(path: Path) -> Migration:
    match = STEM.fullmatch(path.stem)
    if match is None:
        raise MigrationError("a migration is named NNN_what_it_does.sql", file=path.name)
    content = _content(path)
    revert = path.with_name(path.stem + REVERT_SUFFIX)
    migration = Migration(
        version=match["version"],
        name=match["name"],
        path=path,
        sql=_decoded(content, path),
        sha256=hashlib.sha256(content).hexdigest(),
        revert=revert if revert.is_file() else None,
    )
    _check(migration)
    return migration


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MigrationError(f"cannot be read: {error.strerror}", file=path.name) from None


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise MigrationError("is not UTF-8", "save it as UTF-8", file=path.name) from None


def _check(migration: Migration) -> None:
    """Find what cannot run before anything does."""
    file = migration.file
    for statement in (*file.inside, *file.outside):
        if statement.slots:
            raise MigrationError(
                f"the placeholder :{statement.slots[0][2]} stands in revert files only",
                file=migration.path.name,
                line=statement.line,
            )
    if migration.revert and migration.revert_file.outside:
        raise MigrationError("a revert is one transaction", file=migration.revert.name)


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
    return some([one.path.name for one in migrations])


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
