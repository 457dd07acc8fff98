"""The traffic generator: what the application's users would have done, set-based and seeded.

Nothing is drawn at random: each value is a hash of seed, row number and draw, so the same traffic
over the same users is the same to the last bit, whatever the chunks, the plan or the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from psycopg.rows import tuple_row
from psycopg.sql import SQL

from gonogo.errors import UsageError
from gonogo.sandbox.mix import Mix, mix_parameters
from gonogo.sandbox.world import Connection, ask, run_script

SHORTEST = timedelta(hours=1)
# One INSERT's rows: large enough to cost nothing, small enough to sort and hash in memory.
CHUNK_ROWS = 500_000
# From here on it is faster to build the indexes anew: 1 M rows in 6 s instead of 10.
BULK_ROWS = 300_000
SETTINGS = """
select
    set_config('timezone', 'UTC', true),
    set_config('synchronous_commit', 'off', true),
    set_config('jit', 'off', true),
    set_config('work_mem', '64MB', true),
    -- A hash join keeps the rows in the order of time, in which every index is filled fastest.
    set_config('enable_mergejoin', 'off', true),
    set_config('enable_nestloop', 'off', true)"""
# Every user_id is read from users in the same transaction: checking each again is half the time.
WITHOUT_TRIGGERS = """
select set_config('session_replication_role', 'replica', true)
where current_setting('is_superuser') = 'on'"""
TABLES = (
    "users",
    "oauth_tokens",
    "sync_schedule",
    "sync_metrics",
    "calendar_webhook_subscriptions",
    "webhook_notifications",
    "token_health",
    "circuit_breaker_state",
    "token_health_notifications",
)
COUNT = "(select count(*) from {})"
COUNTS = f"select {', '.join(map(COUNT.format, TABLES))}"
ANALYZE = f"analyze {', '.join(TABLES)}"
# Statements that take an index away and that bring it back, as PostgreSQL itself words them.
INDEXES = """
select
    case when k.oid is null then format('drop index %%s', i.indexrelid::regclass)
        else format('alter table %%s drop constraint %%I', i.indrelid::regclass, k.conname)
    end,
    case when k.oid is null then pg_get_indexdef(i.indexrelid)
        else format('alter table %%s add constraint %%I %%s', i.indrelid::regclass, k.conname,
            pg_get_constraintdef(k.oid))
    end
from pg_index as i
left join pg_constraint as k on k.conindid = i.indexrelid and k.contype in ('p', 'u')
where i.indrelid = %s::regclass
order by i.indexrelid"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A stretch of an application's life.

    Args:
        start: Its first moment: the deployment's end; with a time zone.
        end: Its end, exclusive, which is also what the states stand as of; with a time zone.
        rows: Rows of ``sync_metrics``; those of the first syncs come on top.
        seed: Another seed makes other traffic.
        connected_users: How many of the users that connected before `start` take part; None takes
            all. Those of an earlier traffic take part in any case.
        mix: What it is made of; healthy by default.

    Raises:
        UsageError: It is shorter than an hour, has no time zone, or less than no row.
    """

    start: datetime
    end: datetime
    rows: int = 100_000
    seed: int = 1
    connected_users: int | None = None
    mix: Mix = field(default_factory=Mix)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise UsageError("traffic needs moments with a time zone", "use UTC")
        if self.end - self.start < SHORTEST or self.rows < 0:
            raise UsageError("traffic lasts an hour or more, and has no row or more")


@dataclass(frozen=True, slots=True)
class TrafficSummary:
    """What was written.

    Args:
        rows: New rows by table.
        elapsed_s: How long it took, seconds.
    """

    rows: Mapping[str, int]
    elapsed_s: float


def generate(connection: Connection, traffic: Traffic) -> TrafficSummary:
    """Write traffic, and bring every state up to its end, in one transaction.

    Args:
        connection: To a database of the sandbox that is deployed.
        traffic: What to write.
    """
    began = time.perf_counter()
    parameters = _parameters(traffic)
    with connection.transaction():
        ask(connection, SETTINGS)
        ask(connection, WITHOUT_TRIGGERS)
        before = ask(connection, COUNTS)
        for script in ("scratch", "sign_ups", "connections", "subscriptions", "hours"):
            run_script(connection, f"sql/{script}", parameters)
        with ExitStack() as stack:
            if traffic.rows >= max(BULK_ROWS, before[TABLES.index("sync_metrics")]):
                for table in ("sync_metrics", "webhook_notifications"):
                    stack.enter_context(without_indexes(connection, table))
            _write_events(connection, parameters)
        run_script(connection, "sql/one_by_one", {})
        run_script(connection, "sql/states", parameters)
        after = ask(connection, COUNTS)
        connection.execute(ANALYZE)
    written = {name: now - then for name, now, then in zip(TABLES, after, before, strict=True)}
    return TrafficSummary(written, time.perf_counter() - began)


def _write_events(connection: Connection, parameters: dict[str, object]) -> None:
    run_script(connection, "sql/first_syncs", parameters)
    for first_hour, last_hour in _chunks(connection):
        reach = {"first_hour": first_hour, "last_hour": last_hour}
        run_script(connection, "sql/syncs", parameters | reach)
        run_script(connection, "sql/notifications", parameters | reach)


def _chunks(connection: Connection) -> Iterator[tuple[int, int]]:
    """First and last hour of each INSERT: as many whole hours as `CHUNK_ROWS` allow."""
    (sizes,) = ask(connection, "select array_agg(syncs + notifications order by no) from hour")
    first, rows = 0, 0
    for no, size in enumerate(sizes):
        if rows and rows + size > CHUNK_ROWS:
            yield first, no - 1
            first, rows = no, 0
        rows += size
    yield first, len(sizes) - 1


def _parameters(traffic: Traffic) -> dict[str, object]:
    days = (traffic.end - traffic.start) / timedelta(days=1)
    start = traffic.start.astimezone(UTC).replace(tzinfo=None)
    return mix_parameters(traffic.mix) | {
        "start": start,
        "end": traffic.end.astimezone(UTC).replace(tzinfo=None),
        "seed": traffic.seed,
        "stream": f"{traffic.seed}:{start.isoformat()}:",
        "rows": traffic.rows,
        "connected_users": traffic.connected_users,
        "new_users": round(days * traffic.mix.onboarding.new_users_per_day),
    }


@contextmanager
def without_indexes(connection: Connection, table: str) -> Iterator[None]:
    """Let `table` have no index within the block, and the same ones as before after it.

    Args:
        connection: In a transaction, which a failure rolls back whole.
        table: The table; no foreign key may refer to it.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        indexes = cursor.execute(INDEXES, [table]).fetchall()
        for drop, _ in indexes:
            cursor.execute(SQL(drop))
        yield
        cursor.execute("select set_config('maintenance_work_mem', '256MB', true)")
        for _, create in indexes:
            cursor.execute(SQL(create))
