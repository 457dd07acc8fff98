"""The soak as the archive and this run's traffic tell it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gonogo.model.kinds import Environment
from gonogo.model.measurement import Measurement, Window
from gonogo.model.parts import Mark, Soak
from gonogo.record.listing import ArchivedRecord, archived, list_records
from gonogo.report.soak import Look, continuity


def soak(
    archive_dir: Path, environment: Environment, window: Window, traffic: Measurement | None
) -> Soak | None:
    """What the record tells of the soak's continuity.

    Args:
        archive_dir: Where the earlier records of this soak lie.
        environment: How long its soak is.
        window: This run's; its end is one more look.
        traffic: Whose hours tell where there was traffic.

    Returns:
        None where nobody knows when it began.

    Raises:
        OSError: The archive could not be read.
    """
    deployed_at = window.deployed_at
    if deployed_at is None:
        return None
    hourly = traffic.hourly if traffic else ()
    return Soak(
        deployed_at=deployed_at,
        end=window.end,
        marks=_marks(archive_dir, environment, window, deployed_at),
        hours=len(hourly),
        silent=tuple(hour.start for hour in hourly if not hour.count.n),
    )


def _marks(
    archive_dir: Path, environment: Environment, window: Window, deployed_at: datetime
) -> tuple[Mark, ...]:
    """The moments of the soak; each record that stands for one is read itself."""
    place = archive_dir / environment

    def told(*, quick: bool) -> tuple[Mark, ...]:
        found = list_records(archive_dir, quick=quick)
        earlier = (look_of(one, window) for one in found if one.directory.parent == place)
        looks = [*filter(None, earlier), Look(window.end, None)]
        return continuity(environment, deployed_at, window.end, looks)

    def holds(mark: Mark) -> bool:
        if not mark.record:
            return True
        record = archived(place / mark.record)
        look = look_of(record, window) if record else None
        return look is not None and look.at == mark.at

    marks = told(quick=True)
    return marks if all(map(holds, marks)) else told(quick=False)


def look_of(record: ArchivedRecord, window: Window) -> Look | None:
    """A record as a look at the same soak.

    None when it is none: it is no gate's, it was aborted, or it is of another deployment.
    """
    same = record.deployed_at == window.deployed_at
    if not record.is_look or not same or record.as_of is None:
        return None
    return Look(record.as_of, record.name) if record.as_of <= window.end else None
