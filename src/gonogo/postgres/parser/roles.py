"""The roles that statements name, and the statements that may change roles without naming them."""

from __future__ import annotations

from collections.abc import Iterator

import postgast
from postgast import nodes

from gonogo.postgres.parser.meaning import MAY_COMMIT, tree
from gonogo.postgres.sqlfile import Statement

BODIES = (*MAY_COMMIT, nodes.SelectStmt)


def runs_body(statement: Statement) -> bool:
    """Whether a statement is or calls a body, which may do what its syntax tree does not show."""
    return isinstance(tree(statement), BODIES)


def roles(statement: Statement) -> Iterator[str]:
    """The roles that a statement names."""
    node = tree(statement)
    if isinstance(node, nodes.VariableSetStmt) and node.name in {"role", "session_authorization"}:
        values = (one.val for one in node.args if isinstance(one, nodes.A_Const))
        names = (one.sval for one in values if isinstance(one, nodes.String))
        yield from (name for name in names if name != "none")
    for _, one in postgast.walk_typed(node):
        if isinstance(one, nodes.RoleSpec) and one.rolename:
            yield one.rolename
