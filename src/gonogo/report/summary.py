"""A soak summed up from its records: the document of its final report. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gonogo.model.kinds import Environment, VerdictKind
from gonogo.model.window import format_duration, format_moment
from gonogo.record.archived import ArchivedRecord
from gonogo.report.soak import LENGTHS, MISSING, Look, continuity

Json = dict[str, Any]
KEPT_FACTS = (
    "Database",
    "Connection",
    "Server",
    "System identifier",
    "Application revision",
    "Migrations (sha256)",
    "Criteria (sha256)",
    # From what was not asked nothing can be signed for production: nor from the sum of it.
    "Left out on purpose",
)
BAD = frozenset({VerdictKind.ROLLBACK.value, VerdictKind.NO_GO.value})


def of_this_soak(
    records: Sequence[ArchivedRecord], environment: Environment
) -> tuple[ArchivedRecord, ...]:
    """The gates of the environment's latest deployment, the oldest first.

    Args:
        records: The archive's.
        environment: Whose.
    """
    verdicts = {kind.value for kind in VerdictKind}
    gates = [
        record
        for record in records
        if record.environment == environment
        and record.kind == "gate"
        and record.state == "complete"
        and record.verdict in verdicts
        and record.as_of
        and record.deployed_at
    ]
    if not gates:
        return ()
    # Whichever was deployed last, by what the records themselves know.
    latest = max(record.deployed_at for record in gates if record.deployed_at)
    mine = [record for record in gates if record.deployed_at == latest]
    return tuple(sorted(mine, key=lambda record: (record.as_of or latest, record.order)))


def summary(
    gates: Sequence[ArchivedRecord], newest: Mapping[str, Any], environment: Environment
) -> Json:
    """Everything that the final report shows but the checklist and what closing it adds.

    Args:
        gates: From `of_this_soak`; not empty.
        newest: What the last of them holds.
        environment: How long its soak is.
    """
    last, length = gates[-1], LENGTHS[environment]
    begun, end = last.deployed_at, last.as_of
    if begun is None or end is None:
        raise ValueError("a gate of this soak knows its window")
    looks = [Look(gate.as_of, gate.name) for gate in gates if gate.as_of]
    marks = continuity(environment, begun, end, looks)
    facts = newest.get("facts", {})
    return {
        "kind": "summary",
        "title": f"{environment.capitalize()}: final report, {format_duration(length)}",
        "simulated": any(gate.simulated for gate in gates),
        "as_of_age_s": newest.get("as_of_age_s", 0),
        "verdict": _verdict(gates, marks, length),
        "window": _window(begun, end, length),
        "score": newest.get("score"),
        "subject": newest.get("subject"),
        "soak": {
            "deployed_at": format_moment(begun),
            "end": format_moment(end),
            "marks": marks,
            "hours": 0,
            "silent": [],
        },
        "timeline": newest.get("timeline", []),
        "records": [_summed(gate) for gate in gates],
        "facts": {name: facts[name] for name in KEPT_FACTS if name in facts},
        "reproduce": f"./noxw -s final_report -- {environment}",
    }


def _verdict(gates: Sequence[ArchivedRecord], marks: Sequence[Json], length: timedelta) -> Json:
    last = gates[-1]
    kind, reason = VerdictKind(last.verdict or ""), f"{last.name} says {last.verdict}"
    if kind is VerdictKind.GO and last.asked_s < length.total_seconds():
        judged = format_duration(timedelta(seconds=last.asked_s))
        kind = VerdictKind.HOLD
        reason = (
            f"the newest record judges {judged} only: monitor the whole "
            f"{format_duration(length)} once more, then sum up again"
        )
    return {
        "kind": kind.value,
        "exit_code": kind.exit_code,
        "reasons": [reason],
        "warnings": list(_warnings(gates, marks)),
        "not_run": [],
    }


def _warnings(gates: Sequence[ArchivedRecord], marks: Sequence[Json]) -> Iterator[str]:
    for mark in marks:
        if mark["state"] == MISSING:
            yield f"nobody looked at {mark['name']}"
    for gate in gates[:-1]:
        if gate.verdict in BAD and gate.as_of:
            yield f"{gate.name} was {gate.verdict}, as of {format_moment(gate.as_of)}"


def _window(begun: datetime, end: datetime, length: timedelta) -> Json:
    start = max(begun, end - length)
    covered = end - start
    return {
        "asked_s": int(length.total_seconds()),
        "start": format_moment(start),
        "end": format_moment(end),
        "covered_s": int(covered.total_seconds()),
        "complete": covered >= length,
        "deployed_at": format_moment(begun),
    }


def _summed(gate: ArchivedRecord) -> Json:
    return {
        "record": gate.name,
        "sha256": gate.sha256,
        "at": format_moment(gate.as_of) if gate.as_of else None,
        "asked_s": gate.asked_s,
        "verdict": gate.verdict,
        "points": gate.points,
        "band": gate.band,
        "rates": [
            {"metric": rate.metric, "title": rate.title, "k": rate.k, "n": rate.n}
            for rate in gate.rates
        ],
    }
