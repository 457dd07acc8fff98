"""The tables and columns that a query reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import postgast
from postgast import AstNode, nodes

from gonogo.postgres.parser.trees import parse

# A schema, empty where the query names none, and a table.
Table = tuple[str, str]
PARAMETER = re.compile(r"%\((\w+)\)s")
CATALOGS = ("pg_catalog", "information_schema")
CATALOG_PREFIX = "pg_"


class UnreadableQueryError(Exception):
    """A query whose columns its text alone does not tell."""


@dataclass(slots=True)
class _Scope:
    """What a column's name may mean within one select.

    Args:
        outer: The scope around it.
        defined: The names that `with` gives to queries.
        sources: A table by its alias; None for what is no table: a subquery, a function.
    """

    outer: _Scope | None
    defined: frozenset[str] = frozenset()
    sources: dict[str, Table | None] = field(default_factory=dict)

    def chain(self) -> Iterator[_Scope]:
        """This scope and those around it, innermost first."""
        scope: _Scope | None = self
        while scope:
            yield scope
            scope = scope.outer

    def named(self, alias: str) -> Table | None:
        """The table that an alias means; None when it means no table."""
        found = (one.sources[alias] for one in self.chain() if alias in one.sources)
        return next(found, None)


def numbered(query: str) -> str:
    """A query with numbers in place of psycopg's named parameters, as the parser reads it."""
    numbers = {name: place for place, name in enumerate(PARAMETER.findall(query), 1)}
    return PARAMETER.sub(lambda found: f"${numbers[found[1]]}", query).replace("%%", "%")


def columns_read(query: str) -> Mapping[Table, frozenset[str]]:
    """The columns of each table that a query reads, by its text.

    A column that is named without its table counts for every table that it may be of. A table of
    which no column is named (``count(*)``) has none. Catalogs, and what the query itself defines,
    are left out.

    Args:
        query: One select, with psycopg's named parameters.

    Raises:
        UnreadableQueryError: It is no SQL or no single select, or reads a whole row of a table.
    """
    try:
        parsed = parse(numbered(query))
    except postgast.PgQueryError as error:
        raise UnreadableQueryError(f"is no SQL: {error}") from None
    statements = [postgast.wrap(postgast.unwrap_node(one.stmt)) for one in parsed.stmts]
    if len(statements) != 1 or not isinstance(statements[0], nodes.SelectStmt):
        raise UnreadableQueryError("is not one select")
    reader = _Reader()
    reader.visit(statements[0])
    return {table: frozenset(columns) for table, columns in reader.reads.items()}


class _Reader(postgast.TypedVisitor):
    def __init__(self) -> None:
        self.reads: dict[Table, set[str]] = {}
        self._scope = _Scope(None)

    def visit_SelectStmt(self, node: nodes.SelectStmt) -> None:  # noqa: N802  # the parser's name
        around = self._scope
        self._scope = _Scope(around, around.defined)
        for one in node.with_clause.ctes if node.with_clause else ():
            self._define(one)
        for one in node.from_clause:
            self._source(one)
        ordered = _output_names(node)
        rest = (
            *node.target_list,
            *node.distinct_clause,
            *node.group_clause,
            *node.window_clause,
            *node.values_lists,
            *(one for one in node.sort_clause if _sorted_by(one) not in ordered),
            *(node.where_clause, node.having_clause, node.limit_count, node.limit_offset),
            *(node.larg, node.rarg),
        )
        for one in filter(None, rest):
            self.visit(one)
        self._scope = around

    def visit_ColumnRef(self, node: nodes.ColumnRef) -> None:  # noqa: N802  # the parser's name
        names = [one.sval for one in node.fields if isinstance(one, nodes.String)]
        if isinstance(node.fields[-1], nodes.A_Star):
            self._whole_row(names)
        else:
            self._column(names)

    def _define(self, node: AstNode) -> None:
        if not isinstance(node, nodes.CommonTableExpr):
            return
        # Its own name within it is itself: a query that calls itself.
        self._scope.defined |= {node.ctename}
        if node.ctequery:
            self.visit(node.ctequery)

    def _source(self, node: AstNode) -> None:
        if isinstance(node, nodes.RangeVar):
            is_catalog = node.schemaname in CATALOGS or node.relname.startswith(CATALOG_PREFIX)
            own = not node.schemaname and node.relname in self._scope.defined
            table = None if is_catalog or own else (node.schemaname, node.relname)
            self._scope.sources[node.alias.aliasname if node.alias else node.relname] = table
            if table:
                self.reads.setdefault(table, set())
        elif isinstance(node, nodes.JoinExpr):
            self._join(node)
        else:
            # A subquery sees its siblings where it is lateral, and a function always may.
            self.visit(node)
            alias = getattr(node, "alias", None)
            self._scope.sources[alias.aliasname if alias else ""] = None

    def _join(self, node: nodes.JoinExpr) -> None:
        if node.is_natural:
            raise UnreadableQueryError("joins by whatever columns are alike (natural): name them")
        for side in filter(None, (node.larg, node.rarg)):
            self._source(side)
        for one in node.using_clause:
            if isinstance(one, nodes.String):
                self._column([one.sval])
        if node.quals:
            self.visit(node.quals)

    def _column(self, names: Sequence[str]) -> None:
        *qualifier, column = names
        if qualifier:
            if table := self._scope.named(qualifier[-1]):
                self.reads[table].add(column)
            return
        if self._scope.named(column):
            raise UnreadableQueryError(f"reads whole rows as {column}: name the columns")
        for scope in self._scope.chain():
            for table in filter(None, scope.sources.values()):
                self.reads[table].add(column)

    def _whole_row(self, qualifier: Sequence[str]) -> None:
        own = self._scope.sources.values()
        tables = [self._scope.named(qualifier[-1])] if qualifier else own
        if table := next(filter(None, tables), None):
            raise UnreadableQueryError(f"reads every column of {table[1]} (*): name the columns")


def _output_names(node: nodes.SelectStmt) -> frozenset[str]:
    """The names that a select gives to its own columns, by which it may be sorted."""
    targets = (one for one in node.target_list if isinstance(one, nodes.ResTarget))
    return frozenset(one.name for one in targets if one.name)


def _sorted_by(node: AstNode) -> str | None:
    """The bare name that a select is sorted by; None for anything else."""
    if isinstance(node, nodes.SortBy) and isinstance(node.node, nodes.ColumnRef):
        names = [one.sval for one in node.node.fields if isinstance(one, nodes.String)]
        return names[0] if len(names) == len(node.node.fields) == 1 else None
    return None
