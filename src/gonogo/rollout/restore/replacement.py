"""The new database of a restore: what it takes, how it is made, filled and proved."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.errors import BackupError, StepError, UsageError
from gonogo.ledger.attempts import backup_before
from gonogo.ledger.installation import version
from gonogo.ledger.rows import Backup
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, connect
from gonogo.rollout.backup.backup import file_sha256
from gonogo.rollout.backup.fingerprint import described, fingerprint, schema_statements
from gonogo.rollout.backup.privileged import (
    Privileged,
    left_out_sql,
    privileged,
    restore,
)
from gonogo.rollout.backup.scratch import copy_grants, copy_settings, create_like
from gonogo.rollout.backup.tables import count_rows
from gonogo.rollout.restore import swap
from gonogo.rollout.restore.ledger_copy import make_ledger_schema
from gonogo.rollout.restore.possible import require_possible
from gonogo.rollout.runner.steps import LOOKS, Evidence, Resumption, Skipped, Step
from gonogo.rollout.runner.work import Work
from gonogo.screen import command

RESTORED_SCHEMA = "schema_restored"
PREPARED_AGAIN: Resumption[Work] = Resumption(
    stands=lambda _: False,
    otherwise="whether it still exists is checked",
    cut_short="a new database that was not verified is dropped and made again",
)
# Whatever the database's own settings, which it has from the live one, would have.
UNBOUND = "set statement_timeout = 0; set default_transaction_read_only = off"


@dataclass(slots=True)
class NewDatabase:
    """The database that a backup is restored into.

    Args:
        server: A connection to another database.
        source: The live database's name.
        name: What the new one is called until it takes that name.
        settings: How to reach it.
        left_out: What this role cannot restore, once that is known.
    """

    server: Connection
    source: str
    name: str
    settings: DatabaseSettings
    left_out: Privileged = field(default_factory=Privileged, repr=False)
    _backup: Backup | None = field(default=None, repr=False)
    _connection: Connection | None = field(default=None, repr=False)

    @property
    def steps(self) -> tuple[Step[Work], ...]:
        """What makes it: nothing of it touches the live database."""
        return (
            Step("check_backup", "Check the backup, rights and room", self._check, LOOKS),
            Step("new_database", "Make a new database", self._make, PREPARED_AGAIN),
            Step("restore_backup", "Restore the backup into it", self._fill, PREPARED_AGAIN),
            Step("verify_restored", "Prove what was restored", self._verify, PREPARED_AGAIN),
        )

    @property
    def connection(self) -> Connection:
        """A connection to it, opened when it is asked for."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.settings.conninfo, "gonogo restore")
            self._connection.execute(UNBOUND)
        return self._connection

    @property
    def is_there(self) -> bool:
        """Whether an earlier run left it, restored and verified."""
        return swap.marked(self.server, self.name) is not None

    def is_ready(self, work: Work) -> bool:
        """Whether the very backup of this deployment is in it, verified, and nothing else."""
        return self._backup is not None and swap.marked(self.server, self.name) == self._mark(work)

    def touch(self) -> None:
        """Note that it is about to become another database than the backup's."""
        swap.mark(self.server, self.name, None)

    def leave(self) -> None:
        """Close the connection to it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def drop(self) -> None:
        """Remove it."""
        self.leave()
        swap.drop(self.server, self.name)

    def _check(self, work: Work, evidence: Evidence) -> str:
        size_bytes = require_possible(work.site.connection, work.database)
        backup = self._backup = usable_backup(work)
        self.left_out = privileged(work.site.connection)
        evidence["left_out"] = list(self.left_out.named)
        evidence |= {"path": backup.path, "sha256": backup.sha256, "database_bytes": size_bytes}
        return f"{backup.path} is unchanged since it was verified"

    def _make(self, work: Work, evidence: Evidence) -> str | Skipped:
        evidence["database"] = self.name
        if self.is_ready(work):
            return Skipped(f"{self.name} is restored and verified already")
        swap.drop(self.server, self.name)
        create_like(self.server, self.source, self.name, owner=True)
        return f"{self.name}, of the encoding, locale and owner of {self.source}"

    def _fill(self, work: Work, evidence: Evidence) -> str | Skipped:
        if self.is_ready(work):
            return Skipped("it is restored already")
        jobs = min(os.cpu_count() or 1, 4)
        path = Path(self._need_backup().path)
        work.site.runner.progress("restore", 0, 0)
        restore(work.tools, path, self.settings, self.left_out, [f"--jobs={jobs}"])
        make_ledger_schema(work.tools, work.database, self.settings)
        self.connection.execute("analyze")
        settings = copy_settings(self.server, self.source, self.name)
        grants = copy_grants(self.server, self.source, self.name)
        evidence |= {"settings": settings, "grants": grants}
        return f"rows, indexes and rights of the backup; {settings} settings, {grants} grants"

    def _verify(self, work: Work, evidence: Evidence) -> str | Skipped:
        if self.is_ready(work):
            return Skipped("it is verified already")
        counted = self._equal_counts(work)
        evidence["rows"] = dict(counted)
        before = work.deployment.schema_before
        gate_role = work.context.config.gate_role
        restored = schema_statements(work.tools.bin_dir, self.settings.conninfo, gate_role)
        left = left_out_sql(work.tools, Path(self._need_backup().path), self.left_out)
        whole = fingerprint([*restored, *described(left, gate_role)])
        evidence |= {"schema_before": before, "schema_now": whole}
        if left:
            # What the database is proved to be once it is in its place.
            evidence[RESTORED_SCHEMA] = fingerprint(restored)
        if whole != before:
            raise StepError(
                "the schema of the backup is not what it was before the deployment",
                "roll back by revert",
            )
        swap.mark(self.server, self.name, self._mark(work))
        total = sum(counted.values())
        return (
            f"schema equal to that before the deployment, {total:,} rows in {len(counted)} tables"
        )

    def _equal_counts(self, work: Work) -> Mapping[str, int]:
        now = count_rows(self.connection)
        then = rows_backed_up(work)
        differing = [name for name in then if then[name] != now.get(name)]
        if differing:
            raise StepError(
                f"what was restored differs from what was backed up in {', '.join(differing[:5])}",
                "nothing was changed; roll back by revert",
            )
        return now

    def _mark(self, work: Work) -> str:
        state = {
            "deployment": work.deployment.id,
            "backup": self._need_backup().sha256,
            "ledger": version(work.site.connection),
        }
        return json.dumps({"gonogo": "restored and verified", **state})

    def _need_backup(self) -> Backup:
        if self._backup is None:
            raise StepError("the backup was not checked")
        return self._backup


def usable_backup(work: Work) -> Backup:
    """The newest verified backup from before the first change, proved unharmed.

    Raises:
        BackupError: There is none, its file is missing, or its file has changed.
    """
    backup = _newest_before(work)
    if backup is None:
        raise BackupError(
            f"deployment {work.base_id} has no verified backup", "roll back by revert"
        )
    path = Path(backup.path)
    if not path.is_file():
        raise BackupError(f"the backup {path} is not on this machine", "bring it back there")
    if (path.stat().st_size, file_sha256(path)) != (backup.bytes, backup.sha256):
        raise BackupError(
            f"the backup {path} has changed since it was verified", "bring back a copy of it"
        )
    return backup


def _newest_before(work: Work) -> Backup | None:
    ledger = work.site.ledger
    return backup_before(work.base_id, ledger.migrations(), ledger.backups(work.base_id))


def require_dump(work: Work) -> None:
    """Refuse a restore where the backup is one of the team's own, before anything is done.

    Raises:
        UsageError: It is.
    """
    backup = _newest_before(work)
    if backup and backup.is_of_team:
        raise UsageError(
            f"the backup of deployment {work.base_id} is {backup.path}, made by the team's own"
            " commands: gonogo cannot restore it; nothing was done",
            f"roll back by revert; or stop the application, restore {backup.path} as your team"
            f" does, and then run {command('rollback')}, which brings the code back",
        )


def rows_backed_up(work: Work) -> Mapping[str, int]:
    """Rows by table within the backup's snapshot, as its step proved; empty without counts."""
    steps = work.site.ledger.steps(work.base_id, "deploy")
    proved = [step for step in steps if step.name == "backup" and step.outcome == "succeeded"]
    rows: Any = proved[-1].evidence.get("rows", {}) if proved else {}
    return {str(name): int(count) for name, count in rows.items()}
