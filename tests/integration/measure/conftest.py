"""A database with 48 hours of traffic, measured without pytest or a verdict around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from gonogo import criteria
from gonogo.config.project import Project
from gonogo.measure.take import Plan
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Window
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.traffic import Traffic, generate

PROJECT = Project(Path(__file__).parents[3])
LASTING = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is to be measured, and where.

    Args:
        settings: The database, which a test may change.
        plan: All of the shipped criteria over all 48 hours.
    """

    settings: DatabaseSettings
    plan: Plan


@pytest.fixture(scope="session")
def travelled_template(databases: Databases, migrated_template: str) -> str:
    """The template of a database with 48 hours of traffic in it."""

    def build(conninfo: str) -> None:
        end = _deployed_at(conninfo) + LASTING
        with session.connect(conninfo) as connection:
            generate(connection, Traffic(end - LASTING, end, rows=6_000))

    return databases.ensure_template("travelled_template", build, migrated_template)


@pytest.fixture
def measured(new_database: Callable[..., str], travelled_template: str) -> Measured:
    """A database of one's own, and what is measured there."""
    conninfo = new_database(travelled_template)
    start = _deployed_at(conninfo)
    known = criteria.load(PROJECT.criteria_file, PROJECT.sql_dir)
    window = Window(LASTING, start, start + LASTING, start)
    plan = Plan(known, PROJECT.sql_dir, Environment.STAGING, window, ("038",))
    return Measured(DatabaseSettings(conninfo, "the test"), plan)


def _deployed_at(conninfo: str) -> datetime:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("select finished_at from gonogo.deployment").fetchone()
    assert row
    moment: datetime = row[0]
    return moment.astimezone(UTC)
