"""Why the verdict is what it is, how sure that is, and what is open: in the record's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from gonogo.report.text import span

Json = Mapping[str, Any]
ALL_POINTS = 100
GATES = "Gates since the deployment"
NOT_SETTLED = frozenset({"open", "failed"})


def reasons(document: Json) -> list[str]:
    """The verdict's reasons, with a metric called by its title instead of its id."""
    verdict = document["verdict"]
    return [_named(document, reason) for reason in verdict["reasons"]] if verdict else []


def sureness(document: Json) -> list[str]:
    """How much stands behind the verdict; nothing where no check was expected."""
    return list(_sure(document)) if document["expected"] else []


def open_phases(document: Json) -> list[str]:
    """How much of the checklist is not settled, phase by phase; what is not due is not open."""
    told = []
    for phase in document["checklist"]:
        states = [item["state"] for item in phase["items"]]
        if number := sum(state in NOT_SETTLED for state in states):
            told.append(f"{phase['title']}: {number} of {len(states)}")
    return told


def _sure(document: Json) -> Iterator[str]:
    findings, expected = document["findings"], document["expected"]
    outcomes = Counter(finding["outcome"] for finding in findings)
    told = f"{len(findings)} of {len(expected)} checks answered"
    open_ones = outcomes["inconclusive"]
    left_out = f", {outcomes['left_out']} left out on purpose" if outcomes["left_out"] else ""
    yield f"{told}, {open_ones or 'none'} inconclusive{left_out}"
    if window := document["window"]:
        whole = "all" if window["complete"] else span(window["covered_s"])
        yield f"{whole} of the {span(window['asked_s'])} covered"
    if score := document["score"]:
        measured = score["measured"]
        yield (
            "all 100 points of the score measured"
            if measured == ALL_POINTS
            else f"{measured} of 100 points of the score measured"
        )
    if soak := document["soak"]:
        missing = sum(mark["state"] == "missing" for mark in soak["marks"])
        if missing:
            yield f"{missing} of {len(soak['marks'])} moments of the soak without a record"
    if gates := document["facts"].get(GATES):
        yield f"gate number {gates} since the deployment"


def _named(document: Json, reason: str) -> str:
    metric, colon, rest = reason.partition(": ")
    measurement = document["measurements"].get(metric)
    return f"{measurement['title']}: {rest}" if colon and measurement else reason
