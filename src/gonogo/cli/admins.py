"""``gonogo promote_admin``: who may administer the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.databases import OfFleet, open_database, settings_of
from gonogo.errors import UsageError
from gonogo.report.text import visible

if TYPE_CHECKING:
    from gonogo.rollout.admins import Application

REFUSED = "the administrators cannot be read or changed"
Email = Annotated[
    str, typer.Argument(metavar="E-MAIL", help="The address of a user who has signed up.")
]
app = typer.Typer(help="The application's administrators.")


@contextmanager
def _application(database: str | None) -> Iterator[Application]:
    from gonogo.config.sections import project_here
    from gonogo.postgres.session import application_schema
    from gonogo.rollout.admins import Application

    _, config = project_here()
    if config.promotion is None:
        raise UsageError(
            "rollout.toml says nothing of administrators: this application keeps none in its"
            " database",
            "add [promotion] to it, where it does",
        )
    with open_database("promote_admin", settings_of(None, database)) as connection:
        schema = application_schema(connection, config.application.anchor)
        yield Application(connection, schema, config.promotion)


@app.command("promote")
def promote(email: Email, *, database: OfFleet = None) -> None:
    """Make a user an administrator."""
    from gonogo.postgres.session import asking
    from gonogo.rollout.admins import promote_admins
    from gonogo.rollout.runner.context import who

    with asking(REFUSED), _application(database) as application:
        promoted = promote_admins(application, [email], who())
    state = "an administrator now" if promoted else "an administrator already: nothing changed"
    typer.echo(visible(f"{email} is {state}"))


@app.command("revoke")
def revoke(email: Email, *, database: OfFleet = None) -> None:
    """Take an administrator's rights away."""
    from gonogo.postgres.session import asking
    from gonogo.rollout.admins import revoke_admin
    from gonogo.rollout.runner.context import who

    with asking(REFUSED), _application(database) as application:
        revoked = revoke_admin(application, email, who())
    state = "no administrator any more" if revoked else "no administrator: nothing changed"
    typer.echo(visible(f"{email} is {state}"))


@app.command("list")
def list_(*, database: OfFleet = None) -> None:
    """List the administrators."""
    from gonogo.postgres.session import asking
    from gonogo.report.narration import Narration
    from gonogo.rollout.admins import admins

    with asking(REFUSED), _application(database) as application:
        found = admins(application)
    rows = [
        (
            one.email,
            f"since {one.promoted_at:%Y-%m-%d %H:%M:%SZ}" if one.promoted_at else "",
            f"by {one.promoted_by}" if one.promoted_by else "",
        )
        for one in found
    ]
    Narration.to_terminal().rows(rows or [("no administrator",)])
