"""Bring a database up to the migrations of a checkout, one file after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from psycopg.rows import dict_row

from gonogo.errors import MigrationError, some
from gonogo.ledger import history
from gonogo.ledger.deployer import DeployerLock, migrating
from gonogo.ledger.migration import Migration, pending
from gonogo.ledger.rows import MigrationRow
from gonogo.postgres import session, transaction
from gonogo.postgres.session import Connection, application_schema, asking, owner_to_be
from gonogo.postgres.settings import as_oneself
from gonogo.postgres.transaction import Patience, acting_as, search_path, send
from gonogo.rollout.migrations.outside import run_outside
from gonogo.rollout.migrations.requirements import require
from gonogo.rollout.migrations.statements import refuse_rewrites


@dataclass(frozen=True, slots=True)
class MigrationEvent:
    """What a migration is doing, for progress.

    Args:
        kind: started, waiting, indexing, applied, adopted, skipped, or reverted.
        version: The migration's.
        name: The migration's.
        detail: More about it, as part of a sentence; may be empty.
        elapsed_s: Since it started, in seconds.
    """

    kind: str
    version: str
    name: str
    detail: str = ""
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Applied:
    """How one migration came to be in place.

    Args:
        version: The migration's.
        name: The migration's.
        outcome: applied, adopted (its objects were there), or skipped (the ledger knew it).
        attempts: How many transactions it took.
        elapsed_s: In all, in seconds.
    """

    version: str
    name: str
    outcome: str
    attempts: int = 0
    elapsed_s: float = 0.0


def apply_pending(  # noqa: PLR0913  # only tests change the last
    connection: Connection,
    migrations: Sequence[Migration],
    deployment_id: int,
    *,
    on_event: Callable[[MigrationEvent], None],
    survey: str = "",
    anchor: str | None = None,
    lock: DeployerLock | None = None,
    patience: Patience | None = None,
) -> tuple[Applied, ...]:
    """Apply what the ledger does not know yet, each try on a connection of its own.

    So nothing that a file sets, makes or holds in its session reaches the next one.

    Args:
        connection: From `session.connect`; it runs no file.
        migrations: From `load`.
        deployment_id: Whose ledger rows these become.
        on_event: Called at each stage.
        survey: The schema survey (``schema_objects.sql``) that proves what may be adopted; empty
            means that nothing is adopted.
        anchor: A table of the application, whose owner owns what is made beside it.
        lock: The deployer's; None where a caller works on a database of its own.
        patience: Time limits; the defaults are those of a live system.

    Returns:
        One entry a migration, in order.

    Raises:
        MigrationError: A file changed since it was applied, objects are there in part, or a
            migration failed. Files before the failing one are in place.
        LockHeldError: The deployer's lock was lost; likewise.
        DatabaseError: The database does not answer.
    """
    schema = application_schema(connection, anchor)
    owner = owner_to_be(connection, schema, anchor)
    known = history.in_place(connection)
    _require_unchanged(migrations, known)
    whole = adoptable(connection, pending(migrations, known), survey)
    conninfo = session.conninfo_of(connection)
    with session.connect(conninfo, "gonogo ledger") as ledger:
        runner = _Runner(
            conninfo, ledger, lock, deployment_id, schema, owner, on_event, patience or Patience()
        )
        return tuple(
            runner.bring(one, known.get(one.version), adoptable=one.version in whole)
            for one in migrations
        )


def _require_unchanged(migrations: Sequence[Migration], known: Mapping[str, MigrationRow]) -> None:
    for migration in migrations:
        row = known.get(migration.version)
        if row is not None and row.sha256 != migration.sha256:
            raise MigrationError(
                f"changed since it was applied at {row.applied_at:%Y-%m-%d %H:%M:%SZ}",
                "restore the file, and put the change into a new migration",
                file=migration.filename,
            )


@asking("the schema cannot be surveyed")
def adoptable(connection: Connection, pending: Sequence[Migration], survey: str) -> frozenset[str]:
    """The pending migrations whose every object exists already, made by another runner.

    Args:
        connection: To the application's database.
        pending: Migrations that the ledger does not know.
        survey: A query that gives the columns migration, object and present (boolean) for every
            object; empty when nothing can be adopted.

    Returns:
        Their versions.

    Raises:
        MigrationError: Some objects of a migration exist and others do not: neither running nor
            skipping it would be right.
    """
    found: dict[str, tuple[list[str], list[str]]] = {}
    if survey and pending:
        with connection.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(survey.encode(), {}):
                present, missing = found.setdefault(str(row["migration"]), ([], []))
                (present if row["present"] else missing).append(str(row["object"]))
    whole = []
    for migration in pending:
        present, missing = found.get(migration.version, ([], []))
        if present and missing:
            raise MigrationError(
                f"its objects are there in part, made by another runner: missing {some(missing)}",
                "add what is missing by hand, or take the rest away, then deploy again",
                file=migration.filename,
            )
        if present:
            whole.append(migration.version)
    return frozenset(whole)


@dataclass(slots=True)
class _Runner:
    conninfo: str = field(repr=False)
    ledger: Connection
    lock: DeployerLock | None
    deployment_id: int
    schema: str
    owner: str | None
    on_event: Callable[[MigrationEvent], None]
    patience: Patience
    attempts: int = field(default=0, init=False)
    started: float = field(default=0.0, init=False)

    def bring(self, migration: Migration, row: MigrationRow | None, *, adoptable: bool) -> Applied:
        """Bring one migration into place, from whatever state it is in."""
        self.attempts, self.started = 0, time.monotonic()
        if row is not None and row.completed_at is not None:
            return self._noted(migration, "skipped")
        if adoptable and row is None:
            self._repeat(migration, self._adopt)
            return self._noted(migration, "adopted")
        self._tell("started", migration)
        if row is None:
            self._repeat(migration, self._apply)
        if migration.file.outside:
            self._tell("indexing", migration)
            self._repeat(migration, self._finish)
        return self._noted(migration, "applied")

    def _repeat(
        self, migration: Migration, action: Callable[[Connection, Migration], None]
    ) -> None:
        transaction.repeat(
            partial(self._attempt, migration, action),
            self.patience,
            partial(self._tell, "waiting", migration),
            migration.filename,
        )

    def _attempt(
        self, migration: Migration, action: Callable[[Connection, Migration], None]
    ) -> None:
        self.attempts += 1
        with (
            history.attempt(self.ledger, self.deployment_id, migration.version),
            session.connect(self.conninfo, "gonogo migrate") as fresh,
        ):
            action(fresh, migration)

    def _apply(self, connection: Connection, migration: Migration) -> None:
        require(connection, migration, self.schema)
        refuse_rewrites(connection, migration, self.schema, self.patience)
        transaction.once(connection, lambda: self._statements(connection, migration), self.patience)

    def _statements(self, connection: Connection, migration: Migration) -> None:
        with migrating(connection, self.lock, in_transaction=True):
            search_path(connection, self.schema)
            began = time.monotonic()
            file = migration.file
            with acting_as(connection, self.owner):
                for statement in file.inside:
                    send(connection, migration.filename, statement)
        as_oneself(connection)
        duration_ms = round((time.monotonic() - began) * 1000)
        history.record(
            connection,
            migration,
            self.deployment_id,
            duration_ms,
            complete=not file.outside,
        )

    def _adopt(self, connection: Connection, migration: Migration) -> None:
        def body() -> None:
            with migrating(connection, self.lock, in_transaction=True):
                history.record(connection, migration, self.deployment_id, 0, adopted=True)

        transaction.once(connection, body, self.patience)

    def _finish(self, connection: Connection, migration: Migration) -> None:
        with migrating(connection, self.lock):
            run_outside(connection, self.ledger, migration, self.schema, self.owner, self.patience)
        # What the file has set may stand in the way of the ledger's row.
        history.complete(self.ledger, migration.version)

    def _tell(self, kind: str, migration: Migration, detail: str = "") -> None:
        elapsed = time.monotonic() - self.started
        self.on_event(MigrationEvent(kind, migration.version, migration.name, detail, elapsed))

    def _noted(self, migration: Migration, outcome: str) -> Applied:
        self._tell(outcome, migration)
        elapsed = time.monotonic() - self.started
        return Applied(migration.version, migration.name, outcome, self.attempts, elapsed)
