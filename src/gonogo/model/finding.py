"""What the figures say: finding, health score, verdict. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gonogo.model.kinds import Band, Level, Outcome, Reason, Role, VerdictKind, Why
from gonogo.model.limit import STRICT, Exact, Interval, Limit, Moment, Whole
from gonogo.model.measurement import Count, Remark


@dataclass(frozen=True, slots=True)
class LevelLimit:
    """A limit, and which level of a metric it is.

    Args:
        level: Which.
        limit: As the criteria file writes it.
    """

    __pydantic_config__ = STRICT

    level: Level
    limit: Limit


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a stream has been silent, beside how it usually flows.

    Args:
        silent_s: How long ago its newest event was.
        usual: Events in an hour, at these hours of earlier days.
        overdue: Events that should have come since.
        independent: How many of these do not merely come along with others: bursts count once.
    """

    __pydantic_config__ = STRICT

    silent_s: Whole
    usual: Exact
    overdue: Whole
    independent: Whole


@dataclass(frozen=True, slots=True)
class Figures:
    """What a reason rests on; what does not belong to it is None or empty.

    Args:
        count: K of n: of the whole, of a part, or of the newest events.
        value: A quantity, in the metric's base unit.
        passed: The limit that the reason speaks of.
        part: The part that it speaks of; empty for the whole.
        before: What `count` is worse than: the hours before `since`.
        since: The hour since which it is worse; or a stream's newest event.
        more: How many more events, at the share seen so far, would settle it.
        needed: How many events are needed at least.
        silence: Of a stream that must flow.
        remark: What is missing, left out, or not as it should be.
        notes: What else there is to say.
    """

    __pydantic_config__ = STRICT

    count: Count | None = None
    value: Exact | None = None
    passed: LevelLimit | None = None
    part: str = ""
    before: Count | None = None
    since: Moment | None = None
    more: Whole | None = None
    needed: Whole | None = None
    silence: Silence | None = None
    remark: Remark | None = None
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer.

    Args:
        metric: The metric's id.
        role: What the check asked.
        outcome: The answer.
        limits: What was asked for: the objective, the trigger, or an alert's levels.
        reason: What led to the outcome.
        figures: What the reason rests on.
        interval: The 95 % Wilson interval, for rates.
        warned: Whether an inconclusive alert is past its warning level all the same.
        worsened: Whether the rate fell within the window, whatever the reason is.
    """

    __pydantic_config__ = STRICT

    metric: str
    role: Role
    outcome: Outcome
    limits: tuple[LevelLimit, ...]
    reason: Reason
    figures: Figures = field(default_factory=Figures)
    interval: Interval | None = None
    warned: bool = False
    worsened: bool = False

    @property
    def id(self) -> str:
        """Role and metric: unique within a run."""
        return f"{self.role}:{self.metric}"


@dataclass(frozen=True, slots=True)
class Decidable:
    """When a HOLD is expected to be decidable.

    Args:
        at: When, at the rate of the last hours; None where waiting alone does not settle it.
        metric: The rate that takes longest; empty where only the soak is not over.
        more: How many more of its events that takes.
        open: How many checks waiting does not settle.
    """

    __pydantic_config__ = STRICT

    at: Moment | None = None
    metric: str = ""
    more: Whole = 0
    open: Whole = 0


@dataclass(frozen=True, slots=True)
class ScorePart:
    """What one metric, or the jobs together, add to the health score.

    Args:
        name: The metric's title.
        got: Its points.
        of: Its weight.
    """

    __pydantic_config__ = STRICT

    name: str
    got: float
    of: int


@dataclass(frozen=True, slots=True)
class HealthScore:
    """0 to 100 over what could be measured.

    Args:
        points: The score after rescaling, 0 to 100.
        measured: The weight that had data, 0 to 100; below 100 the score is partial.
        band: What that is called.
        parts: What it consists of.
    """

    __pydantic_config__ = STRICT

    points: float
    measured: int
    band: Band
    parts: tuple[ScorePart, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictReason:
    """One reason of a verdict.

    Args:
        why: What.
        subject: What it is about: a finding's id, a test's id, a group, a record, a moment's name.
        count: How many of how many checks.
        covered_s: How much of the window is covered, in seconds.
        asked_s: How much was asked for, in seconds.
        verdict: Another record's.
        at: As of when.
        member: The database of a fleet that it is about; empty for the whole.
        finding: What that one's own evidence says.
        remark: Why that one was not judged.
    """

    __pydantic_config__ = STRICT

    why: Why
    subject: str = ""
    count: Count | None = None
    covered_s: Whole | None = None
    asked_s: Whole | None = None
    verdict: VerdictKind | None = None
    at: Moment | None = None
    member: str = ""
    finding: Finding | None = None
    remark: Remark | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision that the evidence allows.

    Args:
        kind: GO, NO-GO, HOLD or ROLLBACK.
        reasons: Why, most important first.
        not_run: Ids of expected checks that gave no answer.
        warnings: What does not change the verdict.
    """

    __pydantic_config__ = STRICT

    kind: VerdictKind
    reasons: tuple[VerdictReason, ...]
    not_run: tuple[str, ...] = ()
    warnings: tuple[VerdictReason, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberFigure:
    """What one database of a fleet adds to a metric.

    Args:
        count: k of n; None where it is not counted.
        value: A quantity; None where there is none.
        missing: Why there is neither; None where there is.
        outcome: The worst of its own checks of this metric; None where none is asked.
        hourly: k of n by the hours of the fleet's own `hourly`; empty without.
    """

    __pydantic_config__ = STRICT

    count: Count | None = None
    value: Exact | None = None
    missing: Remark | None = None
    outcome: Outcome | None = None
    hourly: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedMember:
    """One database of a fleet, by its own evidence; the record's provenance says which it is.

    Args:
        name: What tells it from the others.
        group: What it belongs to; empty where to nothing.
        canary: Whether it is deployed before the others.
        deployment: The deployment's number in its ledger; empty where it is unknown.
        revision: The application's revision; empty where it is unknown.
        problem: Why it is not part of the fleet's figures; None where it is.
        verdict: The decision that its own evidence allows; None where it was not judged.
        outcome: The worst of its checks; None where it was not judged.
        findings: Its own checks that are past a limit or lack events, the worst first.
        figures: What it adds, by metric.
    """

    __pydantic_config__ = STRICT

    name: str
    group: str = ""
    canary: bool = False
    deployment: str = ""
    revision: str = ""
    problem: Remark | None = None
    verdict: VerdictKind | None = None
    outcome: Outcome | None = None
    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, MemberFigure] = field(default_factory=dict)
