"""``gonogo promote_admin``: who may open the application's sync dashboard."""

from __future__ import annotations

from typing import Annotated

import typer

from gonogo.cli.inputs import open_database
from gonogo.report.text import visible

REFUSED = "the administrators, whom migration 038 brings, cannot be asked or changed"
Email = Annotated[str, typer.Argument(metavar="E-MAIL", help="Of a user who has signed up.")]
app = typer.Typer(help="The application's administrators.")


@app.command("promote")
def promote(email: Email) -> None:
    """Make a user an administrator."""
    from gonogo.postgres.identity import application_schema
    from gonogo.postgres.session import asking
    from gonogo.rollout.admins import promote_admins
    from gonogo.rollout.runner.context import who

    with open_database("promote_admin") as connection, asking(REFUSED):
        schema = application_schema(connection)
        promoted = promote_admins(connection, schema, [email], who())
    told = "is an administrator now" if promoted else "is an administrator already: nothing changed"
    typer.echo(visible(f"{email} {told}"))


@app.command("revoke")
def revoke(email: Email) -> None:
    """Make an administrator a user like others."""
    from gonogo.postgres.identity import application_schema
    from gonogo.postgres.session import asking
    from gonogo.rollout.admins import revoke_admin
    from gonogo.rollout.runner.context import who

    with open_database("promote_admin") as connection, asking(REFUSED):
        schema = application_schema(connection)
        revoked = revoke_admin(connection, schema, email, who())
    told = "is no administrator any more" if revoked else "is no administrator: nothing changed"
    typer.echo(visible(f"{email} {told}"))


@app.command("list")
def list_() -> None:
    """List the administrators."""
    from gonogo.postgres.identity import application_schema
    from gonogo.postgres.session import asking
    from gonogo.report.narration import Narration
    from gonogo.rollout.admins import admins

    with open_database("promote_admin") as connection, asking(REFUSED):
        found = admins(connection, application_schema(connection))
    rows = [
        (
            one.email,
            f"since {one.promoted_at:%Y-%m-%d %H:%M:%SZ}" if one.promoted_at else "",
            f"by {one.promoted_by}" if one.promoted_by else "",
        )
        for one in found
    ]
    Narration.to_terminal().rows(rows or [("no administrator",)])
