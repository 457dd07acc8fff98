"""The criteria that the engine's tests judge by: their own, so that a team may edit its own."""

from __future__ import annotations

from pathlib import Path

from gonogo.criteria import Criteria, load

OWN = Path(__file__).with_name("engine")
CRITERIA = load(OWN / "criteria.toml", OWN / "sql")
JUDGED_BY = ("objective", "warning", "critical", "trigger", "weight")


def judged_alike(measured: Criteria) -> Criteria:
    """What a team measures, judged by these criteria.

    Args:
        measured: The team's criteria; their rules, limits and weights are replaced.
    """
    metrics = {
        name: metric.model_copy(
            update={
                key: getattr(CRITERIA.metrics[name], key) if name in CRITERIA.metrics else empty
                for key, empty in zip(JUDGED_BY, ({}, None, None, None, 0), strict=True)
            }
        )
        for name, metric in measured.metrics.items()
    }
    rules = CRITERIA.rules.model_copy(
        update={"critical_patterns": measured.rules.critical_patterns}
    )
    return measured.model_copy(update={"metrics": metrics, "rules": rules, "score": CRITERIA.score})
