"""What a background job is, and when each is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Job:
    """One job: a statement that asks for nothing but the moment of its run.

    Args:
        name: As it reports itself.
        every: From one run to the next.
        statement: SQL with the parameter ``now``.
    """

    name: str
    every: timedelta
    statement: str


def runs_between(
    jobs: Iterable[Job], start: datetime, end: datetime
) -> Iterator[tuple[datetime, Job]]:
    """Every run that is due in ``[start, end)``, in the order of time."""
    due = [
        (start + number * job.every, job)
        for job in jobs
        for number in range(-((start - end) // job.every))
    ]
    yield from sorted(due, key=lambda run: run[0])
