"""What forbids a decision on a record. Pure: the record's own words against the decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from gonogo.model.kinds import Environment
from gonogo.model.window import DEFAULT_WINDOW
from gonogo.report.text import span
from gonogo.signing.document import Decision

# Tokens, breakers and endpoints are asked now: they cannot be wound back further than this.
STALE_S = 900
LEFT_OUT = "Left out on purpose"


def against(document: Mapping[str, Any], decision: Decision) -> Iterator[str]:
    """Why a decision goes against what the record says; a reason given for it overrides.

    Args:
        document: The record.
        decision: What is decided.
    """
    if decision is not Decision.GO:
        return
    verdict = document.get("verdict")
    if not verdict:
        yield f"a {document.get('kind')} record brings no verdict"
        return
    if verdict["kind"] != "GO":
        yield f"the verdict is {verdict['kind']}, not GO"
    if short := window_short(document):
        yield short


def never_for_production(document: Mapping[str, Any]) -> Iterator[str]:
    """Why a record can never be signed "go" for production, whatever the reason.

    Args:
        document: The record.
    """
    if document.get("simulated"):
        yield "it is simulated: a rehearsal in a sandbox"
    age_s = document.get("as_of_age_s") or 0
    if age_s > STALE_S:
        yield (
            f"its as-of lay {span(age_s)} back when it was made (at most {span(STALE_S)}): tokens, "
            "breakers and endpoints cannot be wound back"
        )
    if left := _left_out(document):
        yield f"{left} was left out on purpose"


def window_short(document: Mapping[str, Any]) -> str:
    """Why its window is too short to stand for its environment; empty when it is not.

    Args:
        document: The record.
    """
    environment = document.get("environment")
    wanted = DEFAULT_WINDOW[Environment(environment)] if environment in DEFAULT_WINDOW else None
    asked = timedelta(seconds=(document.get("window") or {}).get("asked_s") or 0)
    if wanted is None or asked >= wanted:
        return ""
    judged = f"{environment} is judged over {span(wanted.total_seconds())}"
    return f"its window is {span(asked.total_seconds())}, and {judged}"


def _left_out(document: Mapping[str, Any]) -> str:
    """The groups that were not asked, by the record's facts or by its findings."""
    told = (document.get("facts") or {}).get(LEFT_OUT)
    if told:
        return str(told)
    findings = document.get("findings") or []
    groups = {str(one["group"]) for one in findings if one.get("outcome") == "left_out"}
    return ", ".join(sorted(groups))
