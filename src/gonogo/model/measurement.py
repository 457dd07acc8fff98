"""What was counted, of what and when: count, window, hour, measurement, ledger event, database.

Each type is frozen and holds no reference back. Times are timezone-aware UTC; durations are seconds
unless the name says otherwise; shares are exact fractions, never floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction

from gonogo.model.kinds import Says
from gonogo.model.limit import STRICT, Exact, Moment, Whole


@dataclass(frozen=True, slots=True)
class Count:
    """k of n. Counts add up over hours, shards and databases.

    Args:
        k: How many of them.
        n: How many in all.
    """

    __pydantic_config__ = STRICT

    k: Whole
    n: Whole

    def __add__(self, other: Count) -> Count:
        return Count(self.k + other.k, self.n + other.n)

    @property
    def share(self) -> Fraction | None:
        """The exact k / n, or None when n is 0: nothing can be said."""
        return Fraction(self.k, self.n) if self.n else None


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is judged: ``[start, end)``.

    Args:
        asked: The length that ``--window`` asked for.
        end: The as-of moment, exclusive.
        start: `end` minus `asked`, or the deployment's end when that is later.
        deployed_at: The deployment's end; None when nobody knows it.
    """

    __pydantic_config__ = STRICT

    asked: timedelta
    start: Moment
    end: Moment
    deployed_at: Moment | None = None

    @property
    def covered(self) -> timedelta:
        """How much of the asked length lies after the deployment."""
        return max(self.end - self.start, timedelta())

    @property
    def complete(self) -> bool:
        """Whether the soak covers the whole window."""
        return self.covered >= self.asked


@dataclass(frozen=True, slots=True)
class HourCount:
    """One hour of a rate.

    Args:
        start: The hour's first moment.
        count: k of n within it.
    """

    __pydantic_config__ = STRICT

    start: Moment
    count: Count


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say of a measurement.

    Args:
        says: What.
        subject: What it is about: a survey, a column, a variable, a group, an address.
        detail: The words of a server, an application or the team itself: hostile text.
        number: A figure that belongs to it: seconds of a time limit, minutes of a clock.
    """

    __pydantic_config__ = STRICT

    says: Says
    subject: str = ""
    detail: str = ""
    number: Whole | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was counted for one metric. Exactly one of `count`, `value`, `missing` tells.

    Args:
        metric: The metric's id.
        count: k of n, for rates and censuses.
        value: A quantity in the unit of the metric's limits (seconds, per day, pieces).
        missing: Why there is nothing to judge; None when there is.
        left_out: Why this was left out on purpose; None when it was not.
        degraded: What is not as it should be, though the limit holds; None when nothing.
        by_part: k of n by the values of the metric's column `by`.
        hourly: k of n by hour, oldest first.
        hourly_parts: The breakdown by hour: counts by name, each as long as `hourly`.
        recent: For each part ("" is the whole), k of n of the last 5, 10, 20, 50 events.
        recent_missing: Why these could not be asked; None when they could.
        parts_missing: Why nobody knows which parts there are; None when it is known.
        breakdown: Counts by name, for the reader.
        notes: What else there is to say.
    """

    __pydantic_config__ = STRICT

    metric: str
    count: Count | None = None
    value: Exact | None = None
    missing: Remark | None = None
    left_out: Remark | None = None
    degraded: Remark | None = None
    by_part: Mapping[str, Count] = field(default_factory=dict)
    hourly: tuple[HourCount, ...] = ()
    hourly_parts: Mapping[str, tuple[Whole, ...]] = field(default_factory=dict)
    recent: Mapping[str, tuple[Count, ...]] = field(default_factory=dict)
    recent_missing: Remark | None = None
    parts_missing: Remark | None = None
    breakdown: Mapping[str, Whole] = field(default_factory=dict)
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """Something that the ledger tells of the rollout.

    Args:
        at: When.
        kind: deployed, deploy-failed, deploying, rolled-back, migration-failed, incident, complaint
            or closed.
        title: What, in a few words; an incident's is as a person wrote it.
        note: Whatever else there is to say; empty when nothing.
    """

    __pydantic_config__ = STRICT

    at: Moment
    kind: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """Which database this is, so that no record passes for that of another.

    Args:
        system_identifier: ``pg_control_system()``'s, empty where the role may not ask.
        database: Its name.
        server_version: As ``server_version`` says.
        role: The role that measured.
        standby: Whether the server was in recovery.
        snapshot: The snapshot's text form, for the reader.
        rights: What the role may do at most: ``read``, ``write``, or ``superuser``.
    """

    __pydantic_config__ = STRICT

    system_identifier: str
    database: str
    server_version: str
    role: str
    standby: bool = False
    snapshot: str = ""
    rights: str = ""
