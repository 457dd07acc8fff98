"""Bring a database up to the migrations of a checkout, one file after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from psycopg.rows import dict_row

from gonogo.errors import MigrationError, some
from gonogo.ledger import history
from gonogo.ledger.migration import Migration, pending
from gonogo.ledger.rows import MigrationRow
from gonogo.postgres import session, transaction
from gonogo.postgres.session import Connection, application_schema, asking, owner_to_be
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


def apply_pending(  # noqa: PLR0913  # only tests change the last two
    connection: Connection,
    migrations: Sequence[Migration],
    deployment_id: int,
    *,
    on_event: Callable[[MigrationEvent], None],
    survey: str = "",
    anchor: str | None = None,
    patience: Patience | None = None,
) -> tuple[Applied, ...]:
    """Apply what the ledger does not know yet.

    Args:
        connection: From `session.connect`, holding the deployer's lock.
        migrations: From `load`.
        deployment_id: Whose ledger rows these become.
        on_event: Called at each stage.
        survey: The schema survey (``schema_objects.sql``) that proves what may be adopted; empty
            means that nothing is adopted.
        anchor: A table of the application, whose owner owns what is made beside it.
        patience: Time limits; the defaults are those of a live system.

    Returns:
        One entry a migration, in order.

    Raises:
        MigrationError: A file changed since it was applied, objects are there in part, or a
            migration failed. Files before the failing one are in place.
        DatabaseError: The database does not answer.
    """
    schema = application_schema(connection, anchor)
    owner = owner_to_be(connection, schema, anchor)
    known = history.in_place(connection)
    _require_unchanged(migrations, known)
    whole = adoptable(connection, pending(migrations, known), survey)
    with session.connect(session.conninfo_of(connection), "gonogo ledger") as ledger:
        runner = _Runner(
            connection, ledger, deployment_id, schema, owner, on_event, patience or Patience()
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
    connection: Connection
    ledger: Connection
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
            return self._told(migration, "skipped")
        if adoptable and row is None:
            self._repeat(migration, self._adopt)
            return self._told(migration, "adopted")
        self._tell("started", migration)
        if row is None:
            self._repeat(migration, self._apply)
        if migration.file.outside:
            self._tell("indexing", migration)
            self._repeat(migration, self._finish)
        return self._told(migration, "applied")

    def _repeat(self, migration: Migration, action: Callable[[Migration], None]) -> None:
        transaction.repeat(
            partial(self._attempt, migration, action),
            self.patience,
            partial(self._tell, "waiting", migration),
            migration.filename,
        )
        if self.connection.closed:
            raise MigrationError(
                "is in place, but the connection was lost and the deployer's lock with it",
                "deploy again: it goes on from here",
                file=migration.filename,
            )

    def _attempt(self, migration: Migration, action: Callable[[Migration], None]) -> None:
        self.attempts += 1
        with history.attempt(self.ledger, self.deployment_id, migration.version):
            action(migration)

    def _apply(self, migration: Migration) -> None:
        require(self.connection, migration, self.schema)
        refuse_rewrites(self.connection, migration, self.schema, self.patience)
        transaction.once(self.connection, lambda: self._statements(migration), self.patience)

    def _statements(self, migration: Migration) -> None:
        search_path(self.connection, self.schema)
        began = time.monotonic()
        file = migration.file
        with acting_as(self.connection, self.owner):
            for statement in file.inside:
                send(self.connection, migration.filename, statement)
        duration_ms = round((time.monotonic() - began) * 1000)
        history.record(
            self.connection,
            migration,
            self.deployment_id,
            duration_ms,
            complete=not file.outside,
        )

    def _adopt(self, migration: Migration) -> None:
        transaction.once(
            self.connection,
            lambda: history.record(self.connection, migration, self.deployment_id, 0, adopted=True),
            self.patience,
        )

    def _finish(self, migration: Migration) -> None:
        run_outside(self.connection, migration, self.schema, self.owner, self.patience)
        history.complete(self.connection, migration.version)

    def _tell(self, kind: str, migration: Migration, detail: str = "") -> None:
        elapsed = time.monotonic() - self.started
        self.on_event(MigrationEvent(kind, migration.version, migration.name, detail, elapsed))

    def _told(self, migration: Migration, outcome: str) -> Applied:
        self._tell(outcome, migration)
        elapsed = time.monotonic() - self.started
        return Applied(migration.version, migration.name, outcome, self.attempts, elapsed)
