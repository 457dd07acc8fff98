"""What the figures say: interval, finding, health score, verdict. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gonogo.model.kinds import Outcome, Role, VerdictKind


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a share; both ends in 0..1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer.

    Args:
        metric: The metric's id.
        role: What the check asked.
        outcome: The answer.
        limit: The limit that was asked for, as the criteria file writes it.
        reason: One sentence with the figures that led to the outcome.
        interval: The 95 % Wilson interval, for rates.
        warned: Whether an inconclusive alert is past its warning level all the same.
    """

    metric: str
    role: Role
    outcome: Outcome
    limit: str
    reason: str
    interval: Interval | None = None
    warned: bool = False

    @property
    def id(self) -> str:
        """Role and metric: unique within a run."""
        return f"{self.role}:{self.metric}"


@dataclass(frozen=True, slots=True)
class HealthScore:
    """0 to 100 over what could be measured.

    Args:
        points: The score after rescaling, 0 to 100.
        measured: The weight that had data, 0 to 100; below 100 the score is partial.
        band: Excellent, Good, Fair or Poor.
        parts: Points by metric group, each (got, weight).
    """

    points: float
    measured: int
    band: str
    parts: Mapping[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision that the evidence allows.

    Args:
        kind: GO, NO-GO, HOLD or ROLLBACK.
        reasons: Why, most important first; sentences.
        not_run: Ids of expected checks that gave no answer.
        warnings: Sentences that do not change the verdict.
    """

    kind: VerdictKind
    reasons: tuple[str, ...]
    not_run: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
