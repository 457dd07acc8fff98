"""Single findings with all that a page shows of them."""

from __future__ import annotations

from typing import Any

from gonogo.model.kinds import Outcome
from gonogo.model.measurement import Count, Measurement
from gonogo.report.answers import Answer
from record_examples import entry, finding


def one(metric: str, outcome: str = "met", role: str = "criterion", **told: Any) -> Answer:
    """A finding of 97 of 100, with its metric and its measurement."""
    limit = told.get("limit") or ("warning < 90 %" if role == "alert" else "> 90 %")
    reason = told.get("reason", f"97.0 % (97 of 100) is {outcome}")
    found = finding(
        f"{role}:{metric}", limit, Outcome(outcome), told.get("interval"), reason=reason
    )
    known = entry(
        metric,
        told.get("title", f"The {metric}"),
        kind=told.get("kind", "rate"),
        means=f"{metric} means",
        first=f"{metric} first",
        query="",
    )
    measured = told.get("measured", Measurement(metric, Count(97, 100)))
    return Answer(told.get("finding") or found, known, measured)
