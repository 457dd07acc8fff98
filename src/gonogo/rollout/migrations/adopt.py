"""What the application's own runner made already: proved by the schema survey, then adopted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.errors import MigrationError
from gonogo.postgres.session import Connection, asking
from gonogo.rollout.migrations.migration import Migration

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one migration.

    Args:
        present: Those that are there and valid.
        missing: Those that are not.
    """

    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@asking("the schema cannot be surveyed")
def adoptable(connection: Connection, pending: Sequence[Migration], survey: str) -> frozenset[str]:
    """Which pending migrations are in place as a whole.

    Args:
        connection: To the application's database.
        pending: Migrations that the ledger does not know.
        survey: A query that gives the columns migration, object and present (boolean) for every
            object; empty when nothing can be adopted.

    Returns:
        The versions of those whose every object is there, by meaning.

    Raises:
        MigrationError: One is there in part: neither running nor skipping it would be right.
    """
    found = _objects(connection, survey) if survey and pending else {}
    whole: set[str] = set()
    for migration in pending:
        objects = found.get(migration.version, Objects())
        if objects.present and objects.missing:
            raise _partly(migration, objects)
        if objects.present:
            whole.add(migration.version)
    return frozenset(whole)


def _objects(connection: Connection, survey: str) -> dict[str, Objects]:
    cursor = connection.execute(survey.encode(), {})
    place = {column.name: index for index, column in enumerate(cursor.description or ())}
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row in cursor:
        present, missing = found.setdefault(str(row[place["migration"]]), ([], []))
        (present if row[place["present"]] else missing).append(str(row[place["object"]]))
    return {
        version: Objects(tuple(present), tuple(missing))
        for version, (present, missing) in found.items()
    }


def _partly(migration: Migration, objects: Objects) -> MigrationError:
    more = len(objects.missing) - SHOWN
    names = ", ".join(objects.missing[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return MigrationError(
        f"its objects are there in part, made by another runner: missing {names}",
        "add what is missing by hand, or take the rest away, then deploy again",
        file=migration.path.name,
    )
