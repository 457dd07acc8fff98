"""measure.take: one snapshot, every survey once, a Measurement for each metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gonogo.criteria import Criteria
from gonogo.measure import surveys
from gonogo.measure.asking import Asking
from gonogo.measure.metrics import WHOLE, measure
from gonogo.measure.sharing import share_out
from gonogo.measure.slices import CLUSTER_WIDTH, WIDTH, cut
from gonogo.measure.surveys import Survey, naive
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Measurement, Window
from gonogo.postgres.reading import Session

INTEGRATIONS = ("google_contacts", "google_calendar")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Args:
        criteria: The metrics.
        sql_dir: Where their surveys lie.
        environment: Whose deployments count.
        window: What is judged.
        versions: The migrations that must be recorded.
    """

    criteria: Criteria
    sql_dir: Path
    environment: Environment
    window: Window
    versions: tuple[str, ...]


def take(session: Session, plan: Plan) -> dict[str, Measurement]:
    """Measure everything in the session's snapshot, on as many sessions as share it.

    Args:
        session: In its transaction.
        plan: What to measure.

    Raises:
        psycopg.errors.SerializationFailure: A standby cancelled the snapshot; repeat it whole.
    """
    parameters = _parameters(plan)
    width = CLUSTER_WIDTH if session.on_cluster else WIDTH
    recency = {metric.recency for metric in plan.criteria.metrics.values() if metric.recency}
    asked: dict[str, dict[str, Asking]] = {}
    for name in plan.criteria.surveys():
        survey = surveys.load(plan.sql_dir, name)
        slices = cut(plan.window, width) if survey.sliced else ()
        asked[name] = {
            whose: Asking(survey, {**parameters, "integration": whose or None}, slices)
            for whose in (_whose(survey) if name in recency else (WHOLE,))
        }
    _ask(session, [one for each in asked.values() for one in each.values()])
    tables = {name: each[WHOLE].table for name, each in asked.items() if name not in recency}
    recent = {
        name: {whose: one.table for whose, one in asked[name].items()}
        for name in asked
        if name in recency
    }
    return measure(plan.criteria, tables, recent, plan.window)


def _ask(session: Session, asked: Sequence[Asking]) -> None:
    """Whole surveys are begun first; the many slices then keep every session busy to the end."""
    in_order = sorted(asked, key=lambda asking: asking.survey.sliced)
    sessions = (session, *session.open_others())
    share_out(sessions, [job for asking in in_order for job in asking.jobs()])


def _whose(survey: Survey) -> tuple[str, ...]:
    """The newest events are asked of all and, where the survey knows integrations, of each."""
    return (WHOLE, *INTEGRATIONS) if "%(integration)s" in survey.query else (WHOLE,)


def _parameters(plan: Plan) -> dict[str, object]:
    window, rules = plan.window, plan.criteria.rules
    oldest = window.end - timedelta(days=rules.onboarding_most_days)
    onboarding_start = max(window.deployed_at or window.start, oldest)
    return {
        "window_start": naive(window.start),
        "as_of": naive(window.end),
        # Evidence grows since the deployment, but never covers less than the window.
        "onboarding_start": naive(min(onboarding_start, window.start)),
        "most_recent": max(rules.recent),
        "critical_pattern": "|".join(rules.critical_patterns),
        "environment": plan.environment.value,
        "versions": list(plan.versions),
    }
