"""What may go wrong with syncs, by name: how the rate runs, and from which hour on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.verdict_quality import shapes
from lab.verdict_quality.shapes import Rates

CALENDAR, CONTACTS = 0, 1


@dataclass(frozen=True, slots=True)
class Incident:
    """A course of the success rate.

    Args:
        what: What happens, for the reader.
        rates: The course, given the hour in which it begins.
    """

    what: str
    rates: Callable[[float], Rates]


INCIDENTS: Mapping[str, Incident] = {
    "total outage": Incident("every sync fails", lambda h: shapes.sudden(0.0, h)),
    "half": Incident("every second sync fails", lambda h: shapes.sudden(0.5, h)),
    "one in three": Incident("every third sync fails", lambda h: shapes.sudden(0.67, h)),
    "critical": Incident("one in five fails, suddenly", lambda h: shapes.sudden(0.80, h)),
    "contacts critical": Incident(
        "one in five contacts syncs fails", lambda h: shapes.in_one(0.80, CONTACTS, h)
    ),
    "slow decay": Incident(
        "from 97 % down to 50 % in 24 hours", lambda h: shapes.slow(0.5, h, h + 24)
    ),
    "calendar out": Incident(
        "every calendar sync fails", lambda h: shapes.in_one(0.0, CALENDAR, h)
    ),
    "contacts out": Incident(
        "every contacts sync fails", lambda h: shapes.in_one(0.0, CONTACTS, h)
    ),
    "contacts at half": Incident(
        "every second contacts sync fails", lambda h: shapes.in_one(0.5, CONTACTS, h)
    ),
}


# Courses that keep their mean over a day, whatever the hour.
COURSES: Mapping[str, Callable[[float], Rates]] = {
    "constant": shapes.constant,
    "in bursts": shapes.bursts,
    "daily wave": shapes.daily,
}
