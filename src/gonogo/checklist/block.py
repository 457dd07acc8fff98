"""The checklist as a record holds it: read, gathered, and held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.checklist.attesting import attestations
from gonogo.checklist.entries import Checklist
from gonogo.checklist.gathering import gather
from gonogo.checklist.sources import Book, Sources, Told
from gonogo.checklist.standing import Grounds, standing
from gonogo.model.kinds import Environment

THIS = "this record"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the checklist's evidence lies.

    Args:
        checklist: From `load`.
        archive_dir: The archive.
        allowed_signers: Who may sign; None where nobody is named.
    """

    checklist: Checklist
    archive_dir: Path
    allowed_signers: Path | None


def checklist_block(
    desk: Desk,
    own: Environment,
    current: tuple[datetime, Mapping[str, Any]] | None = None,
    books: Mapping[Environment, Book] | None = None,
) -> list[dict[str, Any]]:
    """Where each item stands, by phase.

    Args:
        desk: Where the evidence lies.
        own: The environment that is asked about.
        current: A record that is about to be closed: when it began, and what it holds.
        books: What the ledger says, of the environments whose database answers.

    Raises:
        OSError: The archive cannot be read.
    """
    told = current and Told(THIS, *current)
    sources = {
        environment: gather(desk.archive_dir, environment, told if environment is own else None)
        for environment in Environment
    }
    for environment, book in (books or {}).items():
        sources[environment] = book.added_to(sources[environment])
    words = attestations(desk.archive_dir, desk.allowed_signers, _begun(sources))
    return standing(desk.checklist, Grounds(sources, words, own))


def _begun(sources: Mapping[Environment, Sources]) -> datetime | None:
    """When this rollout began: with the newest deployment to staging, else to production."""
    for environment in Environment:
        if deployment := sources[environment].deployment:
            return deployment.moment.replace(microsecond=0)
    return None
