"""The rights that a deployment needs of its role, asked of PostgreSQL's catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection, ask_bool
from gonogo.rollout.backup.order import BackupCheck
from gonogo.rollout.migrations.statements import altered_tables

MAY_CREATE = "select has_schema_privilege(%s, %s, 'create')"
MAY_CREATE_SCHEMAS = "select has_database_privilege(current_database(), 'create')"
MAY_CREATE_DATABASES = "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
FOREIGN_TABLES = """
select c.relname
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relname = any(%s)
  and not pg_has_role(c.relowner, 'usage')
order by c.relname"""
# pg_dump locks every table that it dumps, and reads every sequence: one refusal ends it.
UNREADABLE = """
select n.nspname || '.' || c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'S') and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and n.nspname <> 'gonogo' and n.nspname !~ '^gonogo_aside_'
  and not has_table_privilege(c.oid, 'select')
  and not exists (
      select from pg_depend as d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by 1"""
# What row-level security hides is not in a dump; pg_dump refuses, and so do we, earlier.
HIDDEN = """
select n.nspname || '.' || c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname <> 'gonogo' and row_security_active(c.oid)
order by 1"""
UNSEEN = (
    (UNREADABLE, "may not read"),
    (HIDDEN, "does not see every row of (row-level security)"),
)
ROLE_EXISTS = "select exists (select from pg_roles where rolname = %s)"
SHOWN = 3


def missing_rights(
    connection: Connection,
    schema: str,
    maker: str,
    migrations: Sequence[Migration],
    gate_role: str | None,
    *,
    check: BackupCheck | None,
) -> Iterator[str]:
    """The rights that a deployment needs and the role lacks, a line each.

    Args:
        connection: A connection as the role that deploys.
        schema: The application's schema.
        maker: The role that owns what the migrations make.
        migrations: The files that are to be in place.
        gate_role: The role that the gate reads with; None where there is none.
        check: How the backup is verified; None where gonogo makes none.
    """
    role = connection.info.user
    quoted = sql.Identifier(schema).as_string()
    if not ask_bool(connection, MAY_CREATE, (maker, schema)):
        yield f"{maker} may not create tables in the schema {schema}"
    if not ask_bool(connection, MAY_CREATE_SCHEMAS):
        yield f"{role} may not create the ledger's schema, nor move data aside (CREATE on database)"
    if check == "restore" and not ask_bool(connection, MAY_CREATE_DATABASES):
        yield f"{role} may not create the scratch database that proves a backup (CREATEDB)"
    altered = list(altered_tables(migrations))
    for (table,) in connection.execute(FOREIGN_TABLES, (quoted, altered)):
        yield f"{role} does not own {table}, which a migration alters"
    for query, what in UNSEEN if check else ():
        if tables := [str(name) for (name,) in connection.execute(query.encode())]:
            more = f" and {len(tables) - SHOWN} more" if len(tables) > SHOWN else ""
            yield f"{role} {what} {', '.join(tables[:SHOWN])}{more}, so no backup can be whole"
    if gate_role and not ask_bool(connection, ROLE_EXISTS, (gate_role,)):
        yield f"the role {gate_role} does not exist: create it, or correct gate_role"
