"""The application's administrators: made and unmade by the statements of `rollout.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from gonogo.config.application import PromotionConfig
from gonogo.errors import StepError
from gonogo.postgres.session import Connection


@dataclass(frozen=True, slots=True)
class Application:
    """Whose administrators are meant.

    Args:
        connection: In autocommit.
        schema: The application's.
        statements: What rollout.toml says of them.
    """

    connection: Connection
    schema: str
    statements: PromotionConfig

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """A transaction in which a table named without a schema is the application's."""
        with self.connection.transaction():
            path = sql.SQL("set local search_path = {}, pg_temp").format(
                sql.Identifier(self.schema)
            )
            self.connection.execute(path)
            yield


@dataclass(frozen=True, slots=True)
class Admin:
    """An administrator.

    Args:
        email: The address.
        promoted_at: When, in UTC without saying so; None when it was not recorded.
        promoted_by: By whom; None likewise.
    """

    email: str
    promoted_at: datetime | None
    promoted_by: str | None


@dataclass(frozen=True, slots=True)
class _User:
    id: object
    email: str
    promoted: bool


def promote_admins(application: Application, emails: Sequence[str], by: str) -> tuple[str, ...]:
    """Promote users; one who is an administrator already is left as he is.

    Args:
        application: Whose users they are.
        emails: Whom to promote.
        by: Who does so.

    Returns:
        The addresses of those who were promoted by this call.

    Raises:
        StepError: An address belongs to no user, or to several; no user is promoted then.
    """
    with application.at_home():
        chosen = [user for user in _find(application, emails) if not user.promoted]
        for user in chosen:
            _run(application, application.statements.promote, user, by)
    return tuple(user.email for user in chosen)


def revoke_admin(application: Application, email: str, by: str) -> bool:
    """Make an administrator a user like others; one who is none is left as he is.

    Args:
        application: Whose user it is.
        email: Whose rights to take.
        by: Who does so.

    Returns:
        Whether this call took them.

    Raises:
        StepError: The address belongs to no user, or to several.
    """
    with application.at_home():
        (user,) = _find(application, [email])
        if user.promoted:
            _run(application, application.statements.revoke, user, by)
    return user.promoted


def admins(application: Application) -> tuple[Admin, ...]:
    """Who is an administrator, by address."""
    query = application.statements.show.encode()
    with application.at_home(), application.connection.cursor(row_factory=class_row(Admin)) as rows:
        return tuple(rows.execute(query))


def _run(application: Application, statements: Sequence[str], user: _User, by: str) -> None:
    for statement in statements:
        application.connection.execute(statement.encode(), {"id": user.id, "by": by})


def _find(application: Application, emails: Sequence[str]) -> tuple[_User, ...]:
    wanted = tuple(dict.fromkeys(emails))
    # An address is compared without regard to case, as applications do at login.
    lowered = {"emails": [email.lower() for email in wanted]}
    with application.connection.cursor(row_factory=class_row(_User)) as cursor:
        found = tuple(cursor.execute(application.statements.find.encode(), lowered))
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
