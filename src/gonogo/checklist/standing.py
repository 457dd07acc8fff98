"""Where each item stands. Pure: the checklist against what stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.checklist.entries import Checklist, Item, Phase
from gonogo.checklist.proof import OPEN, Standing, proof
from gonogo.checklist.sources import Attested, Sources
from gonogo.model.kinds import Environment

ATTESTED, NOT_DUE = "attested", "not due"
Json = dict[str, Any]


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


def standing(checklist: Checklist, grounds: Grounds) -> list[Json]:
    """The phases with their items, as a record holds them.

    Args:
        checklist: From `load`.
        grounds: What stands behind the items.
    """
    return [
        {
            "phase": phase.id,
            "title": phase.title,
            "items": [_item(phase, item, grounds) for item in phase.item],
        }
        for phase in checklist.phase
    ]


def _item(phase: Phase, item: Item, grounds: Grounds) -> Json:
    environment = item.environment or phase.environment or grounds.own
    sources = grounds.sources.get(environment, Sources())
    begun = _begun(phase, sources)
    if item.attested:
        state, evidence = _word(phase, item, sources, grounds)
    else:
        state, evidence = proof(item, sources) if begun else (OPEN, "")
    if state == OPEN and not begun:
        state, evidence = NOT_DUE, f"there was no {phase.after} in {environment} yet"
    return {
        "id": phase.id_of(item),
        "text": item.text,
        "how": item.how,
        "state": state,
        "evidence": evidence,
    }


def _begun(phase: Phase, sources: Sources) -> bool:
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
        return OPEN, ""
    if rollback and word.about < rollback.moment.replace(microsecond=0):
        return OPEN, ""
    return ATTESTED, word.line
