"""The application's administrators: promoted as its own tool does it, audit log included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gonogo.errors import StepError
from gonogo.postgres.session import Connection

# An address is compared without regard to case, as the application does at login.
FIND = sql.SQL(
    "select id, email, coalesce(is_admin, false) as is_admin from {}"
    " where lower(email) = any(%s) order by email for update"
)
PROMOTE = sql.SQL(
    "update {} set is_admin = true, admin_promoted_at = timezone('UTC', now()),"
    " admin_promoted_by = %s where id = %s"
)
REVOKE = sql.SQL(
    "update {} set is_admin = false, admin_promoted_at = null, admin_promoted_by = null"
    " where id = %s"
)
AUDIT = sql.SQL(
    "insert into {} (user_id, action, resource_type, resource_id, metadata, success)"
    " values (%s, %s, 'user', %s, %s, true)"
)
ADMINS = sql.SQL(
    "select email, admin_promoted_at as promoted_at, admin_promoted_by as promoted_by from {}"
    " where is_admin order by email"
)


@dataclass(frozen=True, slots=True)
class Admin:
    """An administrator.

    Args:
        email: The address.
        promoted_at: When, in UTC without saying so; None when nobody wrote it down.
        promoted_by: By whom; None likewise.
    """

    email: str
    promoted_at: datetime | None
    promoted_by: str | None


@dataclass(frozen=True, slots=True)
class _User:
    id: UUID
    email: str
    is_admin: bool


def promote_admins(
    connection: Connection, schema: str, emails: Sequence[str], promoted_by: str
) -> tuple[str, ...]:
    """Promote users; one who is an administrator already is left as he is.

    Args:
        connection: In autocommit.
        schema: The application's.
        emails: Whom to promote.
        promoted_by: Who does so.

    Returns:
        The addresses of those who were promoted by this call.

    Raises:
        StepError: An address belongs to no user, or to several; nobody is promoted then.
    """
    users = sql.Identifier(schema, "users")
    with connection.transaction():
        found = _find(connection, users, emails)
        promoted = [user for user in found if not user.is_admin]
        for user in promoted:
            connection.execute(PROMOTE.format(users), (promoted_by, user.id))
            _audit(connection, schema, user, "admin_promoted", {"promoted_by": promoted_by})
    return tuple(user.email for user in promoted)


def revoke_admin(connection: Connection, schema: str, email: str, revoked_by: str) -> bool:
    """Make an administrator a user like others; one who is none is left as he is.

    Args:
        connection: In autocommit.
        schema: The application's.
        email: Whose rights to take.
        revoked_by: Who does so.

    Returns:
        Whether this call took them.

    Raises:
        StepError: The address belongs to no user, or to several.
    """
    users = sql.Identifier(schema, "users")
    with connection.transaction():
        (user,) = _find(connection, users, [email])
        if user.is_admin:
            connection.execute(REVOKE.format(users), (user.id,))
            _audit(connection, schema, user, "admin_revoked", {"revoked_by": revoked_by})
    return user.is_admin


def admins(connection: Connection, schema: str) -> tuple[Admin, ...]:
    """Who is an administrator, by address."""
    with connection.cursor(row_factory=class_row(Admin)) as cursor:
        return tuple(cursor.execute(ADMINS.format(sql.Identifier(schema, "users"))))


def _find(
    connection: Connection, users: sql.Identifier, emails: Sequence[str]
) -> tuple[_User, ...]:
    wanted = tuple(dict.fromkeys(emails))
    with connection.cursor(row_factory=class_row(_User)) as cursor:
        lowered = [email.lower() for email in wanted]
        found = tuple(cursor.execute(FIND.format(users), (lowered,)))
    chosen = {email: _meant(email, found) for email in wanted}
    unknown = [email for email, user in chosen.items() if user is None]
    if unknown:
        raise StepError(
            f"no user has the address {', '.join(sorted(unknown))}",
            "let them sign up first, or correct the address",
        )
    return tuple({user.id: user for user in chosen.values() if user}.values())


def _meant(email: str, found: Sequence[_User]) -> _User | None:
    """The user of exactly this address, else the only one of it but for case."""
    exact = [user for user in found if user.email == email]
    alike = exact or [user for user in found if user.email.lower() == email.lower()]
    if len(alike) > 1:
        raise StepError(
            f"{len(alike)} users have the address {email}, but for upper and lower case",
            "write it as the one who is meant did",
        )
    return alike[0] if alike else None


def _audit(
    connection: Connection, schema: str, user: _User, action: str, metadata: dict[str, str]
) -> None:
    audit = AUDIT.format(sql.Identifier(schema, "audit_logs"))
    connection.execute(audit, (user.id, action, str(user.id), Jsonb(metadata)))
