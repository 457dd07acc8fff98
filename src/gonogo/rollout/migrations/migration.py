"""Migrations as files: ``NNN_name.sql`` and, beside it, ``NNN_name.revert.sql``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gonogo.errors import MigrationError
from gonogo.postgres.sqlfile import SqlFile, parse

VERSION = re.compile(r"[0-9]+")
STEM = re.compile(r"(?P<version>[0-9]{3,})_(?P<name>[a-z0-9_]+)")
REVERT_SUFFIX = ".revert.sql"


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
    files = sorted(path for path in directory.glob("*.sql") if not _is_before(path, first))
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


def digest(migrations: Sequence[Migration]) -> str:
    """One sha256 over a set of migrations: their names and contents, in order."""
    lines = "".join(f"{one.sha256}  {one.path.name}\n" for one in migrations)
    return hashlib.sha256(lines.encode()).hexdigest()


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
