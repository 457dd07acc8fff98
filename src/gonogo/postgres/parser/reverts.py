"""What a statement of a revert file keeps aside, and what it takes away."""

from __future__ import annotations

from dataclasses import dataclass

import postgast
from postgast import nodes
from postgast import pg_query_pb2 as pb

from gonogo.postgres.parser.columns import Table
from gonogo.postgres.parser.meaning import plain, tree
from gonogo.postgres.parser.trees import parse
from gonogo.postgres.sqlfile import Statement

ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Kept:
    """What becomes of a table or of some of its columns.

    Args:
        table: The table that moves or loses columns; where rows are copied, the one that gets them.
        query: The query whose rows are copied there; empty where none are.
        columns: The columns that leave; none where the table moves.
    """

    table: Table
    query: str = ""
    columns: tuple[str, ...] = ()


def kept(statement: Statement) -> Kept | None:
    """What a statement keeps or takes away; None where it does neither.

    Args:
        statement: Of a revert file; its placeholder ``:aside`` stands for the schema aside.
    """
    node = tree(statement)
    is_aside = any(name == ASIDE for _, _, name in statement.slots)
    if isinstance(node, nodes.AlterObjectSchemaStmt) and node.relation:
        moves = is_aside and node.object_type == pb.OBJECT_TABLE and node.newschema == ASIDE
        return Kept(_table(node.relation)) if moves else None
    if isinstance(node, nodes.InsertStmt) and node.relation and node.select_stmt:
        copies = is_aside and node.relation.schemaname == ASIDE
        return Kept(_table(node.relation), _copied(statement)) if copies else None
    if isinstance(node, nodes.AlterTableStmt) and node.relation:
        commands = [one for one in node.cmds if isinstance(one, nodes.AlterTableCmd)]
        leaving = tuple(one.name for one in commands if one.subtype == pb.AT_DropColumn)
        return Kept(_table(node.relation), columns=leaving) if leaving else None
    return None


def _copied(statement: Statement) -> str:
    """The query whose rows an INSERT copies."""
    query = parse(plain(statement))
    copied = pb.Node()
    copied.CopyFrom(query.stmts[0].stmt.insert_stmt.select_stmt)
    query.stmts[0].stmt.CopyFrom(copied)
    return postgast.deparse(query)


def _table(relation: nodes.RangeVar) -> Table:
    return relation.schemaname, relation.relname
