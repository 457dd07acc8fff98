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
        measured: The team's criteria, whose rules, limits and weights are replaced; a metric that
            these criteria do not have keeps its own.
    """
    patterns = {"critical_patterns": measured.rules.critical_patterns}
    rules, score = CRITERIA.rules.model_copy(update=patterns), CRITERIA.score
    metrics = {
        name: metric.model_copy(update=_limits(name)) for name, metric in measured.metrics.items()
    }
    return measured.model_copy(update={"metrics": metrics, "rules": rules, "score": score})


def _limits(metric: str) -> dict[str, object]:
    own = CRITERIA.metrics.get(metric)
    return {key: getattr(own, key) for key in JUDGED_BY} if own else {}
