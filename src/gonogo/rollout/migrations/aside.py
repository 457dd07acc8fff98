"""What a revert moved aside, deployment by deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.errors import UsageError
from gonogo.postgres.session import Connection
from gonogo.rollout.migrations.revert import ASIDE_PREFIX, rows_aside

SCHEMAS = "select nspname from pg_namespace where nspname ~ %s order by length(nspname), nspname"


@dataclass(frozen=True, slots=True)
class Aside:
    """What one deployment's revert moved aside.

    Args:
        deployment_id: The deployment.
        schema: Where it lies.
        rows: How many rows each table there holds.
    """

    deployment_id: int
    schema: str
    rows: Mapping[str, int]


def schemas_aside(connection: Connection) -> tuple[str, ...]:
    """The schemas in which something lies aside, the oldest deployment's first."""
    rows = connection.execute(SCHEMAS, (f"^{ASIDE_PREFIX}[0-9]+$",)).fetchall()
    return tuple(str(name) for (name,) in rows)


def asides(connection: Connection) -> tuple[Aside, ...]:
    """What lies aside, the oldest deployment's first."""
    return tuple(
        Aside(int(name.removeprefix(ASIDE_PREFIX)), name, rows_aside(connection, name))
        for name in schemas_aside(connection)
    )


def chosen(connection: Connection, deployment_id: int | None) -> Aside:
    """The aside that is meant.

    Args:
        connection: To the application's database.
        deployment_id: Whose; None where there is but one.

    Raises:
        UsageError: Nothing lies aside, not of that deployment, or of several.
    """
    found = asides(connection)
    if not found:
        raise UsageError("nothing lies aside; nothing was done", "see ./noxw -s status")
    ids = ", ".join(str(one.deployment_id) for one in found)
    if deployment_id is None and len(found) > 1:
        raise UsageError(
            f"something lies aside of the deployments {ids}; nothing was done",
            "say which with --deployment",
        )
    meant = [one for one in found if deployment_id in {None, one.deployment_id}]
    if not meant:
        raise UsageError(
            f"nothing lies aside of deployment {deployment_id}; nothing was done",
            f"there is of {ids}",
        )
    return meant[0]
