"""``gonogo checklist``: what is proved, what is attested, and what is open, phase by phase."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gonogo.cli.inputs import open_database
from gonogo.errors import DatabaseError, UsageError
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    from gonogo.checklist.sources import Book
    from gonogo.config import RolloutConfig
    from gonogo.report.narration import Narration

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
    from gonogo.cli.inputs import project_here
    from gonogo.postgres.dsn import named_environment
    from gonogo.report.narration import Narration
    from gonogo.rollout.checklist import checklist_desk

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
        only: The id of the one phase that is told, every item of it; empty tells what is not
            settled of the phases that this record belongs to, and of the others how far they are.
    """
    import json

    document = json.loads(record.read_text(encoding="utf-8"))
    phases: Block = document["checklist"]
    if only:
        return [line for one in phases if one["phase"] == only for line in _lines(one, SETTLED)]
    # The last that this record is part of is the one that its reader is in.
    own = [one for one in reversed(phases) if _is_of_this_record(one)]
    told = [line for one in own for line in _lines(one)]
    told += [_head(one) for one in phases if one not in own]
    return [*told, "./noxw -s checklist tells every item, with its evidence"]


def _is_of_this_record(phase: Mapping[str, Any]) -> bool:
    from gonogo.checklist.block import THIS

    return any(
        item["state"] == "proved" and f"({THIS})" in item["evidence"] for item in phase["items"]
    )


def _lines(phase: Mapping[str, Any], settled: frozenset[str] = frozenset()) -> list[str]:
    """A phase in lines: how far it is, what is not settled, and of what is settled these states."""
    lines = [_head(phase)]
    for item in phase["items"]:
        if item["state"] in settled or item["state"] not in SETTLED:
            mark, _ = MARKS.get(item["state"], UNKNOWN)
            lines.append(f"  {mark} {item['text']} ({item['id']})")
    return lines


def _head(phase: Mapping[str, Any]) -> str:
    return f"{phase['title']}: {_tally(phase['items'])}"


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
