"""The migrations that are to come, tried before anything is touched.

They run on a scratch database that holds the schema and no row; what depends on the rows is asked
of the live database, read-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from gonogo.errors import BackupError, DatabaseError, GonogoError, MigrationError, some
from gonogo.ledger import migration as files
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import MigrationRow
from gonogo.masking import Mask
from gonogo.postgres.parser.meaning import alters_table, truncates
from gonogo.postgres.session import (
    Connection,
    application_schema,
    connect,
    conninfo_of,
    first_line,
    major_version,
)
from gonogo.postgres.sqlfile import NEEDS_ROWS, STOP_FIRST
from gonogo.postgres.tools import find_tools
from gonogo.rollout.backup.privileged import privileged
from gonogo.rollout.backup.scratch import likeness
from gonogo.rollout.migrations.apply import adoptable
from gonogo.rollout.migrations.effects import Effect, Tried, effects, look, strongest
from gonogo.rollout.migrations.outside import done
from gonogo.rollout.migrations.requirements import answers
from gonogo.rollout.runner.context import RolloutContext

# NULL where a query finds no row, a reference to no row, what a body raises where it finds none.
FOR_WANT_OF_ROWS = frozenset({"23502", "23503", "P0001", "P0002"})
# What is not there, or may not be made, where the copy lacks an object that the role cannot create.
FOR_WANT_OF_OBJECTS = frozenset({"42501", "42704", "42883", "42P01"})
MAY_NEED_ROWS = f"if rows are all that is missing, write `-- gonogo: {NEEDS_ROWS}` in the file"
TO_COME = frozenset({"pending", "outstanding"})


@dataclass(frozen=True, slots=True)
class PlannedMigration:
    """One file, and what would become of it.

    Args:
        migration: The file.
        state: applied (skipped), adopted (its objects are there), pending, or outstanding: part of
            what runs outside its transaction is still to be done.
        effects: What its statements do to existing tables; None when it could not be measured.
    """

    migration: Migration
    state: str
    effects: tuple[Effect, ...] | None = None

    @property
    def locks(self) -> list[str]:
        """The strongest lock of each table, and those of statements outside the transaction."""
        found = self.effects or ()
        outside = [lock for one in found if one.outside for lock in one.locks]
        held = [f"{mode} on {table}" for table, mode in strongest(found).items()]
        return held + [f"{lock.mode} on {lock.table}, outside a transaction" for lock in outside]


@dataclass(slots=True)
class Trial:
    """What became of the migrations when they were tried.

    Args:
        migrations: Every file, lowest version first.
        problems: Why a deployment would not succeed, a line each.
        notes: What is worth knowing, a line each.
    """

    migrations: tuple[PlannedMigration, ...]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def states(
    connection: Connection,
    context: RolloutContext,
    migrations: Sequence[Migration],
    known: Mapping[str, MigrationRow],
    problems: list[str],
) -> dict[Migration, str]:
    """What would become of each file, as `PlannedMigration` calls it.

    Args:
        connection: To the application's database.
        context: The rollout's context.
        migrations: The files.
        known: What the ledger says is in place, by version.
        problems: Gets what speaks against adopting what another runner made.
    """
    try:
        whole = adoptable(connection, files.pending(migrations, known), context.survey)
    except MigrationError as error:
        problems.append(str(error))
        whole = frozenset()
    found: dict[Migration, str] = {}
    for one in migrations:
        row = known.get(one.version)
        if row is None:
            found[one] = "adopted" if one.version in whole else "pending"
        else:
            found[one] = "applied" if row.completed_at else "outstanding"
    return found


def stops_first(context: RolloutContext, migrations: Sequence[Migration]) -> bool:
    """Whether the application is stopped before these migrations: a file or rollout.toml says so.

    Args:
        context: The rollout's context.
        migrations: Those that are to come.
    """
    said = context.config.stop_before_migrate
    return bool(migrations) and (said or any(STOP_FIRST in one.file.marks for one in migrations))


def try_out(
    connection: Connection, context: RolloutContext, found: Mapping[Migration, str]
) -> Trial:
    """Try the migrations that are to come.

    Args:
        connection: To the application's database; nothing of it is changed.
        context: The rollout's context.
        found: What would become of each file, from `states`.
    """
    trial = Trial(tuple(PlannedMigration(one, state) for one, state in found.items()))
    coming = [one for one, state in found.items() if state in TO_COME]
    if not coming:
        return trial
    schema = application_schema(connection, context.anchor)
    new = [one for one in coming if found[one] == "pending"]
    said = answers(connection, schema, new)
    trial.problems += said.problems
    trial.notes += said.notes
    ended = {one: done(connection, one) for one in coming if one not in new}
    try:
        tools = find_tools(major_version(connection), context.environ, context.bin_dir)
        with likeness(context.database, tools) as copy:
            lacks = privileged(connection).named
            stops = stops_first(context, coming)
            attempt = _Attempt(copy, schema, ended, trial, lacks, stops=stops)
            trial.migrations = tuple(attempt.of_each(found))
    except (BackupError, DatabaseError, psycopg.Error) as error:
        why = str(error) if isinstance(error, GonogoError) else first_line(error)
        trial.notes.append(f"locks and rewrites are unknown, they could not be measured: {why}")
    mask = Mask.of(context.environ)
    trial.problems, trial.notes = list(map(mask, trial.problems)), list(map(mask, trial.notes))
    return trial


@dataclass(slots=True)
class _Attempt:
    copy: Connection
    schema: str
    ended: Mapping[Migration, frozenset[int]]
    trial: Trial
    lacks: tuple[str, ...]
    stops: bool
    failed: bool = field(default=False, init=False)

    def of_each(self, found: Mapping[Migration, str]) -> Iterator[PlannedMigration]:
        there = look(self.copy)
        for one, state in found.items():
            tried: Tried | None = None
            if state in TO_COME and not self.failed:
                try:
                    # What a file sets in its session is not the next one's.
                    with connect(conninfo_of(self.copy), "gonogo plan") as fresh:
                        tried = effects(fresh, one, self.schema, there, self.ended.get(one))
                except MigrationError as error:
                    self._failed(one, error)
            if tried:
                self._judge(one, tried)
            yield PlannedMigration(one, state, tried.effects if tried else None)

    def _failed(self, migration: Migration, error: MigrationError) -> None:
        self.failed = True
        if NEEDS_ROWS in migration.file.marks:
            self.trial.notes.append(f"not tried from here on, because it needs rows: {error}")
        elif self.lacks and error.sqlstate in FOR_WANT_OF_OBJECTS:
            lacks = f"the copy lacks {some(self.lacks)}, which this role cannot create"
            self.trial.notes.append(f"not tried from here on, because {lacks}: {error}")
        else:
            hint = f"; {MAY_NEED_ROWS}" if error.sqlstate in FOR_WANT_OF_ROWS else ""
            self.trial.problems.append(f"would fail: {error}{hint}")

    def _judge(self, migration: Migration, tried: Tried) -> None:
        name, problems, notes = migration.filename, self.trial.problems, self.trial.notes
        for effect in tried.effects:
            # What writes a table anew by its very name is meant to.
            by_name = truncates(effect.statement) or (
                effect.outside and alters_table(effect.statement) is None
            )
            for table in () if by_name else effect.rewrites:
                place = f"{name}:{effect.statement.line}"
                problems.append(f"would be refused: {place} rewrites the whole table {table}")
        for one in tried.breaks:
            what = f"{name}:{one.line} {one.what}"
            if self.stops:
                notes.append(f"the application is stopped before the migrations: {what}")
            else:
                problems.append(
                    f"would break the version that still runs: {what}; keep what it uses until the"
                    f" next release, or write `-- gonogo: {STOP_FIRST}` in the file"
                )
        notes.extend(
            f"{name}:{one.line} reaches beyond the database, so it was not tried"
            for one in tried.untried
        )
