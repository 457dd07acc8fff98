"""The checklist as a record holds it: every item, and what proves or attests it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gonogo.checklist.entries import Checklist, Item, Phase, load_checklist
from gonogo.checklist.proof import Standing, is_open, proof
from gonogo.checklist.sources import (
    Attested,
    Book,
    RecordedRun,
    Sources,
    attestations,
    gather,
)
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.criteria import load as load_criteria
from gonogo.model.kinds import Environment, ItemState
from gonogo.model.record import ItemEntry, PhaseEntry, Record

THIS = "this record"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the checklist's evidence lies.

    Args:
        checklist: From `load`.
        archive_dir: The archive.
        allowed_signers: Who may sign; None where none is named.
    """

    checklist: Checklist
    archive_dir: Path
    allowed_signers: Path | None


@dataclass(frozen=True, slots=True)
class Grounds:
    """What all items are held against.

    Args:
        sources: What the records of each environment show.
        attested: The newest word on each item, by id.
        own: The environment of phases that name none.
    """

    sources: Mapping[Environment, Sources]
    attested: Mapping[str, Attested]
    own: Environment


def checklist_desk(project: Project, config: RolloutConfig) -> Desk:
    """Where the project's checklist and its evidence lie.

    Args:
        project: The checkout.
        config: Its rollout.toml.

    Raises:
        ConfigError: Checklist or criteria are missing, or say something that cannot be meant.
    """
    metrics = load_criteria(project.criteria_file, project.sql_dir).metrics
    checklist = load_checklist(project, metrics, config.http.smoke_names)
    return Desk(checklist, config.archive_dir, config.allowed_signers)


def checklist_block(
    desk: Desk,
    own: Environment,
    current: tuple[datetime, Record] | None = None,
    books: Mapping[Environment, Book] | None = None,
) -> tuple[PhaseEntry, ...]:
    """Where each item stands, by phase.

    Args:
        desk: Where the evidence lies.
        own: The environment that is asked about.
        current: A record that is about to be closed: when it began, and what it holds.
        books: What the ledger says, of the environments whose database answers.

    Raises:
        OSError: The archive cannot be read.
    """
    now = RecordedRun(THIS, *current) if current else None
    sources = {
        environment: gather(desk.archive_dir, environment, now if environment is own else None)
        for environment in Environment
    }
    for environment, book in (books or {}).items():
        sources[environment] = book.added_to(sources[environment])
    words = attestations(desk.archive_dir, desk.allowed_signers, _begun(sources))
    return standings(desk.checklist, Grounds(sources, words, own))


def standings(checklist: Checklist, grounds: Grounds) -> tuple[PhaseEntry, ...]:
    """The phases with their items. Pure.

    Args:
        checklist: From `load`.
        grounds: What stands behind the items.
    """
    return tuple(
        PhaseEntry(
            phase=phase.id,
            title=phase.title,
            items=tuple(_entry(phase, item, grounds) for item in phase.item),
        )
        for phase in checklist.phase
    )


def _begun(sources: Mapping[Environment, Sources]) -> datetime | None:
    """When this rollout began: with the newest deployment to staging, else to production."""
    for environment in Environment:
        if deployment := sources[environment].deployment:
            return deployment.moment.replace(microsecond=0)
    return None


def _entry(phase: Phase, item: Item, grounds: Grounds) -> ItemEntry:
    standing = _standing(phase, item, grounds)
    return ItemEntry(
        id=phase.id_of(item),
        text=item.text,
        how=item.how,
        state=standing.state,
        evidence=standing.evidence,
        is_own=THIS in {standing.source, *standing.sources},
    )


def _standing(phase: Phase, item: Item, grounds: Grounds) -> Standing:
    environment = item.environment or phase.environment or grounds.own
    sources = grounds.sources.get(environment, Sources())
    due = _is_due(phase, sources)
    if item.attested:
        standing = _word(phase, item, sources, grounds)
    else:
        standing = proof(item, sources) if due else is_open()
    if standing.state is ItemState.OPEN and not due:
        return Standing(ItemState.NOT_DUE, f"there was no {phase.after} in {environment} yet")
    return standing


def _is_due(phase: Phase, sources: Sources) -> bool:
    """Whether what the phase comes after has begun."""
    match phase.after:
        case "deployment":
            return sources.deployment is not None
        case "rollback":
            return sources.rollback is not None
        case "gate":
            return sources.gate is not None
    return True


def _word(phase: Phase, item: Item, sources: Sources, grounds: Grounds) -> Standing:
    word = grounds.attested.get(phase.id_of(item))
    rollback = sources.rollback if phase.after == "rollback" else None
    if word is None or (phase.after == "rollback" and rollback is None):
        return is_open()
    if rollback and word.about < rollback.moment.replace(microsecond=0):
        return is_open()
    return Standing(ItemState.ATTESTED, word.line)
