"""One snapshot of the database, seen by one session or by several; and which database it is of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import LiteralString, Self, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from gonogo.errors import DatabaseError
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import CONNECT_BUDGET_S, Manners, Row, Session, connect
from gonogo.postgres.session import Connection, first_line
from gonogo.postgres.watchdog import PROBE_AFTER_S, PROBES, TICK_S, is_silent, shut

T = TypeVar("T")
ATTEMPTS = 3
# The coordinator of a Citus cluster runs each query on all its workers at once, and no snapshot
# spans them: a second session has nothing to add.
KIND: LiteralString = """
select
    on_cluster,
    case when %(shared)s and not on_cluster then pg_export_snapshot() end as snapshot
from (select exists (select from pg_extension where extname = 'citus') as on_cluster) as kind"""

# Of its own: the server refuses a query that names a function which the role may not call, even
# where it would not be called.
SYSTEM: LiteralString = "select system_identifier::text from pg_control_system()"
IDENTITY: LiteralString = """
select
    has_function_privilege('pg_control_system()', 'execute') as may_identify,
    current_database() as database,
    current_setting('server_version') as server_version,
    current_user::text as role,
    pg_is_in_recovery() as standby,
    exists (select from pg_extension where extname = 'citus') as cluster,
    pg_current_snapshot()::text as snapshot,
    (
        select case
            when r.rolsuper then 'superuser'
            when exists (
                select from pg_class as c
                join pg_namespace as n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p')
                    and (n.nspname = any(current_schemas(false)) or n.nspname = 'gonogo')
                    and has_table_privilege(c.oid, 'insert, update, delete, truncate')
            ) then 'write'
            else 'read'
        end
        from pg_roles as r where r.rolname = current_user
    ) as rights,
    transaction_timestamp() as now"""


class Watchdog:
    """Watches one connection; one thread, however many queries are asked.

    Args:
        descriptor: The connection's socket.
        is_silent: Whether the server gives no sign of life; takes a few seconds to find out.
    """

    def __init__(self, descriptor: int, is_silent: Callable[[], bool] = lambda: False) -> None:
        self._descriptor = descriptor
        self._is_silent = is_silent
        self._deadline: float | None = None
        self._probe_at = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gonogo watchdog", daemon=True)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Shut the socket down when the body takes longer than `seconds`, or nobody is there."""
        self._probe_at = time.monotonic() + PROBE_AFTER_S
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(TICK_S):
            deadline = self._deadline
            if deadline is not None and self._is_over(deadline):
                shut(self._descriptor)
                return

    def _is_over(self, deadline: float) -> bool:
        now = time.monotonic()
        if now > deadline or now < self._probe_at:
            return now > deadline
        silent = all(self._is_silent() for _ in range(PROBES))
        self._probe_at = time.monotonic() + PROBE_AFTER_S
        # It may have answered meanwhile, and be asked something else.
        return silent and self._deadline == deadline


def in_snapshot(settings: DatabaseSettings, manners: Manners, read: Callable[[Session], T]) -> T:
    """Read within one read-only, repeatable-read transaction.

    Args:
        settings: Which database.
        manners: The time limits.
        read: Asks whatever belongs together. It is called anew, with a new snapshot, when a standby
            cancels one: a measurement is never put together from two.

    Raises:
        DatabaseError: The database is out of reach, or stopped answering on the way.
    """
    repeat = Retrying(
        retry=retry_if_exception_type(errors.SerializationFailure),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    try:
        result: T = repeat(_read, settings, manners, read)
    except errors.SerializationFailure:
        raise DatabaseError(
            f"the standby cancelled the snapshot {ATTEMPTS} times",
            "measure on the primary, or set hot_standby_feedback",
        ) from None
    except psycopg.Error as error:
        raise DatabaseError(f"the database stopped answering: {first_line(error)}") from None
    return result


def _read(settings: DatabaseSettings, manners: Manners, read: Callable[[Session], T]) -> T:
    with ExitStack() as stack:
        session = _open(stack, settings, manners)
        session.begin()
        kind = _kind(session)
        snapshot = kind["snapshot"]
        return read(
            replace(
                session,
                open_others=lambda: _others(stack, settings, session, snapshot),
                on_cluster=kind["on_cluster"],
            )
        )


def _others(
    stack: ExitStack, settings: DatabaseSettings, own: Session, snapshot: str | None
) -> tuple[Session, ...]:
    opened: list[Session] = []
    while snapshot and len(opened) < own.manners.sessions - 1:
        try:
            opened.append(_beside(stack, settings, own.manners, snapshot))
        except (DatabaseError, psycopg.Error):
            # The server may have no connection left: the sessions that there are do the work.
            break
    if opened:
        for session in (own, *opened):
            session.without_workers()
    return tuple(opened)


def _open(
    stack: ExitStack,
    settings: DatabaseSettings,
    manners: Manners,
    budget_s: float = CONNECT_BUDGET_S,
) -> Session:
    # Closed, not committed: there is nothing to commit, and a silent server would not answer.
    connection = stack.enter_context(closing(connect(settings, budget_s=budget_s)))
    watchdog = stack.enter_context(Watchdog(connection.fileno(), partial(is_silent, settings)))
    return Session(connection, manners, watchdog)


def _beside(
    stack: ExitStack, settings: DatabaseSettings, manners: Manners, snapshot: str
) -> Session:
    """One more session that sees `snapshot`; tried only once, because it is optional."""
    with ExitStack() as own:
        session = _open(own, settings, manners, budget_s=0)
        session.begin(snapshot)
        stack.push(own.pop_all())
        return session


def _kind(session: Session) -> Row:
    """What kind of server this is, and the name by which other sessions see the same snapshot."""
    try:
        (row,) = session.ask(KIND, {"shared": session.manners.sessions > 1})
    except errors.SerializationFailure:
        raise
    except psycopg.Error:
        if session.lost:
            raise
        # It does not share its snapshots. Nothing was read yet: a new transaction loses nothing.
        session.begin_again()
        (row,) = session.ask(KIND, {"shared": False})
    return row


def identify(connection: Connection) -> DatabaseIdentity:
    """Which database answers.

    Raises:
        DatabaseError: The server answered with nothing.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return _identified(lambda query: cursor.execute(query).fetchall())[0]


def read_identity(session: Session) -> tuple[DatabaseIdentity, datetime]:
    """Which database this is, and the snapshot's moment.

    Raises:
        DatabaseError: The server answered with nothing.
    """
    return _identified(session.ask)


def _identified(
    ask: Callable[[LiteralString], Sequence[Row]],
) -> tuple[DatabaseIdentity, datetime]:
    rows = ask(IDENTITY)
    if not rows:
        raise DatabaseError(
            "the server did not say who it is", "check what answers at this address"
        )
    named = dict(rows[0])
    now: datetime = named.pop("now")
    system = ask(SYSTEM)[0]["system_identifier"] if named.pop("may_identify") else ""
    return DatabaseIdentity(system_identifier=system, **named), now.astimezone(UTC)
