"""What proves an item: steps that succeeded, checks that are met, facts. Pure; never by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gonogo.checklist.entries import Item, covers, metric_of
from gonogo.checklist.sources import RecordedRun, Run, Sources
from gonogo.command_line import command
from gonogo.model.kinds import Band, ItemState, MarkState, Outcome, Role, VerdictKind
from gonogo.model.record import Record
from gonogo.report.answers import Answer, answers
from gonogo.report.timeline import window_short

FINE = frozenset({Outcome.MET, Outcome.WARNING})
WRONG = frozenset({Outcome.FAILED, Outcome.CRITICAL, Outcome.FIRED})
GOOD_BANDS: frozenset[Band] = frozenset({"Excellent", "Good"})
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item stands.

    Args:
        state: Proved, attested, failed, open, or not due.
        reason: What proves it, or why it is open or failed.
        source: Where that is written; empty when `reason` says so already, or nowhere.
        sources: Every place where it is written.
    """

    state: ItemState
    reason: str = ""
    source: str = ""
    sources: frozenset[str] = frozenset()

    @property
    def evidence(self) -> str:
        """The reason, with its source."""
        return f"{self.reason} ({self.source})" if self.source else self.reason


def is_open(reason: str = "", source: str = "") -> Standing:
    """Nothing proves it yet."""
    return Standing(ItemState.OPEN, reason, source)


def proof(item: Item, sources: Sources) -> Standing:
    """What stands behind an item that the suite proves.

    Args:
        item: Which.
        sources: What its environment's records show.
    """
    if item.steps:
        return _by_steps(item.steps, sources)
    if item.checks:
        return _by_gate(sources, lambda gate: _by_checks(item.checks, gate))
    return _worst([FACTS[fact](sources) for fact in item.facts])


def _worst(standings: Sequence[Standing]) -> Standing:
    """The worst state, with its reasons."""
    for state in (ItemState.FAILED, ItemState.OPEN):
        if of_it := [one for one in standings if one.state is state]:
            return _joined(state, of_it)
    return _joined(ItemState.PROVED, standings)


def _joined(state: ItemState, standings: Sequence[Standing]) -> Standing:
    """Each once; where all have the same source, it is named once."""
    sources = frozenset(one.source for one in standings)
    if len(sources) == 1:
        reasons = dict.fromkeys(one.reason for one in standings)
        return Standing(state, "; ".join(reasons), "".join(sources))
    reasons = dict.fromkeys(one.evidence for one in standings)
    return Standing(state, "; ".join(reasons), sources=sources)


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
    match step.outcome:
        case "succeeded":
            return Standing(ItemState.PROVED, step.line, step.source)
        case "failed":
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
    if unanswered := _unanswered(gate, checks):
        return is_open(f"without an answer: {', '.join(unanswered)}")
    warned = [one for one in found if one.outcome is Outcome.WARNING]
    warnings = f", with a warning: {_reasons(warned)}" if warned else ""
    count = f"{len(found)} check{'s' if len(found) > 1 else ''}"
    return Standing(ItemState.PROVED, f"{count} met{warnings}")


def _unanswered(gate: Record, checks: Sequence[str]) -> tuple[str, ...]:
    """The metrics of expected checks that a part of the gate left unanswered."""
    answered = {one.id for one in gate.findings}
    expected = [one for one in gate.expected if any(covers(check, one) for check in checks)]
    return tuple(dict.fromkeys(metric_of(one) for one in expected if one not in answered))


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
    return Standing(ItemState.PROVED, "no rate fell in the second half of the window")


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
    missing = [mark.name for mark in marks if mark.state is MarkState.MISSING]
    ahead = [mark.name for mark in marks if mark.state in coming]
    if missing:
        return Standing(ItemState.FAILED, f"without a record: {', '.join(missing)}")
    if ahead:
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


def _of_gate(judge: Callable[[Record], Standing]) -> Callable[[Sources], Standing]:
    return lambda sources: _by_gate(sources, judge)


FACTS: Mapping[str, Callable[[Sources], Standing]] = {
    "soak_complete": _of_gate(_soak_complete),
    "trend": _of_gate(_trend),
    "health_score": _of_gate(_health_score),
    "soak_continuity": _of_gate(_soak_continuity),
    "final_record": _final_record,
    "history": _history,
    "old_backups": _old_backups,
}
