"""``gonogo incident``: critical incidents and users' complaints, which stand in the way of GO."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gonogo.cli.session import open_database, require_ledger
from gonogo.cli.standing import incident_rows, show_rows

app = typer.Typer(help="Incidents and complaints, which stand in the way of GO.")


class Kind(StrEnum):
    """What an incident is."""

    CRITICAL = "critical"
    COMPLAINT = "complaint"


@app.command("open")
def open_(
    title: Annotated[str, typer.Argument(help="What happened, in one line.")],
    *,
    kind: Annotated[Kind, typer.Option(help="What it is.")] = Kind.CRITICAL,
) -> None:
    """Open an incident; an open critical one allows no GO."""
    from gonogo.ledger.history import open_incident

    with open_database("incident") as connection:
        require_ledger(connection)
        number = open_incident(connection, title, kind)
    typer.echo(
        f"incident {number} ({kind}) is open; close it: ./noxw -s incident -- close {number}"
    )


@app.command("close")
def close_(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    void: Annotated[bool, typer.Option("--void", help="It was none, and does not count.")] = False,
) -> None:
    """Close an incident."""
    from gonogo.ledger.history import close_incident

    with open_database("incident") as connection:
        require_ledger(connection)
        close_incident(connection, number, void=void)
    typer.echo(f"incident {number} is closed{' as void' if void else ''}")


@app.command("list")
def list_() -> None:
    """List all incidents, open ones first."""
    from gonogo.ledger.history import incidents
    from gonogo.report.narration import Narration

    with open_database("incident") as connection:
        require_ledger(connection)
        rows = list(incident_rows(incidents(connection)))
    show_rows(Narration.to_terminal(), rows or [("no incident",)])
