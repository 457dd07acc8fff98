"""Restore: the verified backup in a new database, what was written since carried over, then a swap.

Nothing of the live database is changed until it is closed, and until the swap it is opened again
by whatever ends the run; the swap itself happens whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psycopg

from gonogo.errors import DatabaseError, StepError, UsageError
from gonogo.ledger.deployer import deployer_lock
from gonogo.postgres.session import Connection, ask_int, backend, connect
from gonogo.rollout.backup.tables import table_sizes
from gonogo.rollout.restore import swap
from gonogo.rollout.restore.carry import Carried, carry_over
from gonogo.rollout.restore.ledger_copy import Swapped, copy_ledger
from gonogo.rollout.restore.objects import LARGE_OBJECTS
from gonogo.rollout.restore.replacement import NewDatabase, require_dump, rows_backed_up
from gonogo.rollout.runner.steps import LOOKS, Evidence, Resumption, Step
from gonogo.rollout.runner.work import Work

# A step that is written to the copy of the ledger alone: it is read only after the swap.
SWAPPED = "swapped"
ANEW: Resumption[Work] = Resumption(
    stands=lambda _: False,
    otherwise="the database has been opened again since, so the step is repeated",
    cut_short="nothing of it is in place, so the step is repeated",
)


@dataclass(slots=True)
class Restoration:
    """A restore under way.

    Args:
        work: The deployment that is rolled back; after the swap, in the new database.
        server: A connection to another database.
        new: The database that will take its place.
        damaged: Tables whose changes and deletions since the backup are not carried over.
        prospect: What can be carried over, as it was tried and rolled back.
    """

    work: Work
    server: Connection
    new: NewDatabase
    damaged: tuple[str, ...]
    prospect: Carried | None = None
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _closed: bool = False

    @property
    def preparation(self) -> tuple[Step[Work], ...]:
        """What is done before anybody is asked: nothing of it touches the live database."""
        title = "Find what was written since the backup, and try to carry it over"
        compare = Step(swap.COMPARISON, title, self._try, LOOKS)
        return (*self.new.steps, compare)

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
    def needed_prospect(self) -> Carried:
        """What can be carried over; known once the preparation is done.

        Raises:
            StepError: It is not.
        """
        if self.prospect is None:
            raise StepError("what can be carried over was not tried yet")
        return self.prospect

    def discard(self, *, unless_ready: bool = False) -> None:
        """Remove the new database: nothing was done.

        Args:
            unless_ready: Leave it when the backup is in it and verified.
        """
        if not (unless_ready and self.new.is_ready(self.work)):
            self.new.drop()

    def end(self) -> None:
        """Close what was opened; open the live database again, unless it was swapped."""
        try:
            self.new.leave()
            if self._closed:
                swap.allow(self.server, self.database)
                self.work.site.runner.note(f"{self.database} is open again, as it was")
        finally:
            self._stack.close()

    def _try(self, work: Work, evidence: Evidence) -> str:
        _require_known(self.damaged, table_sizes(self.new.connection))
        evidence["damaged"] = list(self.damaged)
        self.prospect = carry_over(
            work.site.connection, self.new.connection, self.damaged, keep=False
        )
        evidence |= self.prospect.evidence
        return self.prospect.summary

    def _close(self, work: Work, evidence: Evidence) -> str:
        # From here on what was carried over makes it another database than the backup's.
        self.new.touch()
        self._closed = True
        ours = [backend(work.site.connection), work.site.ledger.pid]
        ours += [work.site.lock.pid] if work.site.lock else []
        ended = swap.shut(self.server, self.database, ours)
        evidence["sessions_ended"] = ended
        return f"{ended} sessions ended"

    def _carry(self, work: Work, evidence: Evidence) -> str:
        carried = carry_over(work.site.connection, self.new.connection, self.damaged, keep=True)
        evidence |= carried.evidence
        return carried.summary

    def _carry_ledger(self, work: Work, evidence: Evidence) -> str:
        counted = copy_ledger(work.site.ledger.connection, self.new.connection)
        evidence["rows"] = dict(counted)
        return f"{sum(counted.values()):,} rows of {len(counted)} tables, and their sequences"

    def _swap(self, work: Work, evidence: Evidence) -> str:
        kept = swap.kept_name(self.database, datetime.now(UTC))
        evidence |= {"database": self.database, "kept_as": kept}
        evidence["deployments"] = [work.deployment.id, *work.earlier]
        swapped = Swapped(work.deployment.id, SWAPPED, evidence, work.earlier)
        # Once more, with this very step: what it says is read where the swap has happened.
        copy_ledger(work.site.ledger.connection, self.new.connection, swapped)
        self.new.leave()
        work.site.connection.close()
        work.site.ledger.connection.close()
        if work.site.lock:
            work.site.lock.give_up()
        swap.swap(self.server, self.database, self.new.name, kept)
        self._closed = False
        work.site.runner.note(f"{self.database} is the restored database now")
        ledger = connect(work.database.conninfo, "gonogo ledger")
        work.site.ledger.connection = self._stack.enter_context(ledger)
        return f"the database before is kept as {kept}"

    def _move_in(self, work: Work, evidence: Evidence) -> str:
        connection = self._stack.enter_context(connect(work.database.conninfo))
        holding = self._stack.enter_context(connect(work.database.conninfo))
        lock = self._stack.enter_context(deployer_lock(holding))
        self.work = replace(work, site=replace(work.site, connection=connection, lock=lock))
        evidence["database"] = self.database
        return f"{self.database} is locked again"


@contextmanager
def restoring(work: Work, damaged: Sequence[str]) -> Iterator[Restoration]:
    """Hold what a restore needs; however it ends, the live database is open afterwards.

    Args:
        work: The deployment that is rolled back.
        damaged: Tables whose changes and deletions since are not carried over.

    Raises:
        UsageError: The backup has no table of a name in `damaged`, or is not gonogo's to restore.
        LockHeldError: Another restore of this database is at work.
        DatabaseError: No other database of the server can be connected to.
    """
    require_dump(work)
    name = work.site.identity.database
    query = "select oid::bigint from pg_database where datname = current_database()"
    prepared = swap.prepared_name(ask_int(work.site.connection, query))
    named = tuple(one if "." in one else f"{work.schema}.{one}" for one in damaged)
    if counted := rows_backed_up(work):
        # Before the backup is loaded; without counts its tables are known only then.
        _require_known(named, counted)
    with (
        swap.connect_beside(work.database, name) as server,
        swap.restore_lock(server, name),
    ):
        new = NewDatabase(server, name, prepared, work.database.with_database(prepared))
        restoration = Restoration(work, server, new, named)
        try:
            yield restoration
        finally:
            restoration.end()


def is_swapped(work: Work) -> bool:
    """Whether a restore of this deployment has put the new database in its place already."""
    steps = work.site.ledger.steps(work.deployment.id, "rollback")
    return any(step.name == SWAPPED and step.outcome == "succeeded" for step in steps)


def drop_prepared(work: Work) -> bool:
    """Remove what a restore that did not come to its end has prepared; whether there was any.

    Args:
        work: A deployment that was rolled back by other means.
    """
    try:
        _, prepared = swap.relatives(work.site.connection)
        for name in prepared:
            with swap.connect_beside(work.database, work.site.identity.database) as server:
                swap.drop(server, name)
    except (DatabaseError, psycopg.Error):
        # The rollback is done; status names what is left.
        return False
    return bool(prepared)


def _require_known(damaged: Iterable[str], there: Iterable[str]) -> None:
    unknown = sorted(set(damaged) - set(there) - {LARGE_OBJECTS})
    if unknown:
        raise UsageError(
            f"the backup has no table {', '.join(unknown)}; nothing was done",
            "name it as the backup does, as table or schema.table",
        )
