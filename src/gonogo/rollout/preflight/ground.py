"""What a preflight looks at, and how: no statement waits long, and every problem is a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from psycopg.errors import LockNotAvailable

from gonogo.errors import DatabaseError, GonogoError, UnreadyError
from gonogo.ledger import history
from gonogo.ledger.attempts import attempts
from gonogo.ledger.installation import version as ledger_version
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.rows import EnvironmentMark, MigrationRow
from gonogo.postgres.session import Connection
from gonogo.postgres.settings import set_for_session
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.steps import Skipped

# It only reads, so it gives up early where a table is locked for good.
LONGEST_LOCKED_S = 5


@dataclass(slots=True)
class Ground:
    """What the items are looked at on.

    Args:
        context: The rollout's context.
        reached: The connection to the application's database, as the role that deploys; None when
            it was not reached.
        notes: Remarks that prevent no deployment.
        locks: The locks that each migration takes of tables that are there, by its file.
    """

    context: RolloutContext
    reached: Connection | None
    notes: list[str] = field(default_factory=list)
    locks: dict[str, list[str]] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        """The connection to the application's database.

        Raises:
            DatabaseError: The database was not reached.
        """
        if self.reached is None:
            raise DatabaseError("the database was not reached")
        return self.reached

    def known(self) -> dict[str, MigrationRow]:
        """The migrations in place by the ledger; none where there is no ledger."""
        return history.in_place(self.connection) if self.ledger else {}

    @property
    def ledger(self) -> Ledger | None:
        """The ledger; None where there is none."""
        return Ledger(self.connection) if ledger_version(self.connection) else None

    @property
    def tried(self) -> frozenset[int]:
        """The attempts since the last deployment that served."""
        here = self.context.environment
        every = self.ledger.deployments(here) if self.ledger else ()
        return frozenset(one.id for one in attempts(every))

    @property
    def mark(self) -> EnvironmentMark | None:
        """The environment that the ledger knows this database as; None where it knows none."""
        return self.ledger.environment() if self.ledger else None

    @property
    def refusal(self) -> str:
        """Why the database is not the environment's; empty where it is, or is not known yet."""
        mark, environment = self.mark, self.context.environment
        if mark is None or mark.name == environment:
            return ""
        return f"the ledger knows this database as {mark.name}, not as {environment}"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a deployment needs.

    Args:
        name: Its short name, for the evidence.
        title: What is looked at.
        look: Returns what was proved; raises a `GonogoError` when something is missing.
        asks_database: Whether it needs the database to be reached.
    """

    name: str
    title: str
    look: Callable[[Ground], str | Skipped]
    asks_database: bool = True


def look_at(item: Item, ground: Ground) -> str | Skipped:
    """Look at an item; no statement waits longer than `LONGEST_LOCKED_S` for a locked table.

    Raises:
        UnreadyError: Something is missing, or a table stays locked.
        GonogoError: The item cannot be looked at.
    """
    if not item.asks_database:
        return item.look(ground)
    try:
        with set_for_session(ground.connection, {"lock_timeout": f"{LONGEST_LOCKED_S}s"}):
            return item.look(ground)
    except LockNotAvailable:
        who = "pg_locks shows who holds the lock: wait for it or end it"
        problem = f"{item.title}: a table stayed locked for {LONGEST_LOCKED_S} s: {who}"
        raise UnreadyError(problem, problems=(problem,)) from None


def require(problems: Iterable[str]) -> None:
    """Raise an error where there are problems.

    Raises:
        UnreadyError: There are.
    """
    if found := tuple(problems):
        raise UnreadyError("; ".join(found), problems=found)


def problems_of(error: GonogoError) -> tuple[str, ...]:
    """The problems that an error stands for, a line each."""
    return error.problems if isinstance(error, UnreadyError) else (str(error),)
