"""measure.take: one snapshot, every survey once, a Measurement for each metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gonogo.criteria import Criteria
from gonogo.measure import surveys
from gonogo.measure.asking import Asking
from gonogo.measure.derived import Tables
from gonogo.measure.metrics import WHOLE, measure, parts_of
from gonogo.measure.sharing import share_out
from gonogo.measure.slices import CLUSTER_WIDTH, WIDTH, cut
from gonogo.measure.surveys import naive
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Measurement, Window
from gonogo.postgres.reading import Session

# Where a survey of the newest events asks for one part of the whole.
PART = "%(part)s"
# No text matches it: where no pattern is critical, no message is.
NOTHING = "a\\mb"


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
    parameters = {**_parameters(plan), "part": None}
    width = CLUSTER_WIDTH if session.on_cluster else WIDTH
    sessions = (session, *session.open_others())
    asked: dict[str, Asking] = {}
    for name in plan.criteria.surveys():
        survey = surveys.load(plan.sql_dir, name)
        slices = cut(plan.window, width) if survey.sliced else ()
        asked[name] = Asking(survey, parameters, slices)
    _ask(sessions, asked.values())
    tables = {name: one.table for name, one in asked.items()}
    # Which parts there are is known only now.
    of_parts = {
        (name, part): Asking(asked[name].survey, {**parameters, "part": part})
        for name, parts in _parts(plan.criteria, tables).items()
        for part in parts
        if PART in asked[name].survey.query
    }
    _ask(sessions, of_parts.values())
    recent = {name: {WHOLE: tables[name]} for name in _parts(plan.criteria, tables)}
    for (name, part), asking in of_parts.items():
        recent[name][part] = asking.table
    return measure(plan.criteria, tables, recent, plan.window)


def _ask(sessions: Sequence[Session], asked: Iterable[Asking]) -> None:
    """Whole surveys are begun first; the many slices then keep every session busy to the end."""
    in_order = sorted(asked, key=lambda asking: asking.survey.sliced)
    share_out(sessions, [job for asking in in_order for job in asking.jobs()])


def _parts(criteria: Criteria, tables: Tables) -> Mapping[str, tuple[str, ...]]:
    """The surveys of the newest events, and the parts of which each is asked as well."""
    return {
        metric.recency: parts_of(metric, tables)
        for metric in criteria.metrics.values()
        if metric.recency
    }


def _parameters(plan: Plan) -> dict[str, object]:
    window, rules = plan.window, plan.criteria.rules
    oldest = window.end - timedelta(days=rules.since_deployment_days)
    since_deployment = max(window.deployed_at or window.start, oldest)
    return {
        "window_start": naive(window.start),
        "as_of": naive(window.end),
        # Evidence grows since the deployment, but never covers less than the window.
        "since_deployment": naive(min(since_deployment, window.start)),
        "most_recent": max(rules.recent),
        "critical_pattern": "|".join(rules.critical_patterns) or NOTHING,
        "environment": plan.environment.value,
        "versions": list(plan.versions),
    }
