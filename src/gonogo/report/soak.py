"""The soak's continuity: at which of its moments somebody looked, and which hours had traffic.

A moment is looked at by the first record from then on, up to the next moment. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gonogo.model.kinds import Environment
from gonogo.model.window import format_moment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MARKS: Mapping[str, timedelta] = {
    **{f"hour {hour}": hour * HOUR for hour in (1, 4, 8, 12, 24)},
    **{f"day {day}": day * DAY for day in range(2, 15)},
}
LENGTHS = {Environment.STAGING: 2 * DAY, Environment.PRODUCTION: 14 * DAY}
PRESENT, MISSING, DUE, AHEAD = "present", "missing", "due", "ahead"


@dataclass(frozen=True, slots=True)
class Look:
    """A gate's record of this soak.

    Args:
        at: The end of its window.
        record: Its directory's name; None is the record that is being written.
    """

    at: datetime
    record: str | None


def continuity(
    environment: Environment, deployed_at: datetime, end: datetime, looks: Iterable[Look]
) -> list[dict[str, Any]]:
    """Every moment of the soak at which a record must be, and the record that is there.

    Args:
        environment: How long its soak is.
        deployed_at: When it began.
        end: Up to when it can be told.
        looks: The records of this soak.

    Returns:
        As record.json holds them: present, missing, due (now, and not yet too late) or ahead.
    """
    ordered = sorted(looks, key=lambda look: look.at)
    length = LENGTHS[environment]
    marks = [(name, deployed_at + at) for name, at in MARKS.items() if at <= length]
    closing = [*(due for _, due in marks[1:]), None]
    return [
        _mark(name, due, until, end, ordered)
        for (name, due), until in zip(marks, closing, strict=True)
    ]


def _mark(
    name: str, due: datetime, until: datetime | None, end: datetime, looks: Sequence[Look]
) -> dict[str, Any]:
    here = [look for look in looks if due <= look.at and (until is None or look.at < until)]
    first = here[0] if here else None
    return {
        "name": name,
        "due_at": format_moment(due),
        "state": PRESENT if first else _without(due, until, end),
        "at": format_moment(first.at) if first else None,
        "record": first.record if first else None,
    }


def _without(due: datetime, until: datetime | None, end: datetime) -> str:
    if end < due:
        return AHEAD
    return DUE if until is None or end < until else MISSING
