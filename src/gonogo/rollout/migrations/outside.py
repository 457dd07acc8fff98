"""The part of a file outside a transaction: each statement a step of its own in the ledger.

A statement that can share a transaction with its ledger row does; the others note when they begin
and when they end. A concurrent build that fails leaves an invalid index, which IF NOT EXISTS would
take for the index itself: what a statement left is found in the catalog, by oid, and dropped.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import psycopg
from psycopg import sql

from gonogo.errors import MigrationError
from gonogo.ledger import history
from gonogo.ledger.migration import Migration
from gonogo.postgres import transaction
from gonogo.postgres.parser.meaning import builds_indexes, built_index, is_atomic, is_of_session
from gonogo.postgres.session import Connection, first_line
from gonogo.postgres.settings import as_oneself, set_for_session
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import Patience, acting_as, failure, send

# An index of a partitioned table is invalid as long as a partition lacks it, and that may be meant.
INDEXES = """
select i.indexrelid::bigint as oid, n.nspname as schema, c.relname as name,
    i.indrelid = to_regclass(%(table)s) as of_table,
    n.oid = (select relnamespace from pg_class where oid = to_regclass(%(table)s)) as beside_table,
    i.indisvalid and i.indisready as valid,
    exists (
        select from pg_stat_progress_create_index as p
        where p.index_relid = i.indexrelid and p.pid <> pg_backend_pid()
    ) as in_progress
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'i' and n.nspname !~ '^pg_'
order by i.indexrelid"""
# What REINDEX calls the index that it builds, and the one that it replaces.
REBUILT = re.compile(r"_cc(new|old)\d*$")
DROP = sql.SQL("drop index concurrently if exists {}")


@dataclass(frozen=True, slots=True)
class Index:
    """An index, as the catalog has it.

    Args:
        oid: Its number.
        name: Its schema and name.
        of_table: Whether it is of the statement's table.
        beside_table: Whether it lies in the schema of that table.
        valid: Whether queries use it and writers keep it.
        in_progress: Whether another session is building it.
    """

    oid: int
    name: tuple[str, str]
    of_table: bool
    beside_table: bool
    valid: bool
    in_progress: bool


def run_outside(  # one caller
    connection: Connection,
    ledger: Connection,
    migration: Migration,
    schema: str,
    owner: str | None,
    patience: Patience,
) -> None:
    """Run the statements after ``-- gonogo: no-transaction`` that did not end before.

    Args:
        connection: In autocommit, outside a transaction.
        ledger: Another one in autocommit, which no statement of the file changes.
        migration: Its part inside the transaction is in place.
        schema: The application's.
        owner: The role that owns what is made; None leaves it to the session's.
        patience: `build_timeout_s` bounds each statement. A concurrent build waits for every older
            transaction without standing in anyone's way, so the short lock timeout is not for it.

    Raises:
        MigrationError: A statement failed, or left an index that is not valid.
    """
    limits = {
        "search_path": sql.Identifier(schema).as_string(),
        "lock_timeout": f"{patience.build_timeout_s}s",
        "statement_timeout": f"{patience.build_timeout_s}s",
    }
    ended = done(ledger, migration)
    unhurried = replace(patience, statement_timeout_s=patience.build_timeout_s)
    with set_for_session(connection, limits):
        for place, statement in enumerate(migration.file.outside, 1):
            step = _Step(connection, ledger, migration, place, statement)
            if is_of_session(statement):
                send(connection, migration.filename, statement)
            elif place in ended:
                pass
            elif is_atomic(statement):
                transaction.once(connection, partial(step.within, owner), unhurried)
            else:
                step.beside()


def done(connection: Connection, migration: Migration) -> frozenset[int]:
    """The places of the statements outside a transaction that ended, counted from 1."""
    tries = history.statements(connection, migration.version)
    return frozenset(one.place for one in tries if one.outcome == "succeeded")


@dataclass(frozen=True, slots=True)
class _Step:
    connection: Connection
    ledger: Connection
    migration: Migration
    place: int
    statement: Statement

    def within(self, owner: str | None) -> None:
        """Run it in the transaction that also holds its ledger row."""
        with acting_as(self.connection, owner):
            send(self.connection, self.migration.filename, self.statement)
        as_oneself(self.connection)
        version = self.migration.version
        history.end_statement(
            self.connection, history.begin_statement(self.connection, version, self.place, [])
        )

    def beside(self) -> None:
        """Run it by itself, between two notes in the ledger."""
        try:
            self._beside()
        except psycopg.Error as error:
            raise failure(self.migration.filename, self.statement, error) from error

    def _beside(self) -> None:
        tries = history.statements(self.ledger, self.migration.version)
        earlier = [one for one in tries if one.place == self.place]
        there = self._indexes()
        before = set(earlier[0].indexes_before if earlier else [one.oid for one in there])
        version = self.migration.version
        step = history.begin_statement(self.ledger, version, self.place, sorted(before))
        cut_short = any(one.outcome == "running" for one in earlier)
        try:
            if not (cut_short and self._built(there, before)):
                self._drop([one for one in there if self._is_left(one, before)])
                self.connection.execute(self.statement.text.encode())
            self._require_valid(before)
        except BaseException as error:
            # The error that is on its way says more than a failure to clean up after it; what is
            # left is dropped before the next try.
            with contextlib.suppress(psycopg.Error):
                left = [one for one in self._indexes() if self._is_new(one, before)]
                self._drop([one for one in left if not one.valid])
                history.end_statement(self.ledger, step, first_line(error))
            raise
        history.end_statement(self.ledger, step)

    def _indexes(self) -> list[Index]:
        if not builds_indexes(self.statement):
            return []
        built = built_index(self.statement)
        schema, name = built.table if built else ("", "")
        table = sql.Identifier(*filter(None, (schema, name))).as_string() if built else None
        rows = self.connection.execute(INDEXES, {"table": table}).fetchall()
        return [
            Index(oid, (schema, name), bool(own), bool(beside), valid, busy)
            for oid, schema, name, own, beside, valid, busy in rows
        ]

    def _is_new(self, index: Index, before: set[int]) -> bool:
        """Whether the statement, or an earlier try at it, made an index."""
        ours = index.of_table if built_index(self.statement) else REBUILT.search(index.name[1])
        return index.oid not in before and not index.in_progress and bool(ours)

    def _is_named(self, index: Index) -> bool:
        """Whether an index has the name that the statement gives to its own."""
        built = built_index(self.statement)
        return built is not None and index.beside_table and index.name[1] == built.name

    def _is_left(self, index: Index, before: set[int]) -> bool:
        """Whether an index is what a broken-off build left, in the way of this one."""
        mine = self._is_named(index) and index.of_table and not index.in_progress
        return not index.valid and (mine or self._is_new(index, before))

    def _built(self, there: Sequence[Index], before: set[int]) -> bool:
        """Whether the try that was cut short had built its index."""
        built = built_index(self.statement)
        return built is not None and any(
            one.valid and self._is_new(one, before) and (self._is_named(one) or not built.name)
            for one in there
        )

    def _drop(self, indexes: Sequence[Index]) -> None:
        for one in indexes:
            self.connection.execute(DROP.format(sql.Identifier(*one.name)))

    def _require_valid(self, before: set[int]) -> None:
        for one in self._indexes():
            if one.valid and not (self._is_named(one) and not one.of_table):
                continue
            if self._is_named(one) or self._is_new(one, before):
                what = "is not valid" if one.of_table else "is of another table"
                raise MigrationError(
                    f"the index {one.name[1]} {what}",
                    "look at the server's log, then deploy again"
                    if one.of_table
                    else "give one of the two another name",
                    file=self.migration.filename,
                    line=self.statement.line,
                )
