"""What proves an item: steps that succeeded, checks that are met, facts. Pure; never by default."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gonogo.checklist.entries import Item, covers
from gonogo.checklist.sources import Sources, Told
from gonogo.signing.refusals import window_short

PROVED, FAILED, OPEN = "proved", "failed", "open"
FINE = frozenset({"met", "warning"})
WRONG = frozenset({"failed", "critical", "fired"})
GOOD_BANDS = frozenset({"Excellent", "Good"})
MOST_TOLD = 3
# Evidence ends with what it comes from.
SOURCE = re.compile(r" \([^()]*\)$")
Standing = tuple[str, str]


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
    """The worst state, with what is told of it."""
    for state in (FAILED, OPEN):
        if told := [evidence for found, evidence in standings if found == state]:
            return state, _joined(told)
    return PROVED, _joined([evidence for _, evidence in standings])


def _joined(told: Sequence[str]) -> str:
    """Each once; where all have the same source, it is named once."""
    each = list(dict.fromkeys(told))
    ends = {match[0] if (match := SOURCE.search(one)) else "" for one in each}
    end = ends.pop() if len(ends) == 1 else ""
    return "; ".join(one.removesuffix(end) for one in each) + end


def _by_steps(names: Sequence[str], sources: Sources) -> Standing:
    undone, deployment, smoke = sources.rollback, sources.deployment, sources.smoke
    if undone and any(name.startswith(("deploy.", "smoke.")) for name in names):
        return OPEN, f"that deployment was rolled back ({undone.name})"
    if (smoke and deployment and smoke.moment < deployment.moment) and any(
        name.startswith("smoke.") for name in names
    ):
        return OPEN, f"none was sent since the deployment ({deployment.name})"
    return _worst([_by_step(name, sources) for name in names])


def _by_step(name: str, sources: Sources) -> Standing:
    step = sources.steps.get(name)
    if step is None:
        return OPEN, f"no record of the step {name}"
    told = f"{step.line} ({step.source})"
    match step.outcome:
        case "succeeded":
            return PROVED, told
        case "failed":
            return FAILED, f"{name}: {told}"
    return OPEN, f"{name} was skipped: {told}"


def _by_gate(sources: Sources, judge: Callable[[Told], Standing]) -> Standing:
    """What the newest gate shows, where it is of what runs now."""
    gate = sources.gate
    if gate is None:
        return OPEN, "no gate was run yet"
    if sources.rollback and sources.rollback.moment > gate.moment:
        return OPEN, f"rolled back since the last gate ({sources.rollback.name})"
    if sources.deployment and sources.deployment.moment > gate.moment:
        return OPEN, f"no gate was run since the deployment ({sources.deployment.name})"
    state, told = judge(gate)
    return state, f"{told} ({gate.name})"


def _by_checks(checks: Sequence[str], gate: Told) -> Standing:
    found = [
        finding
        for finding in gate.document.get("findings") or ()
        if any(covers(check, finding["id"]) for check in checks)
    ]
    wrong = [one for one in found if one["outcome"] in WRONG]
    unknown = [one for one in found if one["outcome"] not in WRONG | FINE]
    if wrong or unknown:
        return FAILED if wrong else OPEN, _reasons(wrong or unknown)
    if not found:
        return OPEN, "it has no answer"
    warned = [one for one in found if one["outcome"] == "warning"]
    warnings = f", with a warning: {_reasons(warned)}" if warned else ""
    count = f"{len(found)} check{'s' if len(found) > 1 else ''}"
    return PROVED, f"{count} met{warnings}"


def _reasons(findings: Sequence[Mapping[str, Any]]) -> str:
    told = list(dict.fromkeys(f"{one['metric']}: {one['reason']}" for one in findings))
    more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(told[:MOST_TOLD]) + more


def _soak_complete(gate: Told) -> Standing:
    window = gate.document.get("window")
    if not window:
        return OPEN, "nothing was measured"
    if short := window_short(gate.document):
        return OPEN, short
    hours = f"{window['covered_s'] / 3600:.0f} of {window['asked_s'] / 3600:.0f} h covered"
    return PROVED if window["complete"] else OPEN, hours


def _trend(gate: Told) -> Standing:
    alerts = [one for one in gate.document.get("findings") or () if one["role"] == "alert"]
    if worse := [one for one in alerts if one["worsened"]]:
        return FAILED, _reasons(worse)
    if not any(one["outcome"] in FINE for one in alerts):
        return OPEN, "no rate was measured"
    return PROVED, "no rate fell in the second half of the window"


def _health_score(gate: Told) -> Standing:
    score = gate.document.get("score")
    if not score:
        return OPEN, "nothing was measured"
    told = f"{score['points']:g} of 100, {score['band']}"
    return PROVED if score["band"] in GOOD_BANDS else FAILED, told


def _soak_continuity(gate: Told) -> Standing:
    soak = gate.document.get("soak")
    if not soak:
        return OPEN, "nobody knows when the soak began"
    missing = [mark["name"] for mark in soak["marks"] if mark["state"] == "missing"]
    ahead = [mark["name"] for mark in soak["marks"] if mark["state"] in {"due", "ahead"}]
    if missing:
        return FAILED, f"without a record: {', '.join(missing)}"
    if ahead:
        return OPEN, f"still ahead: {', '.join(ahead)}"
    return PROVED, f"each of the {len(soak['marks'])} has a record"


def _final_record(sources: Sources) -> Standing:
    final = sources.summary
    if final is None:
        return OPEN, "there is no final report that says GO"
    if sources.deployment and final.moment < sources.deployment.moment:
        return OPEN, f"{final.name} is of an earlier deployment"
    verdict = (final.document.get("verdict") or {}).get("kind")
    return PROVED if verdict == "GO" else OPEN, f"it says {verdict} ({final.name})"


def _history(sources: Sources) -> Standing:
    told = f"{sources.deployments} deployments and {sources.rollbacks} rollbacks in the archive"
    return PROVED if sources.deployments else OPEN, told


def _old_backups(sources: Sources) -> Standing:
    backups = sources.old_backups
    if backups is None:
        return OPEN, "./noxw -s checklist lists them, where it reaches the ledger"
    return PROVED, f"past their retention: {', '.join(backups) or 'none'}"


def _of_gate(judge: Callable[[Told], Standing]) -> Callable[[Sources], Standing]:
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
