"""The ledger's own schema, versioned apart from the application's; its SQL lies in `sql/`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from gonogo.errors import DatabaseError, MigrationError
from gonogo.postgres.session import Connection, ask_bool, ask_int, asking
from gonogo.postgres.sqlfile import parse
from gonogo.postgres.transaction import send

INSUFFICIENT_PRIVILEGE = "42501"


@asking("the ledger cannot be set up")
def install(connection: Connection) -> None:
    """Bring the ledger's schema up to this gonogo's; a second run touches nothing.

    Args:
        connection: In autocommit; its role must be allowed to create a schema.

    Raises:
        DatabaseError: The ledger is newer than this gonogo, or the role may not create it.
    """
    migrations = _migrations()
    here = version(connection)
    if here > max(migrations):
        raise DatabaseError(
            f"the ledger of this database is version {here}, newer than this gonogo knows",
            "use the gonogo that deployed last, or a later one",
        )
    query = "select version from gonogo.ledger_version"
    done = {number for (number,) in connection.execute(query)} if here else set()
    with connection.transaction():
        for number, file in migrations.items():
            if number not in done:
                _run(connection, file)


def _migrations() -> dict[int, Traversable]:
    """The ledger's migrations by version, oldest first."""
    sql = [file for file in files(__package__).joinpath("sql").iterdir() if ".sql" in file.name]
    return {int(file.name[:3]): file for file in sorted(sql, key=lambda file: file.name)}


def _run(connection: Connection, file: Traversable) -> None:
    try:
        for statement in parse(file.read_text(encoding="utf-8"), file.name).inside:
            send(connection, file.name, statement)
    except MigrationError as error:
        closed = error.sqlstate == INSUFFICIENT_PRIVILEGE
        remedy = "deploy as a role that may create a schema" if closed else ""
        raise DatabaseError(f"the ledger cannot be set up: {error}", remedy) from error


@asking("the ledger cannot be read")
def version(connection: Connection) -> int:
    """The version of the ledger's schema; 0 when there is none."""
    if not ask_bool(connection, "select to_regclass('gonogo.ledger_version') is not null"):
        return 0
    return ask_int(connection, "select max(version) from gonogo.ledger_version")


def require(connection: Connection) -> None:
    """Refuse a database without a ledger.

    Raises:
        DatabaseError: There is none.
    """
    if not version(connection):
        raise DatabaseError(
            "there is no ledger (schema gonogo) in this database",
            "check which database the variables name; the first deployment sets the ledger up",
        )
