"""A healthy world in which faults are planted, each in a transaction that is rolled back."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest

from engine_criteria import judged_alike
from first_application import ADMIN, HTTP, PATHS, SMOKE
from gonogo import criteria as criteria_file
from gonogo.application.endpoints import probe
from gonogo.checklist.entries import load_checklist
from gonogo.config.project import Project
from gonogo.gate.observe import ask_endpoints
from gonogo.gate.setting import Options, Setting
from gonogo.judge.finding import judge
from gonogo.measure.surveys import CLUSTER_WIDTH, naive
from gonogo.measure.take import Plan, take
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Measurement, clip
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session, connect
from gonogo.postgres.snapshot import Watchdog
from gonogo.sandbox.databases import Databases
from lab.reliability.faults import HEALTHY
from serving import serving

PROJECT = Project(Path(__file__).parents[3])
CRITERIA = judged_alike(criteria_file.load(PROJECT.criteria_file, PROJECT.sql_dir))
VERSIONS = tuple(f"0{number}" for number in range(38, 47))
# Ahead of every clock, so that no row is measured against the clock.
AS_OF = datetime(2100, 6, 1, 12, 30, tzinfo=UTC)
AS_OF_IS = "select set_config('planted.as_of', %s, true)"
WINDOW = timedelta(hours=48)
GOOD_ANSWERS = {
    PATHS["health"]: (200, json.dumps({"status": "healthy"})),
    ADMIN: (401, ""),
    PATHS["dashboard"]: (200, "<html>"),
}


@pytest.fixture(scope="session")
def planted_database(databases: Databases, migrated_template: str) -> Iterator[str]:
    """A healthy world; what is planted in it is never committed."""
    name = f"planted_{uuid4().hex}"
    conninfo = databases.create(name, migrated_template)
    with psycopg.connect(conninfo) as connection:
        connection.execute(AS_OF_IS, [naive(AS_OF).isoformat()])
        connection.execute(HEALTHY.read_text(encoding="utf-8").encode())
        connection.commit()
        connection.autocommit = True
        connection.execute("analyze")
    yield conninfo
    databases.drop(name)


class Planting:
    """A transaction in the healthy world.

    Args:
        session: Which measures in that same transaction.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def plant(self, script: str) -> None:
        """Run what is wrong."""
        if script:
            self.session.connection.execute(script.encode())

    def measured(
        self, environment: Environment, sql_dir: Path = PROJECT.sql_dir
    ) -> Mapping[str, Measurement]:
        """What the gate measures, as it stands now."""
        window = clip(WINDOW, AS_OF, None)
        plan = Plan(CRITERIA, sql_dir, environment, window, VERSIONS)
        # In wide slices, as on a cluster: the same numbers by fewer queries.
        with patch("gonogo.measure.take.WIDTH", CLUSTER_WIDTH):
            return take(self.session, plan)


@pytest.fixture
def planting(planted_database: str) -> Callable[..., Any]:
    """What opens a transaction to plant in, given an environment."""

    @contextmanager
    def begin(environment: Environment = Environment.STAGING) -> Iterator[Planting]:
        connection = connect(DatabaseSettings(planted_database, "the test"))
        connection.read_only = False
        with connection, Watchdog(connection.fileno()) as watchdog:
            world = Planting(Session(connection, Manners(), watchdog))
            world.session.begin()
            connection.execute(AS_OF_IS, [naive(AS_OF).isoformat()])
            connection.execute("update gonogo.deployment set environment = %s", [environment.value])
            yield world
            connection.rollback()

    return begin


@pytest.fixture
def findings(planting: Callable[..., Any]) -> Callable[..., dict[str, Finding]]:
    """What every check says in a healthy world in which this script was run."""

    def found(
        script: str = "",
        environment: Environment = Environment.STAGING,
        answers: Mapping[str, Measurement] | None = None,
    ) -> dict[str, Finding]:
        with planting(environment) as world:
            world.plant(script)
            measured = {**world.measured(environment), **(answers or {})}
        return {
            finding.id: finding
            for role, metric in CRITERIA.checks(environment)
            for finding in [judge(role, metric, measured[metric.id], CRITERIA.rules, environment)]
        }

    return found


@pytest.fixture(scope="session")
def served() -> Iterator[dict[str, tuple[int, str]]]:
    """What the application answers, by path; "" is its address."""
    answers: dict[str, Any] = dict(GOOD_ANSWERS)

    with serving(lambda path, _: answers[path]) as answers[""]:
        yield answers


@pytest.fixture
def ask(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, tuple[int, str]]], Mapping[str, Measurement]]:
    """What the gate makes of an application that answers so, asked without pauses."""
    monkeypatch.setattr("gonogo.application.endpoints.probe", functools.partial(probe, pause_s=0))
    setting = Setting(
        PROJECT,
        Options(endpoints=HTTP),
        CRITERIA,
        Environment.STAGING,
        DatabaseSettings("", "the test"),
        load_checklist(PROJECT, CRITERIA.metrics, SMOKE),
    )

    def measured(answers: Mapping[str, tuple[int, str]]) -> Mapping[str, Measurement]:
        served.update(GOOD_ANSWERS)
        served.update({PATHS[name]: answer for name, answer in answers.items()})
        return ask_endpoints(setting, {"WEBHOOK_BASE_URL": served[""]})

    return measured
