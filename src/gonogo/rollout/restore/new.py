"""The new database of a restore: made like the live one, filled from the backup, proved."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from gonogo.errors import StepError
from gonogo.ledger.installation import version
from gonogo.ledger.rows import Backup
from gonogo.postgres import swap
from gonogo.postgres.likeness import copy_grants, copy_settings, create_like
from gonogo.postgres.session import Connection, connect
from gonogo.postgres.settings import DatabaseSettings
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.backup.tables import TABLES, count_rows
from gonogo.rollout.restore.ledger_copy import make_ledger_schema
from gonogo.rollout.restore.ready import (
    require_rights_and_room,
    rows_backed_up,
    usable_backup,
)
from gonogo.rollout.runner.steps import LOOKS, Evidence, Resumption, Skipped, Step
from gonogo.rollout.runner.work import Work

PREPARED_AGAIN: Resumption[Work] = Resumption(
    stands=lambda _: False,
    otherwise="whether it is there still is looked for",
    cut_short="a new database that was not verified is dropped and made anew",
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
    """

    server: Connection
    source: str
    name: str
    settings: DatabaseSettings
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
        size_bytes = require_rights_and_room(work)
        backup = self._backup = usable_backup(work)
        evidence |= {"path": backup.path, "sha256": backup.sha256, "database_bytes": size_bytes}
        return f"{backup.path} is what it was when it was verified"

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
        path = self._need_backup().path
        work.site.narrator.progress("restore", 0, 0)
        work.tools.run("pg_restore", ["--exit-on-error", f"--jobs={jobs}", path], self.settings)
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
        now = schema_fingerprint(work.tools.bin_dir, self.settings.conninfo)
        evidence |= {"schema_before": before, "schema_now": now}
        if now != before:
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
        connection = self.connection
        now = count_rows(connection, connection.execute(TABLES).fetchall())
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
