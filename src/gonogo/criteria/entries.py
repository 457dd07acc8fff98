"""What criteria.toml may hold, and what its entries mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gonogo.model.kinds import Band, Environment, Role
from gonogo.model.limit import Limit, parse_limit

Derived = Literal["longest_gap", "per_day", "sum", "write_order"]
Kind = Literal["rate", "census", "quantity", "answer", "top"]
Filter = Mapping[str, tuple[str | bool, ...]]
ALL_POINTS = 100
ENDPOINTS = "endpoints"


def _limit(text: object) -> object:
    if isinstance(text, Limit):
        return text
    if not isinstance(text, str):
        raise ValueError("must be a text like '> 95 %'")  # noqa: TRY004  # pydantic wants this one
    return parse_limit(text)


def _probability(text: object) -> object:
    return float(parse_limit(f"= {text}").first.bound) if isinstance(text, str) else text


def _by_environment(value: object) -> object:
    """A plain text is the limit of every environment."""
    if isinstance(value, str):
        return dict.fromkeys(Environment, parse_limit(value))
    return value


ALimit = Annotated[Limit, BeforeValidator(_limit)]
Probability = Annotated[float, BeforeValidator(_probability), Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
NotEmpty = Annotated[str, Field(min_length=1)]
Objective = Annotated[
    dict[Environment, ALimit], Field(min_length=1), BeforeValidator(_by_environment)
]


class Strict(BaseModel):
    """No unknown key, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Worst(Strict):
    """One entry of a metric's ``worst``: the survey and the columns that name whose failures."""

    survey: str
    by: str
    failures: str
    whole: str | None = None


class Presence(Strict):
    """Events that must not fail to come; the head of criteria.toml explains each key."""

    of: Literal["whole", "part"] | Filter = "whole"
    survey: NotEmpty | None = None
    critical: ALimit | None = None


class Metric(Strict):
    """One entry of ``[metric]``; the head of criteria.toml explains each key."""

    id: str
    title: str
    kind: Kind
    survey: str
    counts: str = ""
    that: str = ""
    part: str | Filter | None = None
    whole: str | Filter | None = None
    value: str | None = None
    derived: Derived | None = None
    plus: Mapping[str, str] = Field(default_factory=dict)
    per: Mapping[str, str] = Field(default_factory=dict)
    unit: str = ""
    needs: Literal["ledger", "endpoints"] | None = None
    by: str | None = None
    parts_in: str | None = None
    total_row: bool = False
    columns: tuple[str, ...] = ()
    pick: Literal["sum", "max", "mean"] = "sum"
    pool: Literal["sum", "max", "min"] | None = None
    histogram: NotEmpty | None = None
    breakdown: str | None = None
    breakdown_of: Literal["part", "rows"] = "rows"
    breakdown_names: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    problems: str | None = None
    sums: tuple[str, ...] = ()
    recency: str | None = None
    falls: bool = False
    worst: Mapping[str, Worst] = Field(default_factory=dict)
    presence: Presence | None = None
    footprint: bool = False
    traffic: bool = False
    clock: bool = False
    empty: Literal["none"] | None = None
    empty_reason: NotEmpty = "none"
    not_yet: str | None = None
    not_yet_reason: str = "not yet"
    objective: Objective = Field(default_factory=dict)
    warning: ALimit | None = None
    critical: ALimit | None = None
    trigger: ALimit | None = None
    unmet: Literal["failed", "inconclusive"] = "failed"
    weight: int = Field(default=0, ge=0, le=ALL_POINTS)
    means: str = ""
    first: str = ""
    query: str = ""

    @property
    def group(self) -> str:
        """What comes before the dot: jobs, endpoint and so on."""
        return self.id.partition(".")[0]

    @property
    def groups(self) -> frozenset[str]:
        """The names by which ``--without`` can leave it out, no two of them alike."""
        needed = self.needs or self.group
        return frozenset({needed} if needed.startswith(self.group) else {needed, self.group})

    @property
    def counts_failures(self) -> bool:
        """Whether it is a rate of what succeeds: what it lacks failed, and is somebody's."""
        return self.kind == "rate" and self.critical is not None and self.critical.points_down

    @property
    def surveys(self) -> tuple[str, ...]:
        """Names of the SQL files that it needs; none for what is asked over HTTP."""
        return tuple(filter(None, (*self.counted, self.stream_survey, self.histogram)))

    @property
    def counted(self) -> tuple[str, ...]:
        """The surveys that are asked for the window's figures."""
        worst = (one.survey for one in self.worst.values())
        named = (*self.sources, self.parts_in, self.recency, *worst)
        return tuple(name for name in named if name and name != ENDPOINTS)

    @property
    def sources(self) -> tuple[str, ...]:
        """The surveys without which there is no figure at all."""
        parts = (self.parts_in,) if self.derived and self.parts_in else ()
        return (self.survey, *self.plus, *self.per, *parts)

    @property
    def stream_survey(self) -> str | None:
        """The survey that counts by the hour what must be present."""
        return (self.presence.survey or self.survey) if self.presence else None

    @property
    def stream(self) -> str | Filter:
        """What of its rows is the stream that must be present."""
        of = self.presence.of if self.presence else "whole"
        if isinstance(of, Mapping):
            return of
        return (self.part if of == "part" else self.whole) or {}

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit that its value is held against, in any environment."""
        levels = (self.warning, self.critical, self.trigger)
        return (*self.objective.values(), *(level for level in levels if level))

    def roles(self, environment: Environment) -> tuple[Role, ...]:
        """What is asked of this metric in an environment; nothing for one that is only shown."""
        asked = {
            Role.CRITERION: environment in self.objective,
            Role.ALERT: self.warning is not None or self.critical is not None,
            Role.TRIGGER: self.trigger is not None,
            Role.PRESENCE: self.presence is not None,
        }
        return tuple(role for role, wanted in asked.items() if wanted)


class Rules(Strict):
    """The numbers of "How a rate is judged"."""

    least_n: Positive
    band_n: Positive
    excluded_at: Probability
    many_n: Positive
    excluded_of_many: Probability
    recent: Annotated[tuple[Positive, ...], Field(min_length=1)]
    fall_by_chance: Probability = 0.002
    overdue_n: Positive = 20
    since_deployment_days: Positive = 14
    critical_patterns: tuple[NotEmpty, ...] = ()

    def tail(self, n: int) -> float:
        """The probability up to which a level counts as excluded by so many events."""
        return self.excluded_of_many if n >= self.many_n else self.excluded_at


class Score(Strict):
    """The health score's bands and the weight of what is no single metric."""

    jobs: int = Field(default=0, ge=0, le=ALL_POINTS)
    bands: Mapping[Band, int]


class Criteria(Strict):
    """The whole file."""

    rules: Rules
    score: Score
    headings: Mapping[str, tuple[NotEmpty, ...]] = Field(default_factory=dict)
    metrics: Mapping[str, Metric] = Field(alias="metric")

    def checks(self, environment: Environment) -> tuple[tuple[Role, Metric], ...]:
        """Every check of an environment, in the file's order: what a full run must answer."""
        return tuple(
            (role, metric) for metric in self.metrics.values() for role in metric.roles(environment)
        )

    @property
    def traffic(self) -> Metric | None:
        """The metric whose events are the traffic of the soak."""
        return next((metric for metric in self.metrics.values() if metric.traffic), None)

    def by_heading(self) -> Mapping[str, tuple[Metric, ...]]:
        """All metrics by what a reader finds them under, in the file's order."""
        found: dict[str, list[Metric]] = {heading: [] for heading in self.headings}
        for metric in self.metrics.values():
            found.setdefault(self._heading(metric), []).append(metric)
        return {heading: tuple(metrics) for heading, metrics in found.items() if metrics}

    def _heading(self, metric: Metric) -> str:
        fitting = [
            (len(start), heading)
            for heading, starts in self.headings.items()
            for start in starts
            if start in {metric.id, metric.group}
        ]
        return max(fitting)[1] if fitting else metric.group.capitalize()

    def stream_surveys(self) -> frozenset[str]:
        """Names of the surveys that are asked for days before the window too."""
        return frozenset(name for m in self.metrics.values() if (name := m.stream_survey))

    def counted(self, *, pooled: bool = False) -> frozenset[str]:
        """Names of the surveys that are asked for the window's figures.

        Args:
            pooled: Whether the database is one of a fleet: of a mean, it is asked the histogram.
        """
        counted = frozenset(name for m in self.metrics.values() for name in m.counted)
        means = {m.survey: m.histogram for m in self.metrics.values() if pooled and m.histogram}
        return counted - means.keys() | frozenset(means.values())

    def surveys(self) -> tuple[str, ...]:
        """Names of the SQL files that the metrics need, each once."""
        return tuple(dict.fromkeys(name for m in self.metrics.values() for name in m.surveys))
