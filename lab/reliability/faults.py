"""planted.toml: faults just inside and just past each limit, and what each check must answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gonogo.config.project import read_toml
from gonogo.criteria import Criteria, Metric
from gonogo.model.kinds import Environment, Outcome, Role
from gonogo.model.limit import Limit

HERE = Path(__file__).parent
HEALTHY = HERE / "healthy.sql"
LimitName = Literal["objective", "warning", "critical", "trigger", "overdue", "silence"]
Answers = Mapping[str, tuple[int, str]]
# Which check holds a limit, and what it answers past it.
PAST: Mapping[LimitName, tuple[Role, Outcome]] = {
    "objective": (Role.CRITERION, Outcome.FAILED),
    "warning": (Role.ALERT, Outcome.WARNING),
    "critical": (Role.ALERT, Outcome.CRITICAL),
    "trigger": (Role.TRIGGER, Outcome.FIRED),
    "overdue": (Role.PRESENCE, Outcome.INCONCLUSIVE),
    "silence": (Role.PRESENCE, Outcome.CRITICAL),
}


class Planted(BaseModel):
    """One entry; the head of planted.toml explains each key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    limits: Annotated[tuple[LimitName, ...], Field(min_length=1)]
    fault: str
    environment: Environment = Environment.STAGING
    inside: str = ""
    past: str = ""
    answers: Mapping[Literal["inside", "past"], Answers] = Field(default_factory=dict)
    both: Mapping[str, Outcome] = Field(default_factory=dict)
    turned: Mapping[str, Outcome] = Field(default_factory=dict)

    @property
    def found_past(self) -> dict[str, Outcome]:
        """What is not met past the limit, by check."""
        own = {}
        for name in self.limits:
            role, outcome = PAST[name]
            own[f"{role}:{self.metric}"] = outcome
        return {**self.both, **own, **self.turned}

    @property
    def caught_by(self) -> tuple[str, ...]:
        """The checks that answer differently past the limit and inside."""
        past = self.found_past
        return tuple(check for check in past if self.both.get(check) is not past[check])


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    planted: tuple[Planted, ...]


def load() -> tuple[Planted, ...]:
    """Every fault, in the file's order."""
    return _File.model_validate(read_toml(HERE / "planted.toml")).planted


def wanted(criteria: Criteria) -> dict[tuple[str, LimitName], int]:
    """How many faults each limit must have at least: one for each of its ends.

    Args:
        criteria: Whose limits; in every environment.
    """
    return {
        (metric.id, name): sum(len(limit.ends) for limit in limits)
        for metric in criteria.metrics.values()
        for name, limits in _limits(metric).items()
        if limits
    } | {(metric.id, "overdue"): 1 for metric in criteria.metrics.values() if metric.presence}


def _limits(metric: Metric) -> dict[LimitName, tuple[Limit, ...]]:
    levels: dict[LimitName, Limit | None] = {
        "warning": metric.warning,
        "critical": metric.critical,
        "trigger": metric.trigger,
        "silence": metric.presence.critical if metric.presence else None,
    }
    limits: dict[LimitName, tuple[Limit, ...]] = {
        name: (limit,) if limit else () for name, limit in levels.items()
    }
    # The same text in each environment is one limit.
    return {**limits, "objective": tuple({o.text: o for o in metric.objective.values()}.values())}
