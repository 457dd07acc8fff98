"""`deploy -- --plan`: what a deployment would do, found out without doing it.

Reads the database, and tries the migrations on a scratch database that holds its schema and no row.
No lock of the database outlives the reading of its schema; nothing of it is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from gonogo.errors import BackupError, DatabaseError, GonogoError, MigrationError
from gonogo.ledger import migration
from gonogo.ledger.migration import Migration, digest
from gonogo.ledger.rows import MigrationRow
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.parser.meaning import truncates
from gonogo.postgres.session import (
    Connection,
    application_schema,
    connect,
    first_line,
    major_version,
)
from gonogo.postgres.snapshot import identify
from gonogo.postgres.tools import find_tools
from gonogo.rollout.backup.scratch import likeness
from gonogo.rollout.migrations import linter
from gonogo.rollout.migrations.apply import adoptable
from gonogo.rollout.migrations.effects import Effect, effects, tables
from gonogo.rollout.preflight.items import Ground
from gonogo.rollout.runner.context import RolloutContext, revisions

SIZES = """
select c.relname, pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p')"""


@dataclass(frozen=True, slots=True)
class PlannedMigration:
    """One file, and what would become of it.

    Args:
        migration: The file.
        state: applied (skipped), adopted (its objects are there), pending, or outstanding: its
            index is still to be built.
        effects: What its statements do to existing tables; None when it could not be measured.
    """

    migration: Migration
    state: str
    effects: tuple[Effect, ...] | None = None


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
    """

    identity: DatabaseIdentity
    revision: str
    previous_revision: str
    migrations: tuple[PlannedMigration, ...]
    sizes: Mapping[str, Size]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


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
        problems += migration.problems(migrations, known, context.config.migrations_from)
        states = _states(connection, context, migrations, known, problems)
        major = major_version(connection)
    notes: list[str] = []
    planned = _measured(context, states, schema, major, (problems, notes))
    wanted = ("succeeded", revision, digest(migrations))
    if latest and (latest.outcome, latest.revision, latest.migrations_sha256) == wanted:
        notes.append("this is deployed already: nothing would be done")
    waiting = [one.migration for one in planned if one.state == "pending"]
    notes += linter.heard(context.environ, waiting, context.project.root)[0]
    return Plan(identity, revision, previous, planned, sizes, tuple(problems), tuple(notes))


def _states(
    connection: Connection,
    context: RolloutContext,
    migrations: Sequence[Migration],
    known: Mapping[str, MigrationRow],
    problems: list[str],
) -> dict[Migration, str]:
    waiting = migration.pending(migrations, known)
    try:
        whole = adoptable(connection, waiting, context.survey)
    except MigrationError as error:
        problems.append(str(error))
        whole = frozenset()
    states: dict[Migration, str] = {}
    for one in migrations:
        row = known.get(one.version)
        if row is None:
            states[one] = "adopted" if one.version in whole else "pending"
        else:
            states[one] = "applied" if row.completed_at else "outstanding"
    return states


def _measured(
    context: RolloutContext,
    states: Mapping[Migration, str],
    schema: str,
    major: int,
    told: tuple[list[str], list[str]],
) -> tuple[PlannedMigration, ...]:
    problems, notes = told
    unmeasured = tuple(PlannedMigration(one, state) for one, state in states.items())
    if not {"pending", "outstanding"} & set(states.values()):
        return unmeasured
    try:
        tools = find_tools(major, context.environ, context.bin_dir)
        with likeness(context.database, tools) as connection:
            return tuple(_tried(connection, states, schema, problems))
    except (BackupError, DatabaseError, psycopg.Error) as error:
        why = str(error) if isinstance(error, GonogoError) else first_line(error)
        notes.append(f"locks and rewrites are unknown, they could not be measured: {why}")
        return unmeasured


def _tried(
    connection: Connection, states: Mapping[Migration, str], schema: str, problems: list[str]
) -> Iterator[PlannedMigration]:
    failed, there = False, tables(connection)
    for one, state in states.items():
        found: tuple[Effect, ...] | None = None
        if state in {"pending", "outstanding"} and not failed:
            try:
                only_outside = state == "outstanding"
                found = effects(connection, one, schema, there, only_outside=only_outside)
            except MigrationError as error:
                problems.append(f"would fail: {error}")
                failed = True
        for effect in found or ():
            for table in () if truncates(effect.statement) else effect.rewrites:
                place = f"{one.filename}:{effect.statement.line}"
                problems.append(f"would be refused: {place} rewrites the whole table {table}")
        yield PlannedMigration(one, state, found)


def _sizes(connection: Connection, schema: str) -> dict[str, Size]:
    quoted = sql.Identifier(schema).as_string()
    rows = connection.execute(SIZES, (quoted,))
    return {name: Size(estimate, size_bytes) for name, size_bytes, estimate in rows}
