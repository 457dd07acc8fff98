"""Before the first change: whether everything that a deployment will need is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from psycopg import sql

from gonogo.errors import StepError
from gonogo.rollout import code, history
from gonogo.rollout.migration import Migration
from gonogo.rollout.steps import Evidence
from gonogo.rollout.work import Work

ALTERED = re.compile(r"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(\w+)", re.IGNORECASE)
MAY_CREATE = "select has_schema_privilege(%s, 'create')"
MAY_CREATE_DATABASES = "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
FOREIGN_TABLES = """
select c.relname
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relname = any(%s)
  and not pg_has_role(c.relowner, 'usage')
order by c.relname"""
SHOWN = 3


def check_readiness(work: Work, evidence: Evidence) -> str:
    """See that tools, rights, migration files and worktree are as they must be; all at once."""
    tools = work.tools
    problems = (*_rights(work), *_files(work), *_worktree(work))
    evidence |= {
        "tools": f"{tools.version} in {tools.bin_dir}",
        "migrations": [one.path.name for one in work.migrations],
        "problems": list(problems),
    }
    if problems:
        raise StepError("; ".join(problems), "nothing was changed; mend these and try again")
    count = len(work.migrations)
    return f"PostgreSQL tools {tools.version}, rights, {count} migration files, worktree"


def altered_tables(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """The names of the tables that migrations alter."""
    return tuple(sorted({name for one in migrations for name in ALTERED.findall(one.sql)}))


def _rights(work: Work) -> Iterator[str]:
    connection, role = work.site.connection, work.site.identity.role
    schema = sql.Identifier(work.schema).as_string()
    if not _true(work, MAY_CREATE, work.schema):
        yield f"{role} may not create tables in the schema {work.schema}"
    if work.context.backup_check == "restore" and not _true(work, MAY_CREATE_DATABASES):
        yield f"{role} may not create the scratch database that proves a backup (CREATEDB)"
    altered = list(altered_tables(work.migrations))
    for (table,) in connection.execute(FOREIGN_TABLES, (schema, altered)):
        yield f"{role} does not own {table}, which a migration alters"


def _files(work: Work) -> Iterator[str]:
    applied = history.in_place(work.site.connection)
    for one in work.migrations:
        row = applied.get(one.version)
        if row and row.sha256 != one.sha256:
            yield f"{one.path.name} changed since it was applied"
        if one.revert is None:
            yield f"{one.path.name} has no revert file"


def _worktree(work: Work) -> Iterator[str]:
    repository = work.context.section.repository
    changed = code.changed_files(repository, work.context.environ) if repository else ()
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        yield f"the application's worktree is not clean: {', '.join(changed[:SHOWN])}{more}"


def _true(work: Work, query: str, *values: str) -> bool:
    row = work.site.connection.execute(query.encode(), values).fetchone()
    return bool(row and row[0])
