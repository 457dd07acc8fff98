"""What was counted, of what and when: count, hour, measurement, database, window.

Windows and moments are read and written here. Types are frozen and hold no reference back. Times
are timezone-aware UTC, durations seconds unless named otherwise, shares exact fractions, no floats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from gonogo.errors import UsageError
from gonogo.model.kinds import Environment, Says
from gonogo.model.limit import EARLIEST, STRICT, Exact, Moment, Whole

LENGTHS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=366)
DEFAULT_WINDOW = {
    Environment.STAGING: timedelta(hours=48),
    Environment.PRODUCTION: timedelta(hours=24),
}


@dataclass(frozen=True, slots=True)
class Count:
    """k of n. Counts add up over hours and databases.

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
        detail: A server's, an application's or the team's own words: hostile text.
        number: A figure that belongs to it: seconds of a time limit, minutes of a clock.
        member: The database of a fleet that it is about; empty for one alone.
    """

    __pydantic_config__ = STRICT

    says: Says
    subject: str = ""
    detail: str = ""
    number: Whole | None = None
    member: str = ""


@dataclass(frozen=True, slots=True)
class Worst:
    """Who or what accounts for most of a rate's failures.

    Args:
        by: What is looked at, such as user or message.
        name: The worst of them.
        failures: Its own, of all.
        without: The rate without it; None where that cannot be counted.
    """

    __pydantic_config__ = STRICT

    by: str
    name: str
    failures: Count
    without: Count | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """The events of a stream that must flow, in the window and on some days before it.

    Args:
        until: The window's end.
        last_at: When the newest event came; None where none came at all.
        hours: Events by the hour, newest first: the first hour ends at `until`.
        first_s: Seconds from each hour's start to its first event.
        last_s: Seconds from each hour's start to its last event.
        judged: How many of these hours lie in the window.
    """

    __pydantic_config__ = STRICT

    until: Moment
    last_at: Moment | None
    hours: tuple[Whole, ...]
    first_s: tuple[Whole, ...]
    last_s: tuple[Whole, ...]
    judged: Whole


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
        held_back: Why no rollback trigger fires on this; None when one may.
        by_part: k of n by the values of the metric's column `by`.
        hourly: k of n by hour, oldest first.
        hours_by_part: k of n by hour of each of `by_part`, for a rate whose falls are sought.
        hourly_parts: The breakdown by hour: counts by name, each as long as `hourly`.
        recent: For each part ("" is the whole), k of n of the last 5, 10, 20, 50 events.
        recent_missing: Why these could not be asked; None when they could.
        parts_missing: Why nobody knows which parts there are; None when it is known.
        streams: For each part ("" is the whole), the events whose absence would be an outage.
        streams_missing: Why these are not known; None when they are.
        breakdown: Counts by name, for the reader.
        worst: Whose its failures are, for the reader.
        notes: What else there is to say.
    """

    __pydantic_config__ = STRICT

    metric: str
    count: Count | None = None
    value: Exact | None = None
    missing: Remark | None = None
    left_out: Remark | None = None
    degraded: Remark | None = None
    held_back: Remark | None = None
    by_part: Mapping[str, Count] = field(default_factory=dict)
    hourly: tuple[HourCount, ...] = ()
    hours_by_part: Mapping[str, tuple[HourCount, ...]] = field(default_factory=dict)
    hourly_parts: Mapping[str, tuple[Whole, ...]] = field(default_factory=dict)
    recent: Mapping[str, tuple[Count, ...]] = field(default_factory=dict)
    recent_missing: Remark | None = None
    parts_missing: Remark | None = None
    streams: Mapping[str, Stream] = field(default_factory=dict)
    streams_missing: Remark | None = None
    breakdown: Mapping[str, Whole] = field(default_factory=dict)
    worst: tuple[Worst, ...] = ()
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """Which database this is, so that no record passes for that of another.

    Args:
        system_identifier: ``pg_control_system()``'s, empty where the role may not ask.
        database: Its name.
        server_version: As ``server_version`` says.
        role: The role that measured.
        standby: Whether the server was in recovery.
        cluster: Whether it coordinates a cluster (Citus), whose workers no snapshot spans.
        snapshot: The snapshot's text form, for the reader.
        rights: What the role may do at most: ``read``, ``write``, or ``superuser``.
    """

    __pydantic_config__ = STRICT

    system_identifier: str
    database: str
    server_version: str
    role: str
    standby: bool = False
    cluster: bool = False
    snapshot: str = ""
    rights: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is judged: ``[start, end)``.

    Args:
        asked: The length that ``--window`` asked for.
        end: The as-of moment, exclusive.
        start: `end` minus `asked`, or the deployment's end when that is later.
        deployed_at: The deployment's end; None when nobody knows it.
        lacking: How much of it has no data where there must be some.
    """

    __pydantic_config__ = STRICT

    asked: timedelta
    start: Moment
    end: Moment
    deployed_at: Moment | None = None
    lacking: timedelta = timedelta()

    @property
    def covered(self) -> timedelta:
        """How much of the asked length lies after the deployment, and has data."""
        return max(self.end - self.start - self.lacking, timedelta())

    @property
    def complete(self) -> bool:
        """Whether the soak covers the whole window."""
        return self.covered >= self.asked


def parse_duration(text: str, option: str = "--window") -> timedelta:
    """Parse a length of time such as ``48h``.

    Args:
        text: A whole number and one of the units m, h, d, w.
        option: What the user wrote it for, for the message.

    Raises:
        UsageError: It is no such length, is zero, or is longer than a year.
    """
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip())
    if not match or not int(match[1]):
        raise UsageError(
            f"{option}={text!r} is no length of time", "write it like 48h, 90m, 7d, 2w"
        )
    length = timedelta(**{LENGTHS[match[2]]: int(match[1])})
    if length > LONGEST:
        raise UsageError(f"{option}={text!r} is longer than a year", "write it like 48h or 14d")
    return length


def parse_moment(text: str, option: str = "--as-of") -> datetime:
    """Parse an ISO 8601 moment; one without an offset is UTC.

    Args:
        text: Such as ``2026-11-23T14:15:00Z``.
        option: What the user wrote it for, for the message.

    Raises:
        UsageError: It is no moment, or one before 1970.
    """
    hint = "write it like 2026-11-23T14:15:00Z"
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option}={text!r} is no ISO 8601 moment", hint) from None
    if moment < EARLIEST:
        raise UsageError(f"{option}={text!r} lies before 1970", hint)
    return moment


def format_moment(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the microsecond where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_duration(length: timedelta) -> str:
    """The shortest of ``14d``, ``48h``, ``90m``, ``12s`` that says it whole; days from 3 on."""
    seconds = int(length.total_seconds())
    for unit, size, least in (("d", 86400, 3), ("h", 3600, 1), ("m", 60, 1)):
        if seconds >= size * least and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def clip(asked: timedelta, as_of: datetime, deployed_at: datetime | None) -> Window:
    """The window that ends at `as_of`, cut off at the deployment's end.

    Args:
        asked: The length that was asked for.
        as_of: The window's end, exclusive.
        deployed_at: The deployment's end; None when nobody knows it, then nothing is cut.
    """
    start = min(max(as_of - asked, deployed_at or EARLIEST), as_of)
    return Window(asked, start, as_of, deployed_at)
