"""What a restore would need, asked before a deployment: no dead end is found at night."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.errors import some
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_int
from gonogo.rollout.backup.privileged import privileged
from gonogo.rollout.restore.possible import obstacles

SIZE = "select pg_database_size(current_database())"


@dataclass(frozen=True, slots=True)
class Restorable:
    """What stands in the way of a restore, and what is worth knowing of it.

    Args:
        problems: Why a restore fails, a line each.
        notes: Remarks, a line each.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def kept_to_superusers(connection: Connection) -> Restorable:
    """The objects that the role could not create anew; where rows need one, no restore succeeds.

    Args:
        connection: To the application's database, as the role that deploys.
    """
    found, role = privileged(connection), connection.info.user
    blocked = (
        f"{role} cannot restore the backup to prove it: {some(found.blocking)} cannot be left"
        f" out, and a role that is no superuser cannot create what it needs: deploy as a role"
        " that can, or with --backup-check read"
    )
    return Restorable(
        (blocked,) if found.blocking else (),
        tuple(
            f"{one}: {role} cannot create it, so the proof of the backup and `rollback --mode"
            " restore` leave it out (--backup-check read proves without a restore)"
            for one in found.named
        ),
    )


def restore_obstacles(connection: Connection, database: DatabaseSettings) -> tuple[str, ...]:
    """Why `rollback --mode restore` would be refused, a line each; empty where it would not.

    Args:
        connection: To the application's database, as the role that deploys.
        database: How it is reached.
    """
    found = obstacles(connection, database, ask_int(connection, SIZE))
    return tuple(f"`rollback --mode restore` would be refused: {one}" for one in found)
