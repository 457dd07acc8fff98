"""The ledger: what was done to this database, by whom, when, and how it ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gonogo.errors import DatabaseError, GonogoError, UsageError
from gonogo.ledger import history
from gonogo.ledger.rows import (
    ArchiveHead,
    Backup,
    Deployment,
    EnvironmentMark,
    MigrationRow,
    NewDeployment,
    Step,
    StepRow,
)
from gonogo.postgres.session import Connection, ask_bool, ask_int, asking, backend, first_line

DEPLOYMENT = """
select id, environment, revision, previous_revision, migrations_sha256, criteria_sha256,
    deployed_by, override_reason, schema_before, started_at, finished_at, outcome, rolled_back_at,
    rollback_mode, rollback_reason
from gonogo.deployment"""
BACKUP = """
select id, deployment_id, path, bytes, sha256, tool_version, made_at, verified_at, verified_by
from gonogo.backup"""

CUT_SHORT = "cut short: the deployer was gone before it ended"

T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]


class Ledger:
    """Reads and writes the ledger, each call its own transaction.

    Args:
        connection: In autocommit, and not the migrating one: what is written must outlive a
            migration that is rolled back. A restore puts another one in its place.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def pid(self) -> int:
        """The server process of its connection."""
        return backend(self.connection)

    def mark_environment(self, name: str, *, simulated: bool = False) -> EnvironmentMark:
        """Mark this database as an environment, once and for all.

        Args:
            name: staging or production.
            simulated: Whether it is a sandbox.

        Raises:
            UsageError: The ledger knows it as another one.
        """
        self._write(
            "insert into gonogo.environment (name, simulated) values (%s, %s) "
            "on conflict do nothing",
            (name, simulated),
        )
        mark = self.environment()
        if mark is None or (mark.name, mark.simulated) != (name, simulated):
            known = f"{'simulated ' if mark and mark.simulated else ''}{mark and mark.name}"
            asked = f"{'simulated ' if simulated else ''}{name}"
            raise UsageError(
                f"the ledger knows this database as {known}, not as {asked}",
                "check which database the variables name",
            )
        return mark

    def environment(self) -> EnvironmentMark | None:
        """Which environment this database is; None until it is marked."""
        return self._one(EnvironmentMark, "select name, simulated from gonogo.environment")

    def open_deployment(self, new: NewDeployment) -> int:
        """Begin a deployment, and return its id."""
        return self._insert(
            """
            insert into gonogo.deployment (environment, revision, previous_revision,
                migrations_sha256, criteria_sha256, deployed_by, override_reason)
            values (%(environment)s, %(revision)s, %(previous_revision)s, %(migrations_sha256)s,
                %(criteria_sha256)s, %(deployed_by)s, %(override_reason)s)
            returning id""",
            asdict(new),
        )

    def set_schema_before(self, deployment_id: int, fingerprint: str) -> None:
        """Keep the schema's fingerprint from before the first change; a later one is ignored."""
        self._write(
            "update gonogo.deployment set schema_before = coalesce(schema_before, %s) "
            "where id = %s",
            (fingerprint, deployment_id),
        )

    def finish_deployment(self, deployment_id: int, outcome: str) -> None:
        """End a deployment as ``succeeded`` (the soak begins) or ``failed``."""
        self._write(
            "update gonogo.deployment set outcome = %s, finished_at = clock_timestamp() "
            "where id = %s",
            (outcome, deployment_id),
        )

    def resume_deployment(self, deployment_id: int) -> None:
        """Go on with a deployment that failed or was killed."""
        self._write(
            "update gonogo.deployment set outcome = 'running', finished_at = null where id = %s",
            (deployment_id,),
        )

    def begin_rollback(self, deployment_id: int, mode: str, reason: str) -> None:
        """Keep mode and reason of a rollback, so that a resumed one has them too."""
        self._write(
            "update gonogo.deployment set rollback_mode = %s, rollback_reason = %s where id = %s",
            (mode, reason, deployment_id),
        )

    def roll_back_deployment(
        self, deployment_id: int, mode: str, reason: str, earlier: Sequence[int] = ()
    ) -> None:
        """Note that a deployment was rolled back by ``revert`` or ``restore``, and why.

        Also whether its application ever came up; unknown where no step of it was written down.

        Args:
            deployment_id: Which.
            mode: How.
            reason: Why.
            earlier: The attempts before it that were taken back with it, in the same moment.
        """
        self._write(
            """
            update gonogo.deployment as d set outcome = 'rolled_back', rollback_mode = %s,
                rollback_reason = %s, rolled_back_at = statement_timestamp(),
                served = (
                    select bool_or(s.name = 'wait_healthy' and s.outcome <> 'failed')
                    from gonogo.step as s
                    where s.deployment_id = d.id and s.procedure = 'deploy'
                )
            where d.id = any(%s)""",
            (mode, reason, [deployment_id, *earlier]),
        )

    def deployment(self, deployment_id: int) -> Deployment | None:
        """One deployment; None when there is none of that id."""
        return self._one(Deployment, f"{DEPLOYMENT} where id = %s", (deployment_id,))

    def latest_deployment(self, environment: str) -> Deployment | None:
        """The newest deployment of an environment, however it ended."""
        query = f"{DEPLOYMENT} where environment = %s order by id desc limit 1"
        return self._one(Deployment, query, (environment,))

    def deployments(self, environment: str | None = None) -> tuple[Deployment, ...]:
        """Every deployment, or those of one environment, newest first."""
        here = "%(here)s::text is null or environment = %(here)s"
        query = f"{DEPLOYMENT} where {here} order by id desc"
        return self._all(Deployment, query, {"here": environment})

    @contextlib.contextmanager
    def step(self, deployment_id: int, procedure: str, name: str) -> Iterator[Step]:
        """Record a step before it runs and after it ended, also when it ends in an error.

        Args:
            deployment_id: Whose step it is.
            procedure: deploy or rollback.
            name: The step's name.

        Yields:
            The step; what the body puts into its `evidence` is kept.
        """
        step = Step(
            self._insert(
                "insert into gonogo.step (deployment_id, procedure, name) values (%s, %s, %s) "
                "returning id",
                (deployment_id, procedure, name),
            )
        )
        try:
            yield step
        except BaseException as error:
            # The error that is on its way says more than a failure to write it down.
            with contextlib.suppress(DatabaseError):
                self._finish(step, "failed", _one_line(error))
            raise
        self._finish(step, "skipped" if step.skipped else "succeeded", None)

    def _finish(self, step: Step, outcome: str, error: str | None) -> None:
        self._write(
            """
            update gonogo.step set finished_at = clock_timestamp(), outcome = %s, evidence = %s,
                error = %s
            where id = %s""",
            (outcome, Jsonb(step.evidence), error, step.id),
        )

    def cut_short(self, deployment_id: int) -> None:
        """Note that the steps which still run in the ledger ended with their deployer."""
        self._write(
            "update gonogo.step set outcome = 'failed', error = %s "
            "where deployment_id = %s and outcome = 'running'",
            (CUT_SHORT, deployment_id),
        )

    def steps(self, deployment_id: int, procedure: str | None = None) -> tuple[StepRow, ...]:
        """The steps of a deployment in order; of both procedures when none is named."""
        return self._all(
            StepRow,
            """
            select id, deployment_id, procedure, name, started_at, finished_at, outcome, evidence,
                error
            from gonogo.step
            where deployment_id = %(id)s and (%(only)s::text is null or procedure = %(only)s)
            order by id""",
            {"id": deployment_id, "only": procedure},
        )

    def record_backup(
        self, deployment_id: int, path: Path | str, size_bytes: int, sha256: str, tool_version: str
    ) -> int:
        """Record a backup that is not verified yet, and return its id."""
        return self._insert(
            """
            insert into gonogo.backup (deployment_id, path, bytes, sha256, tool_version)
            values (%s, %s, %s, %s, %s) returning id""",
            (deployment_id, str(path), size_bytes, sha256, tool_version),
        )

    def verify_backup(self, backup_id: int, by: str) -> None:
        """Note that a backup was verified by ``restore``, by ``read`` or by the ``team``."""
        self._write(
            "update gonogo.backup set verified_at = clock_timestamp(), verified_by = %s "
            "where id = %s",
            (by, backup_id),
        )

    def backups(self, deployment_id: int | None = None) -> tuple[Backup, ...]:
        """Backups, newest first; of every deployment when none is named."""
        query = f"{BACKUP} where %(id)s::bigint is null or deployment_id = %(id)s order by id desc"
        return self._all(Backup, query, {"id": deployment_id})

    def record_head(self, head: ArchiveHead) -> None:
        """Keep how far a chain of the archive went."""
        self._insert(
            """
            insert into gonogo.archive_head (deployment_id, environment, lines, sha256)
            values (%(deployment_id)s, %(environment)s, %(lines)s, %(sha256)s) returning id""",
            asdict(head),
        )

    def archive_heads(self) -> tuple[ArchiveHead, ...]:
        """Each head since a deployment last went by an override; none in an older ledger."""
        if not ask_bool(self.connection, "select to_regclass('gonogo.archive_head') is not null"):
            return ()
        return self._all(
            ArchiveHead,
            """
            select deployment_id, environment, lines, sha256 from gonogo.archive_head
            where deployment_id >= coalesce((
                select max(id) from gonogo.deployment where override_reason is not null
            ), 0)
            order by id""",
        )

    def migrations(self) -> tuple[MigrationRow, ...]:
        """Every migration that was ever applied or adopted, oldest first."""
        return history.every(self.connection)

    @asking("the ledger cannot be written")
    def _write(self, query: str, values: Values) -> None:
        self.connection.execute(query, values)

    @asking("the ledger cannot be written")
    def _insert(self, query: str, values: Values) -> int:
        return ask_int(self.connection, query, values)

    def _one(self, kind: type[T], query: str, values: Values | None = None) -> T | None:
        return next(iter(self._all(kind, query, values)), None)

    @asking("the ledger cannot be read")
    def _all(self, kind: type[T], query: str, values: Values | None = None) -> tuple[T, ...]:
        with self.connection.cursor(row_factory=class_row(kind)) as cursor:
            return tuple(cursor.execute(query, values))


def _one_line(error: BaseException) -> str:
    """One line of an error: ours as it stands, others with their type."""
    ours = isinstance(error, GonogoError)
    return str(error) if ours else f"{type(error).__name__}: {first_line(error)}"
