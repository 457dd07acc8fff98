"""What a statement does, as its syntax tree says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import postgast
from postgast import AstNode, nodes
from postgast import pg_query_pb2 as pb

from gonogo.postgres.parser.columns import Table
from gonogo.postgres.parser.trees import parse
from gonogo.postgres.sqlfile import Statement

# What PostgreSQL refuses within a transaction, whatever it says in detail.
ALWAYS_OUTSIDE: dict[type[AstNode], str] = {
    nodes.CreatedbStmt: "CREATE DATABASE",
    nodes.DropdbStmt: "DROP DATABASE",
    nodes.CreateTableSpaceStmt: "CREATE TABLESPACE",
    nodes.DropTableSpaceStmt: "DROP TABLESPACE",
    nodes.AlterSystemStmt: "ALTER SYSTEM",
    nodes.DropSubscriptionStmt: "DROP SUBSCRIPTION",
}
REINDEXED_OUTSIDE = {
    pb.REINDEX_OBJECT_SCHEMA: "REINDEX SCHEMA",
    pb.REINDEX_OBJECT_SYSTEM: "REINDEX SYSTEM",
    pb.REINDEX_OBJECT_DATABASE: "REINDEX DATABASE",
}
# They may commit on their own, so they cannot stand in a transaction of the runner.
MAY_COMMIT = (nodes.DoStmt, nodes.CallStmt)
# What they set is the session's, and is lost with it.
OF_SESSION = (nodes.VariableSetStmt, nodes.LoadStmt)
Writing = nodes.InsertStmt | nodes.UpdateStmt | nodes.DeleteStmt | nodes.MergeStmt
CHANGES_ROWS = (nodes.InsertStmt, nodes.UpdateStmt, nodes.DeleteStmt, nodes.MergeStmt)
# Of these, each is every database's of the server, or reaches beyond the server.
SHARED = (
    nodes.CreatedbStmt,
    nodes.DropdbStmt,
    nodes.AlterDatabaseStmt,
    nodes.AlterDatabaseSetStmt,
    nodes.AlterDatabaseRefreshCollStmt,
    nodes.CreateTableSpaceStmt,
    nodes.DropTableSpaceStmt,
    nodes.AlterTableSpaceOptionsStmt,
    nodes.AlterSystemStmt,
    nodes.CreateRoleStmt,
    nodes.AlterRoleStmt,
    nodes.AlterRoleSetStmt,
    nodes.DropRoleStmt,
    nodes.GrantRoleStmt,
    nodes.DropOwnedStmt,
    nodes.ReassignOwnedStmt,
    nodes.CreateSubscriptionStmt,
    nodes.AlterSubscriptionStmt,
    nodes.DropSubscriptionStmt,
    nodes.CheckPointStmt,
)
SHARED_KINDS = frozenset(
    {pb.OBJECT_DATABASE, pb.OBJECT_ROLE, pb.OBJECT_TABLESPACE, pb.OBJECT_SUBSCRIPTION}
)
# These take no name away and ask nothing new of whoever writes rows.
ADDS = (
    *CHANGES_ROWS,
    nodes.CommentStmt,
    nodes.CopyStmt,
    nodes.CreateEnumStmt,
    nodes.CreateStmt,
    nodes.CreateTableAsStmt,
    nodes.GrantStmt,
    nodes.IndexStmt,
    nodes.TruncateStmt,
    nodes.VacuumStmt,
    nodes.VariableSetStmt,
)
OFF = frozenset({"off", "false", "0"})


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index that CREATE INDEX CONCURRENTLY builds.

    Args:
        table: Its table.
        name: Its name; empty where PostgreSQL chooses one.
    """

    table: Table
    name: str


@lru_cache(maxsize=8)
def tree(statement: Statement | str) -> AstNode:
    """The syntax tree of one statement; it is only read.

    Raises:
        postgast.PgQueryError: The parser cannot read it.
        ValueError: It is not one statement.
    """
    (one,) = parse(plain(statement)).stmts
    return postgast.wrap(postgast.unwrap_node(one.stmt))


def plain(statement: Statement | str) -> str:
    """The statement with an identifier of the same length in place of each placeholder."""
    if isinstance(statement, str):
        return statement
    text = statement.text
    for start, _, _ in statement.slots:
        text = f"{text[:start]} {text[start + 1 :]}"
    return text


def stands_outside(node: AstNode) -> str:
    """What a statement is called that cannot run in a transaction; empty for any other."""
    kinds = (name for kind, name in ALWAYS_OUTSIDE.items() if isinstance(node, kind))
    return next(kinds, "") or _concurrent(node) or _outside_in_this_form(node)


def _concurrent(node: AstNode) -> str:
    if isinstance(node, nodes.IndexStmt):
        return "CREATE INDEX CONCURRENTLY" if node.concurrent else ""
    if isinstance(node, nodes.DropStmt):
        return "DROP INDEX CONCURRENTLY" if node.concurrent else ""
    if isinstance(node, nodes.ReindexStmt):
        concurrent = _is_on(node.params, "concurrently", missing=False)
        return "REINDEX CONCURRENTLY" if concurrent else REINDEXED_OUTSIDE.get(node.kind, "")
    if isinstance(node, nodes.AlterTableStmt):
        parts = (one.def_ for one in node.cmds if isinstance(one, nodes.AlterTableCmd))
        detached = any(isinstance(part, nodes.PartitionCmd) and part.concurrent for part in parts)
        return "DETACH PARTITION CONCURRENTLY" if detached else ""
    return ""


def _outside_in_this_form(node: AstNode) -> str:
    if isinstance(node, nodes.VacuumStmt):
        return "VACUUM" if node.is_vacuumcmd else ""
    if isinstance(node, nodes.ClusterStmt):
        return "" if node.relation else "CLUSTER of every table"
    if isinstance(node, nodes.DiscardStmt):
        return "DISCARD ALL" if node.target == pb.DISCARD_ALL else ""
    if isinstance(node, nodes.AlterDatabaseStmt):
        moves = _option(node.options, "tablespace")
        return "ALTER DATABASE SET TABLESPACE" if moves else ""
    if isinstance(node, nodes.CreateSubscriptionStmt):
        names = ("connect", "create_slot")
        makes_slot = all(_is_on(node.options, name, missing=True) for name in names)
        return "CREATE SUBSCRIPTION with a slot" if makes_slot else ""
    return ""


def _option(options: Iterable[AstNode], name: str) -> nodes.DefElem | None:
    named = (one for one in options if isinstance(one, nodes.DefElem) and one.defname == name)
    return next(named, None)


def _is_on(options: Iterable[AstNode], name: str, *, missing: bool) -> bool:
    found = _option(options, name)
    if found is None:
        return missing
    value = found.arg
    if isinstance(value, nodes.Boolean):
        return value.boolval
    if isinstance(value, nodes.Integer):
        return bool(value.ival)
    return not (isinstance(value, nodes.String) and value.sval.lower() in OFF)


def is_atomic(statement: Statement) -> bool:
    """Whether a statement can share a transaction with a row of the ledger."""
    node = tree(statement)
    return not stands_outside(node) and not isinstance(node, MAY_COMMIT)


def is_of_session(statement: Statement) -> bool:
    """Whether what a statement does is lost with the session."""
    return isinstance(tree(statement), OF_SESSION)


def builds_indexes(statement: Statement) -> bool:
    """Whether a statement builds indexes outside a transaction, and may leave broken ones."""
    node = tree(statement)
    return isinstance(node, nodes.ReindexStmt) or built_index(statement) is not None


def built_index(statement: Statement) -> BuiltIndex | None:
    """The index that a statement builds beside the writers; None for any other statement."""
    node = tree(statement)
    if not isinstance(node, nodes.IndexStmt) or not node.concurrent or not node.relation:
        return None
    return BuiltIndex(_table(node.relation), node.idxname)


def _table(relation: nodes.RangeVar) -> Table:
    return relation.schemaname, relation.relname


def altered(statement: Statement) -> tuple[Table, ...]:
    """The tables that a statement changes as their owner may, as far as it names them."""
    return tuple(_altered(tree(statement)))


def touched(statement: Statement) -> tuple[Table, ...]:
    """The tables whose columns or rows a statement changes, as far as it names them."""
    node = tree(statement)
    relations = [one.relation for one in writing(node)]
    if isinstance(node, nodes.TruncateStmt):
        relations += [one for one in node.relations if isinstance(one, nodes.RangeVar)]
    elif isinstance(node, nodes.CopyStmt) and node.is_from:
        relations.append(node.relation)
    shape = () if isinstance(node, nodes.IndexStmt) else _altered(node)
    return (*shape, *(_table(one) for one in relations if one))


def writing(node: AstNode) -> Iterator[Writing]:
    """A statement that changes rows, and those of its WITH, which stand at its top level only."""
    if isinstance(node, CHANGES_ROWS):
        yield node
    if isinstance(node, (nodes.SelectStmt, *CHANGES_ROWS)) and node.with_clause:
        for one in node.with_clause.ctes:
            if isinstance(one, nodes.CommonTableExpr) and isinstance(one.ctequery, CHANGES_ROWS):
                yield one.ctequery


def _altered(node: AstNode) -> Iterator[Table]:
    if isinstance(node, nodes.DropStmt) and node.remove_type == pb.OBJECT_TABLE:
        for one in node.objects:
            names = [part.sval for part in _items(one) if isinstance(part, nodes.String)]
            yield (names[-2] if len(names) > 1 else "", names[-1])
    elif relation := _relation(node):
        yield _table(relation)
    elif isinstance(node, nodes.IndexStmt) and node.relation:
        yield _table(node.relation)


def _items(node: AstNode) -> Sequence[AstNode]:
    return node.items if isinstance(node, nodes.List) else (node,)


def _relation(node: AstNode) -> nodes.RangeVar | None:
    """The table that an ALTER TABLE is of, renames and moves to another schema included."""
    if isinstance(node, nodes.AlterTableStmt):
        return node.relation if node.objtype == pb.OBJECT_TABLE else None
    if isinstance(node, nodes.RenameStmt):
        kinds = {node.rename_type, node.relation_type}
        return node.relation if kinds & {pb.OBJECT_TABLE, pb.OBJECT_TABCONSTRAINT} else None
    if isinstance(node, nodes.AlterObjectSchemaStmt) and node.object_type == pb.OBJECT_TABLE:
        return node.relation
    return None


def alters_table(statement: Statement) -> Table | None:
    """The table of an ALTER TABLE; None for any other statement."""
    relation = _relation(tree(statement))
    return _table(relation) if relation else None


def on_table(statement: Statement, name: str) -> str:
    """An ALTER TABLE with another table in place of its own.

    Args:
        statement: For which `alters_table` names one.
        name: The other table, quoted where it must be.
    """
    text = plain(statement)
    relation = _relation(tree(statement))
    content = text.encode()
    start = getattr(relation, "_pb").location if relation else 0  # noqa: B009  # not in the wrapper
    parts = [one for one in postgast.scan(text).tokens if one.start >= start]
    last = 0
    # A name may have its schema, and its database, before it.
    while last + 2 < len(parts) and content[parts[last + 1].start : parts[last + 1].end] == b".":
        last += 2
    return (content[:start] + name.encode() + content[parts[last].end :]).decode()


def truncates(statement: Statement) -> bool:
    """Whether a statement empties a table on purpose, which writes it anew."""
    return isinstance(tree(statement), nodes.TruncateStmt)


def is_shared(statement: Statement) -> bool:
    """Whether a statement changes more than its database, so that no scratch copy can try it."""
    node = tree(statement)
    if isinstance(node, nodes.CopyStmt):
        return node.is_program or not node.is_from
    if isinstance(node, nodes.RenameStmt):
        return node.rename_type in SHARED_KINDS
    if isinstance(node, (nodes.CommentStmt, nodes.AlterOwnerStmt)):
        kind = node.objtype if isinstance(node, nodes.CommentStmt) else node.object_type
        return kind in SHARED_KINDS
    if isinstance(node, nodes.GrantStmt):
        return node.objtype in SHARED_KINDS
    return isinstance(node, SHARED)


def only_adds(statement: Statement) -> bool:
    """Whether a statement can break no program that uses the schema as it was."""
    return isinstance(tree(statement), ADDS)
