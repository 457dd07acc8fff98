"""The soak's continuity: at which of its moments somebody looked, and which hours had traffic.

A moment is looked at by the first record from then on, up to the next moment. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gonogo.model.kinds import Environment, MarkState
from gonogo.model.parts import Mark
from gonogo.record.listing import ArchivedRecord

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENTS: Mapping[str, timedelta] = {
    **{f"hour {hour}": hour * HOUR for hour in (1, 4, 8, 12, 24)},
    **{f"day {day}": day * DAY for day in range(2, 15)},
}
LENGTHS = {Environment.STAGING: 2 * DAY, Environment.PRODUCTION: 14 * DAY}


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
) -> tuple[Mark, ...]:
    """Every moment of the soak at which a record must be, and the record that is there.

    Args:
        environment: How long its soak is.
        deployed_at: When it began.
        end: Up to when it can be told.
        looks: The records of this soak.

    Returns:
        As a record holds them: present, missing, due (now, and not yet too late) or ahead.
    """
    ordered = sorted(looks, key=lambda look: look.at)
    length = LENGTHS[environment]
    marks = [(name, deployed_at + at) for name, at in MOMENTS.items() if at <= length]
    closing = [*(due for _, due in marks[1:]), None]
    return tuple(
        _mark(name, due, until, end, ordered)
        for (name, due), until in zip(marks, closing, strict=True)
    )


def of_this_soak(
    records: Iterable[ArchivedRecord], environment: Environment
) -> tuple[ArchivedRecord, ...]:
    """The gates of the environment's latest deployment, the oldest first; no aborted one.

    Args:
        records: The archive's.
        environment: Whose.
    """
    gates = [
        record
        for record in records
        if record.environment == environment
        and record.is_look
        and record.as_of
        and record.deployed_at
    ]
    if not gates:
        return ()
    # Whichever was deployed last, by what the records themselves know.
    latest = max(record.deployed_at for record in gates if record.deployed_at)
    mine = [record for record in gates if record.deployed_at == latest]
    return tuple(sorted(mine, key=lambda record: (record.as_of or latest, record.order)))


def _mark(
    name: str, due: datetime, until: datetime | None, end: datetime, looks: Sequence[Look]
) -> Mark:
    here = [look for look in looks if due <= look.at and (until is None or look.at < until)]
    first = here[0] if here else None
    return Mark(
        name=name,
        due_at=due,
        state=MarkState.PRESENT if first else _without(due, until, end),
        at=first.at if first else None,
        record=first.record if first else None,
    )


def _without(due: datetime, until: datetime | None, end: datetime) -> MarkState:
    if end < due:
        return MarkState.AHEAD
    return MarkState.DUE if until is None or end < until else MarkState.MISSING
