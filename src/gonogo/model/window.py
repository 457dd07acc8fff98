"""Moments and stretches of time: ``--window``, ``--as-of``, and the ends of what is judged."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from gonogo.errors import UsageError
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Window

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"([0-9]{1,6})([mhdw])")
LONGEST = timedelta(days=366)
# Nothing is rolled out before; and no window that ends later reaches back beyond the calendar.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_WINDOW = {
    Environment.STAGING: timedelta(hours=48),
    Environment.PRODUCTION: timedelta(hours=24),
}
CLOCK_TOLERANCE = timedelta(minutes=5)


def parse_duration(text: str, option: str = "--window") -> timedelta:
    """Parse a length of time such as ``48h``.

    Args:
        text: A whole number and one of the units m, h, d, w.
        option: What the user wrote it for, for the message.

    Raises:
        UsageError: It is no such length, is zero, or is longer than a year.
    """
    match = DURATION.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise UsageError(
            f"{option}={text!r} is no length of time", "write it like 48h, 90m, 7d, 2w"
        )
    length = timedelta(**{UNITS[match[2]]: int(match[1])})
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
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option}={text!r} is no ISO 8601 moment", hint) from None
    if moment < EARLIEST:
        raise UsageError(f"{option}={text!r} lies before 1970", hint)
    return moment


def parsed(text: str | None) -> datetime | None:
    """An ISO moment in UTC; None when it is none."""
    try:
        at = datetime.fromisoformat(text or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


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
    start = as_of - asked
    if deployed_at is not None:
        start = min(max(start, deployed_at), as_of)
    return Window(asked, start, as_of, deployed_at)


def check_as_of(as_of: datetime, server_now: datetime, *, simulated: bool) -> None:
    """Refuse a moment that has not come yet.

    Args:
        as_of: The moment asked for.
        server_now: The server's clock.
        simulated: Whether the ledger marks the database as the sandbox's.

    Raises:
        UsageError: `as_of` is more than five minutes ahead; of a simulated one, more than a year.
    """
    ahead = LONGEST if simulated else CLOCK_TOLERANCE
    if as_of > server_now + ahead:
        raise UsageError(
            f"--as-of={format_moment(as_of)} lies in the future of the server's clock "
            f"({format_moment(server_now.replace(microsecond=0))})",
            "leave --as-of out to judge up to now",
        )
