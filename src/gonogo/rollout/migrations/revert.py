"""Revert what deployments applied: in reverse order, in one transaction, data moved aside.

What the new version wrote goes to the schema ``gonogo_aside_<deployment>``; nothing is dropped that
was not copied there. Adopted objects stay: another runner made them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from psycopg import sql

from gonogo.errors import MigrationError, UsageError
from gonogo.ledger import history
from gonogo.ledger.deployer import DeployerLock, migrating
from gonogo.ledger.migration import Migration
from gonogo.postgres import transaction
from gonogo.postgres.session import (
    Connection,
    application_schema,
    ask_int,
    connect,
    conninfo_of,
)
from gonogo.postgres.settings import forget
from gonogo.postgres.transaction import Patience, search_path, send
from gonogo.rollout.migrations.apply import MigrationEvent
from gonogo.screen import command

ASIDE_PREFIX = "gonogo_aside_"
SCHEMAS = "select nspname from pg_namespace where nspname ~ %s order by length(nspname), nspname"


@dataclass(frozen=True, slots=True)
class RevertSummary:
    """What a revert did.

    Args:
        aside: The schema that holds what was moved.
        versions: The migrations that were reverted, last one first; empty when nothing was left.
        rows_aside: How many rows each table there holds.
        elapsed_s: How long the transaction took, with its repetitions, in seconds.
    """

    aside: str
    versions: tuple[str, ...]
    rows_aside: Mapping[str, int]
    elapsed_s: float


def aside_schema(deployment_id: int) -> str:
    """Where a deployment's tables and columns are moved to."""
    return f"{ASIDE_PREFIX}{deployment_id}"


def revert(  # noqa: PLR0913  # only tests change the last
    connection: Connection,
    migrations: Sequence[Migration],
    deployment_id: int,
    *,
    earlier: Sequence[int] = (),
    on_event: Callable[[MigrationEvent], None],
    anchor: str | None = None,
    lock: DeployerLock | None = None,
    patience: Patience | None = None,
) -> RevertSummary:
    """Revert what these deployments applied and what still stands, on a fresh connection.

    Args:
        connection: From `session.connect`; it runs no file.
        migrations: From `migration.load`, as they were when they were applied.
        deployment_id: The newest; what is moved aside goes to its schema.
        earlier: The attempts before it that are taken back with it.
        on_event: Called for each migration, and for waits.
        anchor: A table of the application, in whose schema the migrations are.
        lock: The deployer's; None where a caller works on a database of its own.
        patience: Time limits; the defaults are those of a live system.

    Raises:
        MigrationError: A file is missing or changed, or a statement failed. Nothing was changed.
        LockHeldError: The deployer's lock was lost; likewise.
        DatabaseError: The database does not answer.
    """
    began = time.monotonic()
    aside = aside_schema(deployment_id)
    deployments = (deployment_id, *earlier)
    steps = plan(connection, migrations, deployments)
    if steps:
        schema = application_schema(connection, anchor)
        limits = patience or Patience()

        def attempt() -> None:
            with connect(conninfo_of(connection), "gonogo migrate") as fresh:
                body = _Body(fresh, lock, steps, deployments, schema, limits)
                transaction.once(fresh, body, limits)

        transaction.repeat(attempt, limits, partial(_waiting, on_event))
    elapsed = time.monotonic() - began
    for one in steps:
        on_event(MigrationEvent("reverted", one.version, one.name, f"moved to {aside}", elapsed))
    versions = tuple(one.version for one in steps)
    return RevertSummary(aside, versions, rows_aside(connection, aside), elapsed)


def plan(
    connection: Connection, migrations: Sequence[Migration], deployments: Sequence[int]
) -> tuple[Migration, ...]:
    """What `revert` would revert of these deployments, in its order; reads only.

    Raises:
        MigrationError: A file that is needed is missing, or changed since it was applied.
    """
    files = {one.version: one for one in migrations}
    steps: list[Migration] = []
    for row in reversed(history.of_deployments(connection, deployments)):
        migration = files.get(row.version)
        if migration is None or migration.sha256 != row.sha256:
            state = (
                "is not in this checkout" if migration is None else "changed since it was applied"
            )
            raise MigrationError(
                f"{state}, so its revert cannot be trusted",
                "check out the migrations that were deployed",
                file=f"{row.version}_{row.name}.sql",
            )
        if migration.revert is None:
            raise MigrationError(
                "has no revert file",
                "write one, or roll back with --mode restore",
                file=migration.filename,
            )
        steps.append(migration)
    return tuple(steps)


def rows_aside(connection: Connection, aside: str) -> dict[str, int]:
    """How many rows each table of an aside schema holds; empty when there is no such schema."""
    tables = connection.execute(
        "select relname from pg_class where relnamespace = to_regnamespace(%s) and relkind = 'r' "
        "order by relname",
        (aside,),
    ).fetchall()
    query = sql.SQL("select count(*) from {}")
    return {
        table: ask_int(connection, query.format(sql.Identifier(aside, table)))
        for (table,) in tables
    }


def drop_aside(
    connection: Connection, deployment_id: int, patience: Patience | None = None
) -> dict[str, int]:
    """Remove for good what a revert moved aside.

    Returns:
        How many rows each table had; empty when nothing lay aside.

    Raises:
        MigrationError: A lock was not granted in time.
    """
    aside = aside_schema(deployment_id)
    rows = rows_aside(connection, aside)
    drop = sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(aside))
    in_one_transaction(
        connection, lambda: connection.execute(drop), lambda _: None, patience or Patience()
    )
    return rows


def in_one_transaction(
    connection: Connection,
    body: Callable[[], object],
    on_event: Callable[[MigrationEvent], None],
    patience: Patience,
) -> None:
    """Run `body` in one transaction, again as a whole where a lock was in the way.

    Args:
        connection: In autocommit.
        body: Sends the statements.
        on_event: Called for waits.
        patience: The time limits.

    Raises:
        MigrationError: A statement failed, or a lock was not granted in time.
    """
    once = partial(transaction.once, connection, body, patience)
    transaction.repeat(once, patience, partial(_waiting, on_event))


def _waiting(on_event: Callable[[MigrationEvent], None], why: str) -> None:
    on_event(MigrationEvent("waiting", "", "revert", why))


@dataclass(frozen=True, slots=True)
class _Body:
    connection: Connection
    lock: DeployerLock | None
    steps: tuple[Migration, ...]
    deployments: tuple[int, ...]
    schema: str
    patience: Patience

    def __call__(self) -> None:
        with migrating(self.connection, self.lock, in_transaction=True):
            self._revert()

    def _revert(self) -> None:
        aside = aside_schema(self.deployments[0])
        name = sql.Identifier(aside)
        self.connection.execute(sql.SQL("create schema if not exists {}").format(name))
        for migration in self.steps:
            search_path(self.connection, self.schema)
            for statement in migration.revert.inside if migration.revert else ():
                send(self.connection, migration.revert_filename, statement, {"aside": aside})
            forget(self.connection, self.patience)
            history.mark_reverted(self.connection, self.deployments, migration.version)
        self._let_owners_in(aside)

    def _let_owners_in(self, aside: str) -> None:
        """Cascading deletes run as a table's owner, who must be able to reach it there."""
        owners = self.connection.execute(
            "select distinct pg_get_userbyid(relowner) from pg_class "
            "where relnamespace = to_regnamespace(%s) and relkind = 'r'",
            (aside,),
        ).fetchall()
        for (owner,) in owners:
            grant = sql.SQL("grant usage on schema {} to {}")
            self.connection.execute(grant.format(sql.Identifier(aside), sql.Identifier(owner)))


@dataclass(frozen=True, slots=True)
class Aside:
    """What one deployment's revert moved aside.

    Args:
        deployment_id: The deployment.
        schema: The schema that holds it.
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
        raise UsageError("nothing lies aside; nothing was done", f"see {command('status')}")
    ids = ", ".join(str(one.deployment_id) for one in found)
    if deployment_id is None and len(found) > 1:
        raise UsageError(
            f"something lies aside from several deployments ({ids}); nothing was done",
            "choose one with --deployment",
        )
    meant = [one for one in found if deployment_id in {None, one.deployment_id}]
    if not meant:
        raise UsageError(
            f"nothing lies aside from deployment {deployment_id}; nothing was done",
            f"deployments with something aside: {ids}",
        )
    return meant[0]
