"""Where each item of the checklist stands, and what proves or attests it; never by default.

The record of a gate, a deployment or a soak holds the checklist as it stood when it was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gonogo.checklist.entries import (
    Checklist,
    Desk,
    Fact,
    Item,
    Phase,
    Standing,
    covers,
    is_open,
    unanswered,
)
from gonogo.checklist.sources import Attested, Book, RecordedRun, Run, Sources, attestations, gather
from gonogo.model.kinds import Environment, ItemState, MarkState, Outcome, Role, VerdictKind
from gonogo.model.record import ItemEntry, PhaseEntry, Record
from gonogo.report.answers import Answer, answers
from gonogo.report.timeline import window_short
from gonogo.screen import command

THIS = "this record"
FINE = frozenset({Outcome.MET, Outcome.WARNING})
WRONG = frozenset({Outcome.FAILED, Outcome.CRITICAL, Outcome.FIRED})
GOOD_BANDS = frozenset({"Excellent", "Good"})
MOST_REASONS = 3


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
    """The phases with their items, held against the grounds. Pure."""
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
    # Whether what the phase comes after has begun.
    due = phase.after is None or getattr(sources, phase.after) is not None
    if item.attested:
        standing = _word(phase, item, sources, grounds)
    else:
        standing = proof(item, sources) if due else is_open()
    if standing.state is ItemState.OPEN and not due:
        return Standing(ItemState.NOT_DUE, f"there was no {phase.after} in {environment} yet")
    return standing


def _word(phase: Phase, item: Item, sources: Sources, grounds: Grounds) -> Standing:
    word = grounds.attested.get(phase.id_of(item))
    if word and phase.after == "rollback":
        begun = sources.rollback and sources.rollback.moment.replace(microsecond=0)
        word = word if begun and word.about >= begun else None
    return Standing(ItemState.ATTESTED, word.line) if word else is_open()


def proof(item: Item, sources: Sources) -> Standing:
    """What stands behind an item that the suite proves, by its environment's records."""
    if item.steps:
        return _by_steps(item.steps, sources)
    if item.checks:
        return _by_gate(sources, lambda gate: _by_checks(item.checks, gate))
    of_gate = ((fact, OF_GATE.get(fact)) for fact in item.facts)
    return _worst([_by_gate(sources, f) if f else OF_ARCHIVE[fact](sources) for fact, f in of_gate])


def _worst(standings: Sequence[Standing]) -> Standing:
    """The worst state, with its reasons."""
    for state in (ItemState.FAILED, ItemState.OPEN):
        if of_it := [one for one in standings if one.state is state]:
            return _joined(state, of_it)
    return _joined(ItemState.PROVED, standings)


def _joined(state: ItemState, standings: Sequence[Standing]) -> Standing:
    """Each once; where all have the same source, it is named once."""
    sources = frozenset(one.source for one in standings)
    same = len(sources) == 1
    reasons = dict.fromkeys(one.reason if same else one.evidence for one in standings)
    return Standing(state, "; ".join(reasons), "".join(sources) if same else "", sources)


def _by_steps(names: Sequence[str], sources: Sources) -> Standing:
    undone, deployment, smoke = sources.rollback, sources.deployment, sources.smoke
    if undone and any(name.startswith(("deploy.", "smoke.")) for name in names):
        return is_open("that deployment was rolled back", undone.name)
    if (smoke and deployment and smoke.moment < deployment.moment) and any(
        name.startswith("smoke.") for name in names
    ):
        return is_open("none was sent since the deployment", deployment.name)
    return _worst([_by_step(name, sources) for name in names])


def _by_step(name: str, sources: Sources) -> Standing:
    step = sources.steps.get(name)
    if step is None:
        return is_open(f"no record of the step {name}")
    if step.outcome == "succeeded":
        return Standing(ItemState.PROVED, step.line, step.source)
    if step.outcome == "failed":
        return Standing(ItemState.FAILED, f"{name}: {step.line}", step.source)
    return is_open(f"{name} was skipped: {step.line}", step.source)


def _by_gate(sources: Sources, judge: Callable[[Record], Standing]) -> Standing:
    """What the newest gate shows, where it is of what runs now."""
    gate = sources.gate
    if gate is None:
        return is_open("no gate was run yet")
    if sources.rollback and sources.rollback.moment > gate.moment:
        return is_open("rolled back since the last gate", sources.rollback.name)
    if sources.deployment and sources.deployment.moment > gate.moment:
        return is_open("no gate was run since the deployment", sources.deployment.name)
    return _by_record(gate, judge)


def _by_record(run: Run, judge: Callable[[Record], Standing]) -> Standing:
    if not isinstance(run, RecordedRun):
        return is_open("the record cannot be read", run.name)
    if not run.record.is_whole:
        return is_open("that run was aborted", run.name)
    standing = judge(run.record)
    return Standing(standing.state, standing.reason, run.name)


def _by_checks(checks: Sequence[str], gate: Record) -> Standing:
    found = [one for one in answers(gate) if any(covers(check, one.id) for check in checks)]
    wrong = [one for one in found if one.outcome in WRONG]
    unknown = [one for one in found if one.outcome not in WRONG | FINE]
    if wrong or unknown:
        state = ItemState.FAILED if wrong else ItemState.OPEN
        return Standing(state, _reasons(wrong or unknown))
    if not found:
        return is_open("it has no answer")
    if without := unanswered(checks, gate):
        return is_open(f"without an answer: {', '.join(without)}")
    warned = [one for one in found if one.outcome is Outcome.WARNING]
    warnings = f", with a warning: {_reasons(warned)}" if warned else ""
    count = f"{len(found)} check{'s' if len(found) > 1 else ''}"
    return Standing(ItemState.PROVED, f"{count} met{warnings}")


def _reasons(found: Sequence[Answer]) -> str:
    reasons = list(dict.fromkeys(f"{one.metric}: {one.reason}" for one in found))
    more = f" and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return "; ".join(reasons[:MOST_REASONS]) + more


def _soak_complete(gate: Record) -> Standing:
    window = gate.window
    if not window:
        return is_open("nothing was measured")
    if short := window_short(gate):
        return is_open(short)
    covered, asked = (one.total_seconds() / 3600 for one in (window.covered, window.asked))
    hours = f"{covered:.0f} of {asked:.0f} h covered"
    return Standing(ItemState.PROVED if window.complete else ItemState.OPEN, hours)


def _trend(gate: Record) -> Standing:
    alerts = [one for one in answers(gate) if one.role is Role.ALERT]
    if worse := [one for one in alerts if one.finding.worsened]:
        return Standing(ItemState.FAILED, _reasons(worse))
    if not any(one.outcome in FINE for one in alerts):
        return is_open("no rate was measured")
    return Standing(ItemState.PROVED, "no rate fell within the window")


def _health_score(gate: Record) -> Standing:
    score = gate.score
    if not score:
        return is_open("nothing was measured")
    state = ItemState.PROVED if score.band in GOOD_BANDS else ItemState.FAILED
    return Standing(state, f"{score.points:g} of 100, {score.band}")


def _soak_continuity(gate: Record) -> Standing:
    if not gate.soak:
        return is_open("when the soak began is unknown")
    marks, coming = gate.soak.marks, {MarkState.DUE, MarkState.AHEAD}
    if missing := [mark.name for mark in marks if mark.state is MarkState.MISSING]:
        return Standing(ItemState.FAILED, f"without a record: {', '.join(missing)}")
    if ahead := [mark.name for mark in marks if mark.state in coming]:
        return is_open(f"still ahead: {', '.join(ahead)}")
    return Standing(ItemState.PROVED, f"each of the {len(marks)} has a record")


def _final_record(sources: Sources) -> Standing:
    final = sources.summary
    if final is None:
        return is_open("there is no final report that says GO")
    if sources.deployment and final.moment < sources.deployment.moment:
        return is_open(f"{final.name} is of an earlier deployment")
    return _by_record(final, _says_go)


def _says_go(final: Record) -> Standing:
    kind = final.verdict.kind if final.verdict else None
    state = ItemState.PROVED if kind is VerdictKind.GO else ItemState.OPEN
    return Standing(state, f"it says {kind}")


def _history(sources: Sources) -> Standing:
    counts = f"{sources.deployments} deployments and {sources.rollbacks} rollbacks in the archive"
    return Standing(ItemState.PROVED if sources.deployments else ItemState.OPEN, counts)


def _old_backups(sources: Sources) -> Standing:
    backups = sources.old_backups
    if backups is None:
        return is_open(f"{command('checklist')} lists them, where it reaches the ledger")
    return Standing(ItemState.PROVED, f"past their retention: {', '.join(backups) or 'none'}")


OF_GATE: Mapping[Fact, Callable[[Record], Standing]] = {
    "soak_complete": _soak_complete,
    "trend": _trend,
    "health_score": _health_score,
    "soak_continuity": _soak_continuity,
}
OF_ARCHIVE: Mapping[Fact, Callable[[Sources], Standing]] = {
    "final_record": _final_record,
    "history": _history,
    "old_backups": _old_backups,
}
