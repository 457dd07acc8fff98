"""What a deployment needs of the database and of this machine, asked without changing anything."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence

from psycopg import sql

from gonogo.config import EnvironmentConfig
from gonogo.ledger.migration import Migration
from gonogo.postgres.identity import owner_to_be
from gonogo.postgres.session import Connection
from gonogo.rollout.migrations.statements import NAME

TABLE = rf"(?:only\s+)?(?:{NAME}\s*\.\s*)?(?P<table>{NAME})"
ALTERED = re.compile(rf"alter\s+table\s+(?:if\s+exists\s+)?{TABLE}", re.IGNORECASE)
# What changes rows, or takes a table away: what a rollback must be able to answer for as well.
TOUCHED = re.compile(
    rf"(?:alter\s+table\s+(?:if\s+exists\s+)?|drop\s+table\s+(?:if\s+exists\s+)?"
    rf"|update\s+|insert\s+into\s+|delete\s+from\s+|truncate\s+(?:table\s+)?){TABLE}",
    re.IGNORECASE,
)
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
ROLE_EXISTS = "select exists (select from pg_roles where rolname = %s)"
SHOWN = 3


def altered_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables that migrations alter, which takes their owner."""
    return _named(migrations, ALTERED)


def touched_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables whose columns or rows migrations change, as far as they say so."""
    return _named(migrations, TOUCHED)


def _named(migrations: Sequence[Migration], statement: re.Pattern[str]) -> tuple[str, ...]:
    texts = (one.text for file in migrations for one in (*file.file.inside, *file.file.outside))
    names = (match["table"] for text in texts if (match := statement.match(text)))
    # As PostgreSQL reads it: quotes keep the case, without them it does not count.
    plain = {
        name[1:-1].replace('""', '"') if name.startswith('"') else name.lower() for name in names
    }
    return tuple(sorted(plain))


def missing_rights(
    connection: Connection,
    schema: str,
    migrations: Sequence[Migration],
    *,
    restores: bool,
) -> Iterator[str]:
    """What the role may not do that a deployment does, a line each.

    Args:
        connection: As the role that is to deploy.
        schema: The application's.
        migrations: What is to be in place.
        restores: Whether the backup is proved by a scratch database.
    """
    role = connection.info.user
    quoted = sql.Identifier(schema).as_string()
    maker = owner_to_be(connection, schema) or role
    if not _true(connection, MAY_CREATE, maker, schema):
        yield f"{maker} may not create tables in the schema {schema}"
    if not _true(connection, MAY_CREATE_SCHEMAS):
        yield f"{role} may not create the ledger's schema, nor move data aside (CREATE on database)"
    if restores and not _true(connection, MAY_CREATE_DATABASES):
        yield f"{role} may not create the scratch database that proves a backup (CREATEDB)"
    altered = list(altered_tables(migrations))
    for (table,) in connection.execute(FOREIGN_TABLES, (quoted, altered)):
        yield f"{role} does not own {table}, which a migration alters"
    for query, what in (
        (UNREADABLE, "may not read"),
        (HIDDEN, "does not see every row of (row-level security)"),
    ):
        if tables := [str(name) for (name,) in connection.execute(query.encode())]:
            more = f" and {len(tables) - SHOWN} more" if len(tables) > SHOWN else ""
            yield f"{role} {what} {', '.join(tables[:SHOWN])}{more}, so no backup can be whole"


def role_exists(connection: Connection, role: str) -> bool:
    """Whether the server knows a role."""
    return _true(connection, ROLE_EXISTS, role)


def missing_programs(section: EnvironmentConfig, path: str | None) -> Iterator[str]:
    """Which commands of the team cannot be run here, a line each.

    Args:
        section: The environment's.
        path: The PATH that commands get.
    """
    if not section.cwd.is_dir():
        yield f"{section.cwd} is no directory: set cwd in rollout.toml"
        return
    for name in type(section.commands).model_fields:
        command = getattr(section.commands, name)
        program = command.run[0] if command else "{"
        # A path within the application, or one that is filled in, may be there only later.
        if "{" not in program and "/" not in program and not shutil.which(program, path=path):
            yield f"{program} is not installed: install it, or correct commands.{name}.run"


def _true(connection: Connection, query: str, *values: str) -> bool:
    row = connection.execute(query.encode(), values).fetchone()
    return bool(row and row[0])
