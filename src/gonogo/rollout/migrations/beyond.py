"""What reaches beyond the database: a copy of it is no place to try that.

Roles are every database's of the server. A body in PL/pgSQL may make one, and only running it
shows that.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.pq import TransactionStatus

from gonogo.postgres.parser.meaning import is_shared
from gonogo.postgres.parser.roles import roles, runs_body
from gonogo.postgres.session import Connection, ask_bool, ask_text
from gonogo.postgres.sqlfile import Statement
from gonogo.postgres.transaction import send

ROLES = """
select md5(string_agg(line, ' ' order by line)) from (
    select r::text from pg_roles as r
    union all select m::text from pg_auth_members as m
    union all select s::text from pg_db_role_setting as s
) as every (line)"""
MISSING = """
select exists (select from unnest(%s::text[]) as named (role)
    where not exists (select from pg_roles where rolname = role))"""


@dataclass(slots=True)
class Reach:
    """Sends statements to a likeness, but none that reaches beyond it.

    Args:
        left_out: Whether a statement was not sent before, so that a role may be missing.
    """

    left_out: bool = False

    def sends(self, connection: Connection, file: str, statement: Statement) -> bool:
        """Send a statement, unless it reaches beyond the database; whether it was sent.

        A body that changes roles is taken back. Outside a transaction it could not be, and is sent
        as it is.

        Raises:
            MigrationError: The statement failed.
        """
        if is_shared(statement) or (self.left_out and _misses_role(connection, statement)):
            self.left_out = True
            return False
        within = connection.info.transaction_status == TransactionStatus.INTRANS
        if not within or not runs_body(statement):
            send(connection, file, statement)
            return True
        before = ask_text(connection, ROLES)
        with connection.transaction():
            send(connection, file, statement)
            changed = ask_text(connection, ROLES) != before
            if changed:
                raise psycopg.Rollback
        self.left_out |= changed
        return not changed


def _misses_role(connection: Connection, statement: Statement) -> bool:
    names = sorted(roles(statement))
    return bool(names) and ask_bool(connection, MISSING, (names,))
