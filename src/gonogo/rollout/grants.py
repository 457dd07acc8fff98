"""What the gate's role may read: the columns that the surveys' own SQL names, and the ledger.

The role's script and a deployment run the same statements, made here of the same surveys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from gonogo.errors import ConfigError, StepError
from gonogo.postgres.session import Connection

# By table of the application: the columns.
Readable = Mapping[str, frozenset[str]]
LEDGER = "gonogo"
# What the gate's reader of the ledger asks for, whatever the surveys do.
LEDGER_TABLES = (
    "deployment",
    "environment",
    "incident",
    "job_run",
    "migration",
    "migration_attempt",
)
ROLES = ("gate_role.sql", "deployer_role.sql")
ROLE_EXISTS = "select exists (select from pg_roles where rolname = %s)"
# Each of these makes the statements that grant: what is not there (yet) is granted by a later run.
USAGE: LiteralString = (
    "select format('grant usage on schema %I to %I', {schema}::text, {role}::text)"
)
# Of the whole table: what an earlier version, or a survey that is gone, had it granted.
REVOKE: LiteralString = """\
select format('revoke select on table %I.%I from %I', n.nspname, c.relname, {role}::text)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = {schema}
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relname in (
        {tables}
    )"""
# A table of which no column is named is only counted: its key is enough for that.
GRANT: LiteralString = """\
select format(
    'grant select (%s) on table %I.%I to %I',
    string_agg(quote_ident(a.attname), ', ' order by a.attnum), n.nspname, c.relname, {role}::text
)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped
left join pg_index as k on k.indrelid = c.oid and k.indisprimary
join (values
    {columns}
) as readable (table_name, column_name)
    on readable.table_name = c.relname
    and (
        readable.column_name = a.attname
        or (readable.column_name = '' and a.attnum = any(k.indkey))
    )
where n.nspname = {schema} and c.relkind in ('r', 'p', 'v', 'm', 'f')
group by n.nspname, c.relname
order by c.relname"""
LEDGER_USAGE: LiteralString = """\
select format('grant usage on schema gonogo to %I', {role}::text)
from pg_namespace where nspname = 'gonogo'"""
LEDGER_GRANT: LiteralString = """\
select format('grant select on table gonogo.%I to %I', c.relname, {role}::text)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'gonogo'
    and c.relname in (
        {ledger}
    )"""
THERE = """
select relname from pg_class
where relnamespace = to_regnamespace(%s) and relkind in ('r', 'p', 'v', 'm', 'f')
order by relname"""
VARIABLE = re.compile(r":'(role|schema)'")
PSQL = {"role": ":'role'", "schema": ":'schema'"}


def readable(sql_dir: Path) -> Readable:
    """The tables of the application that the surveys read, and their columns.

    Args:
        sql_dir: Where the surveys lie, one file each.

    Raises:
        ConfigError: A survey's columns cannot be read from its text.
    """
    # The parser takes time to load, and a gate run enters this package.
    from gonogo.postgres.parser.columns import UnreadableQueryError, columns_read  # noqa: PLC0415

    found: dict[str, set[str]] = {}
    for path in sorted(sql_dir.glob("*.sql")):
        try:
            reads = columns_read(path.read_text(encoding="utf-8"))
        except UnreadableQueryError as error:
            raise ConfigError(str(error), file=str(path)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", file=str(path)) from None
        for (schema, table), columns in reads.items():
            if schema != LEDGER:
                found.setdefault(table, set()).update(columns)
    return {table: frozenset(columns) for table, columns in sorted(found.items())}


def role_script(name: str, tables: Readable) -> str:
    """A role as a script for psql.

    Args:
        name: One of `ROLES`.
        tables: What the gate may read.
    """
    template = (files("gonogo.rollout") / "roles" / name).read_text(encoding="utf-8")
    made = "\n".join(f"{query} \\gexec" for query in _filled(tables))
    return template.replace("-- {grants}", made)


def grant_gate(connection: Connection, role: str, schema: str, tables: Readable) -> tuple[str, ...]:
    """Let the gate's role read what the gate measures.

    Args:
        connection: In autocommit, as the owner of the tables.
        role: The role of ``gate_role``.
        schema: The application's schema.
        tables: From `readable`.

    Returns:
        The tables of the application that it may read now.

    Raises:
        StepError: There is no such role.
    """
    row = connection.execute(ROLE_EXISTS, (role,)).fetchone()
    if not (row and row[0]):
        raise StepError(
            f"the role {role} does not exist", "create it, or correct gate_role in rollout.toml"
        )
    values = {"role": sql.Literal(role), "schema": sql.Literal(schema)}
    with connection.transaction():
        for query in _filled(tables):
            text = VARIABLE.sub(lambda found: values[found[1]].as_string(connection), query)
            for (statement,) in connection.execute(text.encode()).fetchall():
                connection.execute(statement.encode())
    quoted = sql.Identifier(schema).as_string()
    there = {str(name) for (name,) in connection.execute(THERE, (quoted,))}
    return tuple(table for table in tables if table in there)


def grant_reporting(connection: Connection, role: str) -> None:
    """Let the application report the runs of its jobs, and nothing else of the ledger.

    Args:
        connection: In autocommit, as the owner of the ledger.
        role: The application's.
    """
    whom = sql.Identifier(role)
    with connection.transaction():
        connection.execute(sql.SQL("grant usage on schema gonogo to {}").format(whom))
        connection.execute(sql.SQL("grant insert on table gonogo.job_run to {}").format(whom))


def _filled(tables: Readable) -> Iterable[str]:
    """The queries that make the statements, with psql's variables in them."""
    pairs = [
        f"({_quoted(table)}, {_quoted(column)})"
        for table, columns in tables.items()
        for column in sorted(columns) or [""]
    ]
    texts = {
        **PSQL,
        "tables": _listed(map(_quoted, tables), 8),
        "columns": _listed(pairs, 4),
        "ledger": _listed(map(_quoted, LEDGER_TABLES), 8),
    }
    of_tables = (REVOKE, GRANT) if tables else ()
    return [query.format_map(texts) for query in (USAGE, *of_tables, LEDGER_USAGE, LEDGER_GRANT)]


def _listed(items: Iterable[str], indent: int) -> str:
    return f",\n{' ' * indent}".join(items)


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
