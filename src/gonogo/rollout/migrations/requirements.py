"""What must hold of the live rows before a migration: asked read-only, and within a bound of time.

A file says it itself (``-- gonogo: require <query that returns no row>``); for plain constraints
the question follows from the statement.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import errors, sql

from gonogo.errors import MigrationError
from gonogo.ledger.migration import Migration
from gonogo.postgres.parser.questions import Question, Rows, questions, tables_read
from gonogo.postgres.session import Connection, ask_bool, first_line
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import failure, search_path

LONGEST_S = 30
LONGEST_LOCKED_S = 1
# All questions of a plan or preflight together.
BUDGET_S = 120
TEXT_WIDTH = 80
# What an earlier file is going to make is not there yet.
NOT_YET = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction)
NOT_YET_EITHER = (errors.UndefinedObject, errors.InvalidSchemaName)
MEND = "mend the rows first, or let an earlier migration do it"
KEY = """
select a.attname
from pg_index as i
cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indrelid = to_regclass(%s) and i.indisprimary
order by k.place"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the rows say of the migrations that are to come.

    Args:
        problems: What stands in their way, a line each.
        notes: What could not be asked, a line each.
        asked: How many questions were answered.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    asked: int


def require(connection: Connection, migration: Migration, schema: str) -> None:
    """Refuse a migration whose own requirements the rows do not meet.

    Args:
        connection: In autocommit.
        migration: What is to run next.
        schema: The application's.

    Raises:
        MigrationError: A query returns a row, fails, or is not answered in time.
    """
    for query in migration.file.requires:
        try:
            unmet = _has_rows(connection, schema, query.text, LONGEST_S)
        except psycopg.Error as error:
            raise failure(migration.filename, query, error) from error
        if unmet:
            raise _unmet(migration, query)


def _unmet(migration: Migration, query: Statement) -> MigrationError:
    text = " ".join(query.text.split())
    shown = text if len(text) <= TEXT_WIDTH else f"{text[: TEXT_WIDTH - 1]}…"
    return MigrationError(
        f"requires that no row is returned by `{shown}`, and one is",
        MEND,
        file=migration.filename,
        line=query.line,
    )


def answers(connection: Connection, schema: str, migrations: Sequence[Migration]) -> Answers:
    """Ask what the rows say of migrations.

    Args:
        connection: To the application's database; nothing is changed.
        schema: The application's.
        migrations: Those that are to come, in their order.
    """
    inquiry = _Inquiry(connection, schema, next(iter(migrations), None))
    for one in migrations:
        inquiry.about(one)
    return Answers(tuple(inquiry.problems), tuple(inquiry.notes), inquiry.asked)


@dataclass(slots=True)
class _Inquiry:
    connection: Connection
    schema: str
    first: Migration | None
    rows: Rows = field(default_factory=Rows)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + BUDGET_S)

    def about(self, migration: Migration) -> None:
        for query in migration.file.requires:
            self._required(migration, query)
        for statement in (*migration.file.inside, *migration.file.outside):
            for question in questions(statement, self.rows):
                self._derived(migration, question)
            self.rows.after(statement)

    def _required(self, migration: Migration, query: Statement) -> None:
        place = f"{migration.filename}:{query.line}"
        if not self.rows.are_as_now(tables_read(query)):
            self.notes.append(f"{place} is asked later: an earlier file changes what it reads")
            return
        try:
            if self._ask(query.text):
                self.problems.append(f"would be refused: {_unmet(migration, query)}")
        except psycopg.Error as error:
            # Nothing is going to make what the first file misses.
            if isinstance(error, (*NOT_YET, *NOT_YET_EITHER)) and migration is not self.first:
                self.notes.append(f"{place} is asked right before the file: {first_line(error)}")
                return
            self.problems.append(f"would be refused: {failure(migration.filename, query, error)}")

    def _derived(self, migration: Migration, question: Question) -> None:
        place = f"{migration.filename}:{question.line}"
        if not self.rows.are_as_now(question.tables):
            self.notes.append(
                f"{place}: not asked whether {question.problem}: an earlier statement changes rows"
            )
            return
        try:
            if self._ask(self._whole(question)):
                self.problems.append(f"would fail: {place}: {question.problem}; {MEND}")
        except (*NOT_YET, *NOT_YET_EITHER):
            # A table or column of these migrations holds no rows yet.
            pass
        except psycopg.Error as error:
            why = first_line(error)
            self.notes.append(f"{place}: not known whether {question.problem}: {why}")

    def _whole(self, question: Question) -> str:
        """The query, with the key that its foreign key means without naming it."""
        if question.key_of is None:
            return question.query
        table = sql.Identifier(*filter(None, question.key_of)).as_string()
        with self.connection.transaction(force_rollback=True):
            search_path(self.connection, self.schema)
            names = [str(name) for (name,) in self.connection.execute(KEY, (table,))]
        if len(names) != len(question.columns):
            raise errors.UndefinedObject(f"{question.key_of[1]} has no such key yet")
        same = (
            f"parent.{sql.Identifier(name).as_string()} = {column}"
            for name, column in zip(names, question.columns, strict=True)
        )
        return f"{question.query}{' and '.join(same)})"

    def _ask(self, query: str) -> bool:
        left = self.until - time.monotonic()
        answer = _has_rows(self.connection, self.schema, query, min(LONGEST_S, max(left, 0.001)))
        self.asked += 1
        return answer


def _has_rows(connection: Connection, schema: str, query: str, timeout_s: float) -> bool:
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction read only")
        search_path(connection, schema)
        for name, value_s in (("statement_timeout", timeout_s), ("lock_timeout", LONGEST_LOCKED_S)):
            value = f"{max(round(value_s * 1000), 1)}ms"
            connection.execute("select set_config(%s, %s, true)", (name, value))
        return ask_bool(connection, f"select exists ({query}\n)".encode())
