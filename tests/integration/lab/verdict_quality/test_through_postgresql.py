"""Simulated windows as rows of a real database: the surveys bring the simulated cube."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import pytest

from gonogo.judge.finding import judge
from gonogo.judge.verdict import decide
from gonogo.measure.surveys import naive
from gonogo.measure.take import Plan, take
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Measurement, clip
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.postgres.snapshot import in_snapshot
from lab.verdict_quality.incidents import COURSES, INCIDENTS
from lab.verdict_quality.looking import DEPLOYED, Looker, load
from lab.verdict_quality.shapes import constant
from lab.verdict_quality.traffic import INTEGRATIONS, Happened, Traffic, happen

SQL_DIR = Path(__file__).parents[4] / "checks" / "sql"
STAGING = Environment.STAGING
KNOWN = load()
# Rows as they are simulated; whose they are and the foreign keys do not matter here.
WITHOUT_TRIGGERS = "set session_replication_role = replica"
TABLES = ("sync_metrics", "webhook_notifications", "sync_schedule")
FREQUENCIES = tuple(f"{name}_frequency_ms" for name in ("current", "default", "min", "max"))
WINDOWS = {
    "small": (Traffic(syncs=30, notifications=9, new_users=5, users=9), 48, 48),
    "healthy": (Traffic(syncs=900), 60, 48),
    "near the level": (Traffic(syncs=300, sync=constant(0.84), webhook=constant(0.9)), 48, 48),
    "in bursts": (Traffic(syncs=500, sync=COURSES["in bursts"](0.9)), 72, 24),
    "calendar out": (Traffic(syncs=400, sync=INCIDENTS["calendar out"].rates(50)), 58, 48),
    "outage": (Traffic(syncs=800, sync=INCIDENTS["total outage"].rates(20)), 30, 12),
    "soak": (Traffic(syncs=200, onboarding=0.8), 20, 48),
}


@pytest.fixture
def connection(migrated_database: str) -> Iterator[psycopg.Connection]:
    """To a migrated database that takes rows of users who are not there."""
    with psycopg.connect(migrated_database) as connection:
        connection.execute(WITHOUT_TRIGGERS)
        yield connection


@pytest.mark.slow
def test_the_surveys_bring_what_was_simulated(
    connection: psycopg.Connection, migrated_database: str
) -> None:
    """Every count, integration, hour and newest event, and so the verdict, of every window."""
    verdicts = set()
    for seed, (name, (traffic, at_h, window_h)) in enumerate(WINDOWS.items()):
        looker = Looker(happen(traffic, at_h + 1, np.random.default_rng(seed)), KNOWN)
        write(connection, looker.happened, traffic.users)
        measured = taken(migrated_database, at_h, window_h)
        for metric in KNOWN.metrics:
            expected = looker.measurement(metric, at_h, window_h)
            assert told(measured[metric]) == told(expected), (name, metric)
        found = [
            judge(role, metric, measured[metric.id], KNOWN.rules, STAGING)
            for role, metric in KNOWN.checks(STAGING)
        ]
        window = clip(timedelta(hours=window_h), moment(at_h), DEPLOYED)
        verdict = decide([finding.id for finding in found], found, window).kind
        assert verdict is looker.verdict(at_h, window_h), name
        verdicts.add(verdict)
    assert len(verdicts) > 2


def told(measurement: Measurement) -> tuple[object, ...]:
    """What a verdict depends on: of hours, those of the metrics that are searched for falls."""
    searched = KNOWN.metrics[measurement.metric].falls
    by_part = KNOWN.metrics[measurement.metric].critical is not None
    return (
        measurement.count,
        measurement.by_part if by_part else None,
        measurement.hourly if searched else None,
        measurement.hours_by_part,
        measurement.recent,
        measurement.missing,
        measurement.recent_missing,
        measurement.parts_missing,
    )


def taken(conninfo: str, at_h: int, window_h: int) -> dict[str, Measurement]:
    """What the surveys bring."""
    window = clip(timedelta(hours=window_h), moment(at_h), DEPLOYED)
    plan = Plan(KNOWN, SQL_DIR, STAGING, window, ())
    settings = DatabaseSettings(conninfo, "the test")
    return in_snapshot(settings, Manners(), lambda session: take(session, plan))


def moment(hours: float) -> datetime:
    """So many hours after the deployment, to the microsecond."""
    return DEPLOYED + timedelta(hours=float(hours))


def write(connection: psycopg.Connection, happened: Happened, users: int) -> None:
    """These rows and no others; of the same moment, what was simulated last is the newest."""
    connection.execute("; ".join(f"delete from {table}" for table in TABLES).encode())
    syncs, notifications = happened.syncs, happened.notifications
    columns = "user_id, integration_type, sync_type, result, created_at"
    rows = zip(syncs.at, syncs.good, syncs.part, syncs.user, strict=True)
    with copying(connection, f"sync_metrics (id, {columns})") as copy:
        for place, (at, good, part, user) in enumerate(rows):
            who = (UUID(int=place), UUID(int=int(user)), INTEGRATIONS[part], "incremental")
            copy.write_row((*who, result(good=good), naive(moment(at))))
    with copying(connection, f"sync_metrics ({columns})") as copy:
        for (hour, part), times in np.ndenumerate(happened.skipped):
            row = (UUID(int=0), INTEGRATIONS[part], "incremental", "skipped", naive(moment(hour)))
            for _ in range(times):
                copy.write_row(row)
    columns = "user_id, channel_id, resource_state, result, created_at"
    with copying(connection, f"webhook_notifications ({columns})") as copy:
        for at, good in zip(notifications.at, notifications.good, strict=True):
            source = (UUID(int=0), "channel", "exists")
            copy.write_row((*source, result(good=good), naive(moment(at))))
    connect(connection, happened, users)
    connection.commit()


def connect(connection: psycopg.Connection, happened: Happened, users: int) -> None:
    """Connections of the new users, and one of an old user to each integration."""
    new = happened.newcomers
    columns = ("user_id", "integration_type", *FREQUENCIES, "next_sync_at", "created_at")
    with copying(connection, f"sync_schedule ({', '.join(columns)}, onboarding_until)") as copy:
        for user, part in np.argwhere(new.connected):
            at = naive(moment(new.at[user]))
            who = (UUID(int=int(user) + users), INTEGRATIONS[part])
            copy.write_row((*who, 1, 1, 1, 1, at, at, at))
        for part in INTEGRATIONS:
            at = naive(DEPLOYED)
            copy.write_row((UUID(int=0), part, 1, 1, 1, 1, at, at, None))


def copying(connection: psycopg.Connection, what: str) -> AbstractContextManager[psycopg.Copy]:
    """A COPY into a table."""
    return connection.cursor().copy(f"copy {what} from stdin".encode())


def result(*, good: bool) -> str:
    """As the application writes it."""
    return "success" if good else "failure"
