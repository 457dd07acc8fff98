"""The ledger's own schema, versioned apart from the application's."""

from __future__ import annotations

from pathlib import Path

from gonogo.errors import DatabaseError, MigrationError
from gonogo.postgres.send import send
from gonogo.postgres.session import Connection, asking
from gonogo.postgres.sqlfile import parse

INSUFFICIENT_PRIVILEGE = "42501"


@asking("the ledger cannot be set up")
def install(connection: Connection, ledger_dir: Path) -> None:
    """Bring the ledger's own schema up to the files of `ledger_dir`; a second run touches nothing.

    Args:
        connection: In autocommit; its role must be allowed to create a schema.
        ledger_dir: Holds ``001_….sql`` and those after it.

    Raises:
        DatabaseError: The ledger is newer than these files, or the role may not create it.
    """
    files = {int(path.name[:3]): path for path in sorted(ledger_dir.glob("[0-9][0-9][0-9]_*.sql"))}
    here = version(connection)
    if here > max(files, default=0):
        raise DatabaseError(
            f"the ledger of this database is version {here}, newer than this gonogo knows",
            "use the gonogo that deployed last, or a later one",
        )
    with connection.transaction():
        for number, path in files.items():
            if number > here:
                _run(connection, path)


def _run(connection: Connection, path: Path) -> None:
    try:
        for statement in parse(path.read_text(encoding="utf-8"), path.name).inside:
            send(connection, path.name, statement)
    except MigrationError as error:
        closed = error.sqlstate == INSUFFICIENT_PRIVILEGE
        remedy = "deploy as a role that may create a schema" if closed else ""
        raise DatabaseError(f"the ledger cannot be set up: {error}", remedy) from error


@asking("the ledger cannot be read")
def version(connection: Connection) -> int:
    """The version of the ledger's schema; 0 when there is none."""
    row = connection.execute("select to_regclass('gonogo.ledger_version') is not null").fetchone()
    if row is None or not row[0]:
        return 0
    row = connection.execute(
        "select coalesce(max(version), 0) from gonogo.ledger_version"
    ).fetchone()
    return int(row[0]) if row else 0
