"""Restore: the verified backup in a new database, what was written since carried over, then a swap.

Nothing of the live database is changed until it is closed, and until the swap it is opened again
by whatever ends the run; the swap itself happens whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gonogo.errors import StepError, UsageError
from gonogo.rollout import beside, swap
from gonogo.rollout.backup import TABLES, count_rows
from gonogo.rollout.carry import Carried, carry_over
from gonogo.rollout.fingerprint import schema_fingerprint
from gonogo.rollout.ledger_copy import Swapped, copy_ledger, make_ledger_schema
from gonogo.rollout.likeness import copy_grants, copy_settings, create_like
from gonogo.rollout.lock import deployer_lock
from gonogo.rollout.restore_ready import (
    require_rights_and_room,
    rows_backed_up,
    usable_backup,
)
from gonogo.rollout.restore_telling import summed_up, told
from gonogo.rollout.rows import Backup
from gonogo.rollout.session import Connection, connect
from gonogo.rollout.steps import LOOKS, Evidence, Resumption, Skipped, Step
from gonogo.rollout.work import Work
from gonogo.settings import DatabaseSettings

# The step that only the copy of the ledger tells of: whoever reads it reads it in its new place.
SWAPPED = "swapped"


PREPARED_AGAIN: Resumption[Work] = Resumption(
    stands=lambda _: False,
    otherwise="whether it is there still is looked for",
    cut_short="a new database that was not verified is dropped and made anew",
)
ANEW: Resumption[Work] = Resumption(
    stands=lambda _: False,
    otherwise="the database was opened again since, so it is done anew",
    cut_short="nothing of it is in place, so it is done anew",
)
# Whatever the database's own settings, which it has from the live one, would have.
UNBOUND = "set statement_timeout = 0; set default_transaction_read_only = off"


@dataclass(slots=True)
class Restoration:
    """A restore under way.

    Args:
        work: The deployment that is rolled back; after the swap, in the new database.
        server: A connection to another database.
        prepared: What the new database is called until the swap.
        damaged: Tables whose changes and deletions since the backup are not carried over.
        prospect: What can be carried over, tried and taken back.
    """

    work: Work
    server: Connection
    prepared: str
    damaged: tuple[str, ...]
    prospect: Carried | None = None
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _backup: Backup | None = field(default=None, repr=False)
    _restored: Connection | None = field(default=None, repr=False)
    _closed: bool = False

    @property
    def preparation(self) -> tuple[Step[Work], ...]:
        """What is done before anybody is asked: nothing of it touches the live database."""
        return (
            Step("check_backup", "Check the backup, rights and room", self._check, LOOKS),
            Step("new_database", "Make a new database", self._make, PREPARED_AGAIN),
            Step("restore_backup", "Restore the backup into it", self._fill, PREPARED_AGAIN),
            Step("verify_restored", "Prove what was restored", self._verify, PREPARED_AGAIN),
            Step("compare", "Find what was written since, try to carry it", self._try, LOOKS),
        )

    @property
    def steps(self) -> tuple[Step[Work], ...]:
        """What is done once jobs and application are stopped."""
        return (
            Step("close", "Close the database to everybody else", self._close, ANEW),
            Step("carry_rows", "Carry over the rows since the backup", self._carry, ANEW),
            Step("carry_ledger", "Carry over the ledger", self._carry_ledger, ANEW),
            Step("swap", "Put the new database in its place", self._swap, ANEW),
            Step("move_in", "Go on in the new database", self._move_in, ANEW),
        )

    @property
    def database(self) -> str:
        """The name of the live database."""
        return self.work.site.identity.database

    @property
    def target(self) -> DatabaseSettings:
        """How to reach the new database."""
        return self.work.database.with_database(self.prepared)

    @property
    def is_prepared(self) -> bool:
        """Whether an earlier run left the new database, restored and verified."""
        return swap.marked(self.server, self.prepared) is not None

    @property
    def needed_prospect(self) -> Carried:
        """What can be carried over; known once the preparation is done.

        Raises:
            StepError: It is not.
        """
        if self.prospect is None:
            raise StepError("nobody tried yet what can be carried over")
        return self.prospect

    def discard(self, *, unless_ready: bool = False) -> None:
        """Remove the new database: nothing was done.

        Args:
            unless_ready: Leave it when the backup is in it and verified.
        """
        if unless_ready and self._backup and self._is_ready(self.work):
            return
        self._forget_restored()
        swap.drop(self.server, self.prepared)

    def end(self) -> None:
        """Close what was opened; open the live database again, unless it was swapped."""
        try:
            self._forget_restored()
            if self._closed:
                swap.allow(self.server, self.database)
                self.work.site.narrator.note(f"{self.database} is open again, as it was")
        finally:
            self._stack.close()

    def _check(self, work: Work, evidence: Evidence) -> str:
        size_bytes = require_rights_and_room(work)
        backup = self._backup = usable_backup(work)
        evidence |= {"path": backup.path, "sha256": backup.sha256, "database_bytes": size_bytes}
        return f"{backup.path} is what it was when it was verified"

    def _make(self, work: Work, evidence: Evidence) -> str | Skipped:
        evidence["database"] = self.prepared
        if self._is_ready(work):
            return Skipped(f"{self.prepared} is restored and verified already")
        swap.drop(self.server, self.prepared)
        create_like(self.server, self.database, self.prepared, owner=True)
        return f"{self.prepared}, of the encoding, locale and owner of {self.database}"

    def _fill(self, work: Work, evidence: Evidence) -> str | Skipped:
        if self._is_ready(work):
            return Skipped("it is restored already")
        jobs = min(os.cpu_count() or 1, 4)
        path = self._need_backup().path
        work.site.narrator.progress("restore", 0, 0)
        work.tools.run("pg_restore", ["--exit-on-error", f"--jobs={jobs}", path], self.target)
        make_ledger_schema(work.tools, work.database, self.target)
        self._restored_connection().execute("analyze")
        settings = copy_settings(self.server, self.database, self.prepared)
        grants = copy_grants(self.server, self.database, self.prepared)
        evidence |= {"settings": settings, "grants": grants}
        return f"rows, indexes and rights of the backup; {settings} settings, {grants} grants"

    def _verify(self, work: Work, evidence: Evidence) -> str | Skipped:
        if self._is_ready(work):
            return Skipped("it is verified already")
        counted = self._equal_counts(work)
        evidence["rows"] = dict(counted)
        before = work.deployment.schema_before
        now = schema_fingerprint(work.tools.bin_dir, self.target.conninfo)
        evidence |= {"schema_before": before, "schema_now": now}
        if now != before:
            raise StepError(
                "the schema of the backup is not what it was before the deployment",
                "roll back by revert",
            )
        swap.mark(self.server, self.prepared, self._mark(work))
        total = sum(counted.values())
        return (
            f"schema equal to that before the deployment, {total:,} rows in {len(counted)} tables"
        )

    def _equal_counts(self, work: Work) -> Mapping[str, int]:
        connection = self._restored_connection()
        now = count_rows(connection, connection.execute(TABLES).fetchall())
        then = rows_backed_up(work)
        differing = [name for name in then if then[name] != now.get(name)]
        if differing:
            raise StepError(
                f"what was restored differs from what was backed up in {', '.join(differing[:5])}",
                "nothing was changed; roll back by revert",
            )
        return now

    def _try(self, work: Work, evidence: Evidence) -> str:
        _require_known(self.damaged, self._restored_connection())
        self.prospect = carry_over(
            work.site.connection, self._restored_connection(), self.damaged, keep=False
        )
        evidence |= told(self.prospect)
        return summed_up(self.prospect)

    def _close(self, work: Work, evidence: Evidence) -> str:
        # From here on what was carried over makes it another database than the backup's.
        swap.mark(self.server, self.prepared, None)
        self._closed = True
        ours = [work.site.connection.info.backend_pid, work.site.ledger.pid]
        ended = swap.shut(self.server, self.database, ours)
        evidence["sessions_ended"] = ended
        return f"{ended} sessions ended"

    def _carry(self, work: Work, evidence: Evidence) -> str:
        carried = carry_over(
            work.site.connection, self._restored_connection(), self.damaged, keep=True
        )
        evidence |= told(carried)
        return summed_up(carried)

    def _carry_ledger(self, work: Work, evidence: Evidence) -> str:
        counted = copy_ledger(work.site.ledger.connection, self._restored_connection())
        evidence["rows"] = dict(counted)
        return f"{sum(counted.values()):,} rows of {len(counted)} tables, and their sequences"

    def _swap(self, work: Work, evidence: Evidence) -> str:
        kept = beside.kept_name(self.database, datetime.now(UTC))
        evidence |= {"database": self.database, "kept_as": kept}
        swapped = Swapped(work.deployment.id, SWAPPED, evidence)
        # Once more, with this very step: what it says is read where the swap has happened.
        copy_ledger(work.site.ledger.connection, self._restored_connection(), swapped)
        self._forget_restored()
        work.site.connection.close()
        work.site.ledger.connection.close()
        swap.swap(self.server, self.database, self.prepared, kept)
        self._closed = False
        work.site.narrator.note(f"{self.database} is the restored database now")
        ledger = connect(work.database.conninfo, "gonogo ledger")
        work.site.ledger.connection = self._stack.enter_context(ledger)
        return f"the database before is kept as {kept}"

    def _move_in(self, work: Work, evidence: Evidence) -> str | Skipped:
        connection = self._stack.enter_context(connect(work.database.conninfo))
        self._stack.enter_context(deployer_lock(connection))
        self.work = replace(work, site=replace(work.site, connection=connection))
        evidence["database"] = self.database
        return f"{self.database} is locked again"

    def _mark(self, work: Work) -> str:
        state = {"deployment": work.deployment.id, "backup": self._need_backup().sha256}
        return json.dumps({"gonogo": "restored and verified", **state})

    def _is_ready(self, work: Work) -> bool:
        return swap.marked(self.server, self.prepared) == self._mark(work)

    def _need_backup(self) -> Backup:
        if self._backup is None:
            raise StepError("the backup was not checked")
        return self._backup

    def _restored_connection(self) -> Connection:
        if self._restored is None or self._restored.closed:
            self._restored = connect(self.target.conninfo, "gonogo restore")
            self._restored.execute(UNBOUND)
        return self._restored

    def _forget_restored(self) -> None:
        if self._restored is not None:
            self._restored.close()
            self._restored = None


@contextmanager
def restoring(work: Work, damaged: Sequence[str]) -> Iterator[Restoration]:
    """Hold what a restore needs; however it ends, the live database is open afterwards.

    Args:
        work: The deployment that is rolled back.
        damaged: Tables whose changes and deletions since are not carried over.

    Raises:
        LockHeldError: Another restore of this database is at work.
        DatabaseError: No other database of the server can be connected to.
    """
    name = work.site.identity.database
    query = "select oid::bigint from pg_database where datname = current_database()"
    row = work.site.connection.execute(query).fetchone()
    named = tuple(one if "." in one else f"{work.schema}.{one}" for one in damaged)
    with (
        beside.connect_beside(work.database, name) as server,
        beside.restore_lock(server, name),
    ):
        restoration = Restoration(work, server, beside.prepared_name(row[0] if row else 0), named)
        try:
            yield restoration
        finally:
            restoration.end()


def is_swapped(work: Work) -> bool:
    """Whether a restore of this deployment has put the new database in its place already."""
    steps = work.site.ledger.steps(work.deployment.id, "rollback")
    return any(step.name == SWAPPED and step.outcome == "succeeded" for step in steps)


def _require_known(damaged: Sequence[str], restored: Connection) -> None:
    there = {f"{schema}.{table}" for schema, table, _ in restored.execute(TABLES)}
    unknown = sorted(set(damaged) - there)
    if unknown:
        raise UsageError(
            f"the backup has no table {', '.join(unknown)}; nothing was done",
            "name it as the backup does, as table or schema.table",
        )
