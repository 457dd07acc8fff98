"""``gonogo checklist``: what is proved, what is attested, and what is open, phase by phase."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gonogo.cli.session import open_database
from gonogo.errors import DatabaseError, UsageError
from gonogo.model import Environment

if TYPE_CHECKING:
    from gonogo.checklist.sources import Book
    from gonogo.config import RolloutConfig
    from gonogo.narration import Narration

MARKS = {
    "proved": ("✓", "green"),
    "attested": ("✓", "green"),
    "failed": ("✗", "red"),
    "open": ("○", "yellow"),
    "not due": ("-", "dim"),
}
UNKNOWN = ("?", "yellow")
Block = Sequence[Mapping[str, Any]]
SETTLED = frozenset({"proved", "attested", "not due"})


def checklist(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV, else staging.")
    ] = None,
) -> None:
    """Print the checklist: what is proved by which record, what is attested, what is open."""
    from gonogo.checklist.block import checklist_block
    from gonogo.cli.session import project_here
    from gonogo.narration import Narration
    from gonogo.rollout.checklist import checklist_desk
    from gonogo.settings import named_environment

    project, config = project_here()
    named = named_environment(os.environ, environment) or Environment.STAGING
    desk = checklist_desk(project, config)
    narration = Narration.to_terminal()
    tell_checklist(narration, checklist_block(desk, named, books=_books(narration, config)))


def tell_checklist(narration: Narration, block: Block) -> None:
    """Tell every item, phase by phase.

    Args:
        narration: Where.
        block: As a record holds them.
    """
    for phase in block:
        narration.chapter(f"{phase['title']}: {_tally(phase['items'])}")
        for item in phase["items"]:
            mark, style = MARKS.get(item["state"], UNKNOWN)
            by_person = " (a person's to attest)" if _waits(item) else ""
            narration.say(f"  {mark} {item['text']}{by_person}", style)
            told = f"{item['id']}: {item['state']}"
            more = f", {item['evidence']}" if item["evidence"] else ""
            narration.say(f"      {told}{more}", "dim")


def checklist_lines(record: Path, only: str = "") -> list[str]:
    """The checklist after a deployment or rollback: how much is settled, and what is not.

    Args:
        record: Its ``record.json``.
        only: The id of the one phase that is told, every item of it; empty tells of all phases
            what is not settled.
    """
    import json

    document = json.loads(record.read_text(encoding="utf-8"))
    told = []
    for phase in document["checklist"]:
        if only in {"", phase["phase"]}:
            told.append(f"{phase['title']}: {_tally(phase['items'])}")
            for item in phase["items"]:
                if only or item["state"] not in SETTLED:
                    mark, _ = MARKS.get(item["state"], UNKNOWN)
                    told.append(f"  {mark} {item['text']} ({item['id']})")
    return told


def _books(narration: Narration, config: RolloutConfig) -> dict[Environment, Book]:
    """What the ledger says; nothing, and why, where no database answers."""
    from datetime import UTC, datetime

    from gonogo.rollout.checklist import book_of
    from gonogo.rollout.standing import read_standing

    try:
        with open_database("checklist") as connection:
            books = book_of(read_standing(connection), config, datetime.now(UTC))
    except (DatabaseError, UsageError) as error:
        narration.say(f"without the ledger: {error.problem}", "dim")
        return {}
    known = f"with the ledger of {', '.join(books)}"
    narration.say(known if books else "the ledger knows of no deployment", "dim")
    return books


def _waits(item: Mapping[str, str]) -> bool:
    return item["how"] == "attested" and item["state"] != "attested"


def _tally(items: Sequence[Mapping[str, Any]]) -> str:
    states = [item["state"] for item in items]
    counted = [f"{states.count(state)} {state}" for state in MARKS if state in states]
    return ", ".join(counted)
