"""What a Citus cluster refuses in a statement, as far as its text tells (of Citus 13.2)."""

from __future__ import annotations

from collections.abc import Iterator

import postgast
from postgast import AstNode, nodes

from gonogo.postgres.parser.columns import numbered
from gonogo.postgres.parser.trees import parse

GROUPING = "GROUPING SETS, ROLLUP or CUBE: join one query a grouping by UNION ALL"
LATERAL = "a LATERAL subquery: join one that has a GROUP BY of its own"
RECURSIVE = "WITH RECURSIVE"
SUBQUERY = "a subquery beside an aggregate among the columns: CROSS JOIN it"
UPDATE = "an UPDATE in which {} takes a column: that may depend on the session"
# By these a list of columns is known as an aggregation's, beside its GROUP BY.
AGGREGATES = frozenset({"count", "sum", "min", "max", "avg", "bool_or", "bool_and", "array_agg"})
# The same whatever the session has set.
IMMUTABLE = frozenset({"record_image_eq", "lower", "upper", "md5"})
# What reads or writes another type by the session's settings (DateStyle, TimeZone).
OF_SESSION = frozenset({"text", "timestamptz"})


def refused(statement: str) -> tuple[str, ...]:
    """What a cluster refuses in a statement, each with what to write in its place.

    Args:
        statement: A survey with psycopg's named parameters, or an UPDATE.
    """
    try:
        parsed = parse(numbered(statement))
    except postgast.PgQueryError as error:
        return (f"what PostgreSQL's parser cannot read: {error}",)
    found: dict[str, None] = {}
    for one in parsed.stmts:
        for _, node in postgast.walk_typed(postgast.wrap(postgast.unwrap_node(one.stmt))):
            found |= dict.fromkeys(_problems(node))
    return tuple(found)


def _problems(node: AstNode) -> Iterator[str]:
    match node:
        case nodes.GroupingSet():
            yield GROUPING
        case nodes.RangeSubselect(lateral=True):
            yield LATERAL
        case nodes.WithClause(recursive=True):
            yield RECURSIVE
        case nodes.SelectStmt() if node.from_clause:
            columns = _Columns()
            for one in node.target_list:
                columns.visit(one)
            if columns.subquery and (columns.aggregate or node.group_clause):
                yield SUBQUERY
        case nodes.UpdateStmt():
            for _, one in postgast.walk_typed(node):
                name = _of_session(one)
                if name and any(
                    isinstance(x, nodes.ColumnRef) for _, x in postgast.walk_typed(one)
                ):
                    yield UPDATE.format(name)


class _Columns(postgast.TypedVisitor):
    """What stands in a list of columns, outside of subqueries and aggregates."""

    def __init__(self) -> None:
        self.subquery = self.aggregate = False

    def visit_SubLink(self, _node: nodes.SubLink) -> None:  # noqa: N802  # the parser's name
        self.subquery = True

    def visit_FuncCall(self, node: nodes.FuncCall) -> None:  # noqa: N802  # the parser's name
        if _last(node.funcname) in AGGREGATES and not node.over:
            self.aggregate = True
        else:
            self.generic_visit(node)


def _of_session(node: AstNode) -> str:
    """The name of a function or cast whose result the session's settings may change."""
    if isinstance(node, nodes.FuncCall):
        name = _last(node.funcname)
        return "" if name in IMMUTABLE else f"{name}()"
    if isinstance(node, nodes.TypeCast) and node.type_name:
        name = _last(node.type_name.names)
        return f"a cast to {name}" if name in OF_SESSION else ""
    return ""


def _last(names: list[AstNode]) -> str:
    return names[-1].sval if isinstance(names[-1], nodes.String) else ""
