"""Migration files, and what the ledger says of them.

A migration is ``NNN_name.sql`` and, beside it, ``NNN_name.revert.sql``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gonogo.config.sections import REVERT_SUFFIX, is_meant, is_within, migration_files
from gonogo.errors import MigrationError, some
from gonogo.ledger.rows import MigrationRow
from gonogo.postgres.sqlfile import SqlFile, decode, parse

STEM = re.compile(r"(?P<version>[0-9]{3,})_(?P<name>[a-z0-9_]+)")
# Longer versions are moments, and moments have gaps.
COUNTED_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema.

    Args:
        version: The digits that its file begins with.
        name: The rest of the file's stem.
        sha256: The hash of its text, whose lines end as on any machine.
        file: Its statements.
        revert: The statements that move aside what this one makes; None without such a file.
    """

    version: str
    name: str
    sha256: str
    file: SqlFile
    revert: SqlFile | None

    @property
    def number(self) -> int:
        """Its version as a number, which orders the files."""
        return int(self.version)

    @property
    def filename(self) -> str:
        """Its file's name."""
        return f"{self.version}_{self.name}.sql"

    @property
    def revert_filename(self) -> str:
        """The name of the file that reverts it."""
        return f"{self.version}_{self.name}{REVERT_SUFFIX}"


def load(
    directory: Path, *, first: str | None = None, last: str | None = None
) -> tuple[Migration, ...]:
    """Read a directory's migrations; see `read`.

    Args:
        directory: Where the files lie; its subdirectories are not read.
        first: Files of a lower version are passed over, whatever they hold.
        last: Files of a higher version likewise.

    Raises:
        MigrationError: As `read` raises it, or a file cannot be read.
    """
    contents = ((path.name, _content(path)) for path in migration_files(directory, first, last))
    return read(contents, f"{directory.name}/", first=first, last=last)


def read(
    files: Iterable[tuple[str, bytes]],
    place: str,
    *,
    first: str | None = None,
    last: str | None = None,
) -> tuple[Migration, ...]:
    """Read migrations from files' names and contents, lowest version first.

    Args:
        files: Each file's name, without its directory, and its bytes; other files than SQL are
            passed over.
        place: Where the files lie, for errors.
        first: Files of a lower version are passed over, whatever they hold.
        last: Files of a higher version likewise.

    Raises:
        MigrationError: There are none, a name or a version cannot be meant, a revert has lost its
            migration, or a file holds what it may not hold.
    """
    contents = {name: content for name, content in files if is_meant(name, first, last)}
    forward = [name for name in contents if not name.endswith(REVERT_SUFFIX)]
    if not forward:
        within = f" from {first} on" if first else ""
        within += f" up to {last}" if last else ""
        raise MigrationError(f"there are no migrations in {place}{within}", "restore the files")
    migrations = sorted((_read(name, contents) for name in forward), key=lambda one: one.number)
    for earlier, later in pairwise(migrations):
        if earlier.number == later.number:
            raise MigrationError(
                f"has the version of {earlier.filename}", "renumber it", file=later.filename
            )
    stems = {name.removesuffix(".sql") for name in forward}
    for name in contents:
        if name.removesuffix(REVERT_SUFFIX) not in stems and name not in forward:
            remedy = "restore the migration, or take the revert away"
            raise MigrationError("reverts a migration that is not there", remedy, file=name)
    return tuple(migrations)


def digest(migrations: Sequence[Migration]) -> str:
    """One sha256 over a set of migrations: their names and contents, in order."""
    lines = "".join(f"{one.sha256}  {one.filename}\n" for one in migrations)
    return hashlib.sha256(lines.encode()).hexdigest()


def _read(name: str, contents: Mapping[str, bytes]) -> Migration:
    stem = name.removesuffix(".sql")
    match = STEM.fullmatch(stem)
    if match is None:
        remedy = "rename it; a name is of small letters, digits and underscores"
        raise MigrationError("a migration is named NNN_what_it_does.sql", remedy, file=name)
    text = decode(contents[name], name)
    migration = Migration(
        version=match["version"],
        name=match["name"],
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        file=parse(text, name),
        revert=_read_revert(stem + REVERT_SUFFIX, contents),
    )
    for statement in (*migration.file.inside, *migration.file.outside):
        if statement.slots:
            raise MigrationError(
                f"the placeholder :{statement.slots[0][2]} stands in revert files only",
                "write the name of a schema",
                file=name,
                line=statement.line,
            )
    if migration.file.inside + migration.file.outside and not (
        migration.revert is None or migration.revert.inside
    ):
        remedy = "write what takes the migration back, or delete the file"
        raise MigrationError("holds no statement", remedy, file=stem + REVERT_SUFFIX)
    return migration


def _read_revert(name: str, contents: Mapping[str, bytes]) -> SqlFile | None:
    if name not in contents:
        return None
    revert = parse(decode(contents[name], name), name)
    if revert.outside:
        remedy = "write it without the marker no-transaction"
        line = revert.outside[0].line
        raise MigrationError("a revert is one transaction", remedy, file=name, line=line)
    return revert


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MigrationError(f"cannot be read: {error.strerror}", file=path.name) from None


def problems(
    migrations: Sequence[Migration],
    known: Mapping[str, MigrationRow],
    first: str | None = None,
    last: str | None = None,
) -> Iterator[str]:
    """What speaks against applying these files to this database, a line each.

    Args:
        migrations: The files, lowest version first.
        known: What the ledger says is in place, by version.
        first: The first version that is looked at.
        last: The last one.
    """
    yield from _changed(migrations, known)
    meant = {version: row for version, row in known.items() if is_within(version, first, last)}
    yield from _lost(migrations, meant)
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
    return some([one.filename for one in migrations])


def _changed(migrations: Sequence[Migration], known: Mapping[str, MigrationRow]) -> Iterator[str]:
    for one in migrations:
        row = known.get(one.version)
        if row and row.sha256 != one.sha256:
            yield (
                f"{one.filename} changed since it was applied: restore it, and put the change"
                " into a new migration"
            )


def _lost(migrations: Sequence[Migration], known: Mapping[str, MigrationRow]) -> Iterator[str]:
    there = {one.version for one in migrations}
    for version, row in known.items():
        if version not in there:
            yield f"{version}_{row.name}.sql was applied, and is not in this checkout: restore it"


def _too_late(migrations: Sequence[Migration], known: Mapping[str, MigrationRow]) -> Iterator[str]:
    newest = max(map(int, known), default=0)
    for one in pending(migrations, known):
        if int(one.version) < newest:
            yield f"{one.filename} comes before {newest:03}, which is applied: renumber it"


def _gaps(migrations: Sequence[Migration]) -> Iterator[str]:
    for earlier, later in pairwise(migrations):
        missing = range(int(earlier.version) + 1, int(later.version))
        if missing and len(later.version) <= COUNTED_DIGITS:
            shown = f"{missing[0]:03}" + (f" to {missing[-1]:03}" if len(missing) > 1 else "")
            yield (
                f"no migration {shown} between {earlier.filename} and {later.filename}:"
                " restore it, or put an empty one in its place"
            )
