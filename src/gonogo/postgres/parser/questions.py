"""What the rows must be like for a statement to succeed, as a query that returns none then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import postgast
from postgast import nodes
from postgast import pg_query_pb2 as pb
from psycopg import sql

from gonogo.postgres.parser.columns import Table
from gonogo.postgres.parser.meaning import MAY_COMMIT, touched, tree, writing
from gonogo.postgres.parser.trees import parse, written
from gonogo.postgres.sqlfile import Statement

# Each fills the column by itself.
FILLING = frozenset({pb.CONSTR_DEFAULT, pb.CONSTR_IDENTITY, pb.CONSTR_GENERATED})
SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})
# Functions that change no row.
HARMLESS = frozenset({"set_config", "setval"})


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the rows that are there.

    Args:
        query: Returns a row where they stand in the way of the statement.
        problem: What is wrong with them then.
        tables: The tables that it reads.
        line: The statement's.
        key_of: The table whose primary key a foreign key means without naming it; its columns are
            to be compared with `columns`, behind the query's end.
        columns: See `key_of`.
    """

    query: str
    problem: str
    tables: tuple[Table, ...]
    line: int
    key_of: Table | None = None
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Rows:
    """What the statements before have changed, so that the rows of now say nothing any more.

    Args:
        changed: The names of the tables whose rows they change.
        everything: Whether they may have changed any row.
        unchecked: The constraints that were added without looking at the rows.
    """

    changed: set[str] = field(default_factory=set)
    everything: bool = False
    unchecked: dict[tuple[str, str], Question] = field(default_factory=dict)

    def are_as_now(self, tables: Sequence[Table]) -> bool:
        """Whether the rows of tables will still be as they are now."""
        return not self.everything and not self.changed & {name for _, name in tables}

    def after(self, statement: Statement) -> None:
        """Keep in mind what a statement changes."""
        node = tree(statement)
        writes = tuple(writing(node))
        # A DELETE may cascade, and nobody knows what a function does.
        calls = isinstance(node, nodes.SelectStmt) and any(
            _is_unknown(one) for _, one in postgast.walk_typed(node)
        )
        runs = isinstance(node, (*MAY_COMMIT, nodes.ExecuteStmt, nodes.TruncateStmt))
        deletes = any(isinstance(one, (nodes.DeleteStmt, nodes.MergeStmt)) for one in writes)
        self.everything |= calls or runs or deletes
        retypes = isinstance(node, nodes.AlterTableStmt) and any(
            isinstance(one, nodes.AlterTableCmd) and one.subtype == pb.AT_AlterColumnType
            for one in node.cmds
        )
        if writes or retypes or isinstance(node, nodes.CopyStmt):
            self.changed |= {name for _, name in touched(statement)}


def _is_unknown(node: postgast.AstNode) -> bool:
    if not isinstance(node, nodes.FuncCall):
        return False
    last = node.funcname[-1]
    return not (isinstance(last, nodes.String) and last.sval in HARMLESS)


def tables_read(query: Statement) -> tuple[Table, ...]:
    """The tables that a query names."""
    walked = (one for _, one in postgast.walk_typed(tree(query)))
    return tuple((one.schemaname, one.relname) for one in walked if isinstance(one, nodes.RangeVar))


def questions(statement: Statement, rows: Rows) -> Iterator[Question]:
    """What must hold of the rows for a statement to succeed, as far as its syntax tree says.

    Args:
        statement: Of a migration.
        rows: Remembers the constraints that are validated later.
    """
    if statement.slots:
        return
    node = parse(statement.text).stmts[0].stmt
    which = node.WhichOneof("node")
    if which == "index_stmt" and node.index_stmt.unique:
        yield from _unique_index(node.index_stmt, statement.line)
    elif which == "alter_table_stmt" and node.alter_table_stmt.objtype == pb.OBJECT_TABLE:
        altered = node.alter_table_stmt
        for one in altered.cmds:
            command = one.alter_table_cmd
            yield from _Altered(altered.relation, statement.line, rows).by(command)


def _unique_index(index: pb.IndexStmt, line: int) -> Iterator[Question]:
    parts = [one.index_elem for one in index.index_params]
    if any(part.collation for part in parts):
        return
    values = [_quoted(part.name) if part.name else f"({_sql(part.expr)})" for part in parts]
    where = _sql(index.where_clause) if index.HasField("where_clause") else ""
    yield _duplicates(index.relation, values, where, line, nulls=index.nulls_not_distinct)


def _duplicates(
    table: pb.RangeVar, values: Sequence[str], where: str, line: int, *, nulls: bool
) -> Question:
    filled = [] if nulls else [f"{value} is not null" for value in values]
    conditions = " and ".join([*([f"({where})"] if where else []), *filled]) or "true"
    query = _rows(table, conditions, f" group by {', '.join(values)} having count(*) > 1")
    problem = f"rows of {table.relname} are alike in {', '.join(values)}, which must be unique"
    return Question(query, problem, (_table(table),), line)


@dataclass(frozen=True, slots=True)
class _Altered:
    table: pb.RangeVar
    line: int
    rows: Rows

    def by(self, command: pb.AlterTableCmd) -> Iterator[Question]:
        definition: pb.Node = getattr(command, "def")
        if command.subtype == pb.AT_SetNotNull:
            yield self._null(command.name)
        elif command.subtype == pb.AT_AddColumn:
            yield from self._column(definition.column_def)
        elif command.subtype == pb.AT_ValidateConstraint:
            kept = self.rows.unchecked.get((self.table.relname, command.name))
            if kept:
                yield kept
        elif command.subtype == pb.AT_AddConstraint:
            constraint = definition.constraint
            found = tuple(self._constraint(constraint))
            if not constraint.skip_validation:
                yield from found
            elif found:
                self.rows.unchecked[self.table.relname, constraint.conname] = found[0]

    def _null(self, column: str) -> Question:
        query = _rows(self.table, f"{_quoted(column)} is null")
        problem = f"{self.table.relname}.{column} is null in some rows, which must not be"
        return Question(query, problem, (_table(self.table),), self.line)

    def _column(self, column: pb.ColumnDef) -> Iterator[Question]:
        kinds = {one.constraint.contype for one in column.constraints}
        typed = column.type_name.names[-1].string.sval
        demanded = kinds & {pb.CONSTR_NOTNULL, pb.CONSTR_PRIMARY}
        if demanded and not kinds & FILLING and typed not in SERIAL:
            query = _rows(self.table, "true")
            problem = (
                f"{self.table.relname} holds rows, and the new column {column.colname} is NOT NULL"
                " without a default"
            )
            yield Question(query, problem, (_table(self.table),), self.line)

    def _constraint(self, one: pb.Constraint) -> Iterator[Question]:
        names = [key.string.sval for key in one.keys]
        unique = one.contype in {pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY}
        if unique and names and not one.without_overlaps:
            values = [_quoted(name) for name in names]
            nulls = one.nulls_not_distinct
            yield _duplicates(self.table, values, "", self.line, nulls=nulls)
        if one.contype in {pb.CONSTR_PRIMARY, pb.CONSTR_NOTNULL}:
            yield from map(self._null, names)
        elif one.contype == pb.CONSTR_CHECK and one.is_enforced:
            query = _rows(self.table, f"not ({_sql(one.raw_expr)})")
            problem = f"rows of {self.table.relname} break the check {one.conname}".rstrip()
            yield Question(query, problem, (_table(self.table),), self.line)
        elif one.contype == pb.CONSTR_FOREIGN and one.is_enforced and not one.fk_with_period:
            yield self._orphans(one)

    def _orphans(self, one: pb.Constraint) -> Question:
        columns = [f"child.{_quoted(key.string.sval)}" for key in one.fk_attrs]
        keys = [f"parent.{_quoted(key.string.sval)}" for key in one.pk_attrs]
        filled = " and ".join(f"{column} is not null" for column in columns)
        same = " and ".join(f"{key} = {column}" for key, column in zip(keys, columns, strict=False))
        parent = _rows(one.pktable, same, alias=" as parent")
        query = _rows(self.table, f"{filled} and not exists ({parent}", alias=" as child")
        problem = f"rows of {self.table.relname} refer to no row of {one.pktable.relname}"
        tables = (_table(self.table), _table(one.pktable))
        if keys:
            return Question(f"{query})", problem, tables, self.line)
        return Question(query, problem, tables, self.line, tables[1], tuple(columns))


def _rows(table: pb.RangeVar, condition: str, rest: str = "", *, alias: str = "") -> str:
    # The words are the file's own, and the names are quoted.
    return f"select 1 from {_named(table)}{alias} where {condition}{rest}"  # noqa: S608


def _sql(expression: pb.Node) -> str:
    """An expression as text."""
    holder = parse("select null")
    holder.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(expression)
    return written(holder).removeprefix("SELECT ")


def _table(relation: pb.RangeVar) -> Table:
    return relation.schemaname, relation.relname


def _named(relation: pb.RangeVar) -> str:
    return sql.Identifier(*filter(None, _table(relation))).as_string()


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()
