"""`deploy -- --plan`: what a deployment would do, found out without doing it.

Reads the database, and tries the migrations on a scratch database that holds its schema and no row.
No lock of the database outlives the reading of its schema; nothing of it is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from gonogo.ledger import migration
from gonogo.ledger.migration import digest
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.session import (
    Connection,
    application_schema,
    connect,
)
from gonogo.postgres.snapshot import identify
from gonogo.rollout.fleet import lacking, others
from gonogo.rollout.migrations import linter
from gonogo.rollout.preflight.ground import Ground
from gonogo.rollout.preflight.trial import PlannedMigration, states, stops_first, try_out
from gonogo.rollout.runner.context import RolloutContext, revisions

SIZES = """
select c.relname, pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p')"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a table is.

    Args:
        rows: As the server last estimated.
        size_bytes: With its indexes.
    """

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment would do.

    Args:
        identity: To which database.
        revision: What is to run.
        previous_revision: What runs now.
        migrations: Every file, lowest version first.
        sizes: Of the tables that are there, by name.
        problems: Why it would not succeed, a line each.
        notes: What is worth knowing, a line each.
        stop_first: Whether the application is stopped before the migrations.
    """

    identity: DatabaseIdentity
    revision: str
    previous_revision: str
    migrations: tuple[PlannedMigration, ...]
    sizes: Mapping[str, Size]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    stop_first: bool


def plan(context: RolloutContext) -> Plan:
    """Find out what a deployment would do.

    Args:
        context: The rollout's context.

    Raises:
        GonogoError: The database does not answer, or a file cannot be read.
    """
    with connect(context.database.conninfo, "gonogo plan") as connection:
        connection.execute("set default_transaction_read_only = on")
        identity = identify(connection)
        schema = application_schema(connection, context.anchor)
        ground = Ground(context, connection)
        known, ledger = ground.known(), ground.ledger
        latest = ledger.latest_deployment(context.environment) if ledger else None
        revision, previous = revisions(context, latest)
        migrations = context.migrations()
        sizes = _sizes(connection, schema)
        problems = [f"would be refused: {ground.refusal}"] if ground.refusal else []
        within = (context.config.migrations_from, context.config.migrations_to)
        problems += migration.problems(migrations, known, *within)
        found = states(connection, context, migrations, known, problems)
        trial = try_out(connection, context, found)
    problems += trial.problems
    notes = trial.notes
    wanted = ("succeeded", revision, digest(migrations))
    if latest and (latest.outcome, latest.revision, latest.migrations_sha256) == wanted:
        notes.append("this is deployed already: nothing would be done")
    if waits_for := lacking(others(context), context.environment, revision):
        notes.append(f"the code would wait for the fleet: {'; '.join(waits_for)}")
    waiting = [one.migration for one in trial.migrations if one.state == "pending"]
    notes += linter.heard(context.environ, waiting, context.project.root)[0]
    return Plan(
        identity,
        revision,
        previous,
        trial.migrations,
        sizes,
        tuple(problems),
        tuple(notes),
        stops_first(context, waiting),
    )


def _sizes(connection: Connection, schema: str) -> dict[str, Size]:
    quoted = sql.Identifier(schema).as_string()
    rows = connection.execute(SIZES, (quoted,))
    return {name: Size(estimate, size_bytes) for name, size_bytes, estimate in rows}
