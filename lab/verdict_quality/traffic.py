"""Simulated traffic of some days, event by event, seeded; what goes wrong is said by a shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lab.verdict_quality.shapes import Rates, constant

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# Hours since the deployment → how many times as much happens then as on average.
Seasons = Callable[[Integers], Floats]

INTEGRATIONS = ("google_calendar", "google_contacts")
WINDOW_H = 48
# As the sandbox's traffic: three of four rows are the calendar's, of which fewer are carried out.
CALENDAR_SHARE = 0.5426
SKIPPED = np.array([0.83, 0.57])
BOTH, CALENDAR_ONLY = 0.7, 0.85
WAVE = 0.45
MORNING, EVENING, AT_NIGHT = 6, 22, 0.05
FRIDAY, ON_WEEKENDS, DAY_H, WEEK_D = 4, 1 / 3, 24, 7
# A new connection's second sync comes so long after its first.
AGAIN_H = 0.2


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much happens in 48 hours, and how much of it succeeds.

    Args:
        syncs: Executed syncs, of both integrations together.
        notifications: Handled notifications.
        new_users: Users who sign up.
        users: Users who are there from the beginning.
        sync: Success of executed syncs, over time.
        webhook: Success of notifications, over time.
        onboarding: New connections whose syncs succeed at all.
        calendar_share: Of the executed syncs.
        seasons: How the traffic runs over days and weeks.
    """

    syncs: float = 1000.0
    notifications: float = 1000.0
    new_users: float = 60.0
    users: int = 300
    sync: Rates = field(default_factory=lambda: constant(0.97))
    webhook: Rates = field(default_factory=lambda: constant(0.985))
    onboarding: float = 0.99
    calendar_share: float = CALENDAR_SHARE
    seasons: Seasons = field(default_factory=lambda: wave)


@dataclass(frozen=True, slots=True)
class Events:
    """What happened in one stream, oldest first.

    Args:
        at: Hours since the deployment.
        good: Whether it succeeded.
        part: Which integration.
        user: Whose.
    """

    at: Floats
    good: Flags
    part: Integers
    user: Integers


@dataclass(frozen=True, slots=True)
class Newcomers:
    """New users.

    Args:
        at: When they connected, hours since the deployment.
        connected: By integration, whether they connected it.
        first_success_at: By integration, when it first synchronised; infinity where it never did.
    """

    at: Floats
    connected: Flags
    first_success_at: Floats


@dataclass(frozen=True, slots=True)
class Happened:
    """All of it, from the deployment on.

    Args:
        hours: How long.
        syncs: Executed ones.
        skipped: Skipped ones by hour and integration.
        notifications: Handled ones.
        newcomers: New users.
    """

    hours: int
    syncs: Events
    skipped: Integers
    notifications: Events
    newcomers: Newcomers


def happen(traffic: Traffic, hours: int, rng: np.random.Generator) -> Happened:
    """Let so many hours pass.

    Args:
        traffic: What is to be expected.
        hours: Since the deployment.
        rng: The source of chance; the same seed, the same traffic.
    """
    connected_at, connected = _sign_ups(traffic, hours, rng)
    syncs = _syncs(traffic, connected_at, connected, hours, rng)
    first = _first_successes(syncs, traffic.users, len(connected_at))
    skipped = rng.poisson(by_hour(syncs, hours) * SKIPPED / (1 - SKIPPED))
    at = _moments(traffic.notifications, hours, rng, traffic.seasons)
    part = np.zeros(len(at), dtype=np.int64)
    good = rng.random(len(at)) < traffic.webhook(at, part, rng)
    newcomers = Newcomers(connected_at, connected, first)
    return Happened(hours, syncs, skipped, Events(at, good, part, part), newcomers)


def by_hour(events: Events, hours: int) -> Integers:
    """How many events there were, by hour and integration."""
    cell = events.at.astype(np.int64) * len(INTEGRATIONS) + events.part
    counts: Integers = np.bincount(cell, minlength=hours * len(INTEGRATIONS))
    return counts.reshape(hours, len(INTEGRATIONS))


def wave(hour: Integers) -> Floats:
    """A daily wave."""
    waves: Floats = 1 + WAVE * np.sin(2 * np.pi * (hour - 9) / DAY_H)
    return waves


def nights_and_weekends(hour: Integers) -> Floats:
    """Nights at a twentieth of the day's traffic, weekends at a third; it begins on a Monday."""
    week = np.arange(DAY_H * WEEK_D)
    of_day, day = week % DAY_H, week // DAY_H
    level = np.where((of_day >= MORNING) & (of_day < EVENING), 1.0, AT_NIGHT)
    level *= np.where(day > FRIDAY, ON_WEEKENDS, 1.0)
    levels: Floats = (level / level.mean())[hour % len(week)]
    return levels


def _moments(
    expected: float, hours: int, rng: np.random.Generator, seasons: Seasons = wave
) -> Floats:
    """When so many events of 48 hours on average come, oldest first."""
    counts = rng.poisson(expected / WINDOW_H * seasons(np.arange(hours)))
    return np.sort(np.repeat(np.arange(hours), counts) + rng.random(counts.sum()))


def _sign_ups(traffic: Traffic, hours: int, rng: np.random.Generator) -> tuple[Floats, Flags]:
    """When new users connect, and which integrations."""
    at = np.sort(rng.random(rng.poisson(traffic.new_users * hours / WINDOW_H)) * hours)
    drawn = rng.random(len(at))
    calendar, contacts = drawn < CALENDAR_ONLY, (drawn < BOTH) | (drawn >= CALENDAR_ONLY)
    return at, np.stack([calendar, contacts], axis=1)


def _syncs(
    traffic: Traffic, connected_at: Floats, connected: Flags, hours: int, rng: np.random.Generator
) -> Events:
    """Syncs of everybody who is there; a new connection begins with two of its own."""
    at = _moments(traffic.syncs, hours, rng, traffic.seasons)
    part = (rng.random(len(at)) >= traffic.calendar_share).astype(np.int64)
    there = traffic.users + np.searchsorted(connected_at, at)
    user = (rng.random(len(at)) * there).astype(np.int64)
    new, new_part = np.argwhere(connected).T
    begun = connected_at[new]
    at = np.concatenate([at, begun, np.minimum(begun + AGAIN_H, np.nextafter(hours, 0))])
    part = np.concatenate([part, new_part, new_part])
    user = np.concatenate([user, new + traffic.users, new + traffic.users])
    works = np.ones((traffic.users + len(connected_at), len(INTEGRATIONS)), dtype=np.bool_)
    works[traffic.users :] = rng.random(connected.shape) < traffic.onboarding
    good = (rng.random(len(at)) < traffic.sync(at, part, rng)) & works[user, part]
    order = np.argsort(at, kind="stable")
    return Events(at[order], good[order], part[order], user[order])


def _first_successes(syncs: Events, users: int, newcomers: int) -> Floats:
    """By new user and integration; infinity where there is none."""
    first = np.full((newcomers, len(INTEGRATIONS)), np.inf)
    mine = syncs.good & (syncs.user >= users)
    np.minimum.at(first, (syncs.user[mine] - users, syncs.part[mine]), syncs.at[mine])
    return first
