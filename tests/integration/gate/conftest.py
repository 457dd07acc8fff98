"""A checkout of its own for each test, and the gate run in it as a person would."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine_criteria import judged_alike
from first_application import CONFIG, HTTP
from gate_process import GateOutcome, Soaked, make_checkout, run_gate, soak, soak_end
from gonogo.config.project import Project
from gonogo.criteria import Metric, load
from gonogo.gate.observe import observe
from gonogo.gate.setting import Observation, Options, resolve
from gonogo.judge.verdict import decide
from gonogo.model.kinds import Environment
from gonogo.model.measurement import parse_duration
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.sandbox.databases import Databases
from saying import Said, said


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a gate needs of the project."""
    return make_checkout(tmp_path / "project")


@pytest.fixture
def gate(checkout: Path) -> Callable[..., GateOutcome]:
    """Run ``pytest checks/`` in the checkout, on a database, with options."""
    return partial(run_gate, checkout)


@pytest.fixture(scope="session")
def build_soaked() -> Callable[[str], None]:
    """Give a database 48 hours of healthy traffic since its deployment."""
    return soak


@pytest.fixture(scope="session")
def soaked_template(
    databases: Databases, migrated_template: str, build_soaked: Callable[[str], None]
) -> str:
    """The template of a database with 48 hours of healthy traffic since its deployment."""
    return databases.ensure_template("soaked_template", build_soaked, migrated_template)


@pytest.fixture
def soaked(new_database: Callable[..., str], soaked_template: str) -> Soaked:
    """A database of one's own after 48 healthy hours."""
    conninfo = new_database(soaked_template)
    return Soaked(conninfo, soak_end(conninfo))


@pytest.fixture
def metrics(checkout: Path) -> Mapping[str, Metric]:
    """What the checkout's criteria call and ask of each metric."""
    project = Project(checkout)
    return load(project.criteria_file, project.sql_dir).metrics


@pytest.fixture
def judged(checkout: Path) -> Callable[..., tuple[Said, Observation]]:
    """Measure and judge without pytest around it: ``judged(conninfo, as_of, window)``.

    The limits are the tests' own. There is no application behind these databases, so the endpoints
    are left out on purpose.
    """

    def run(
        conninfo: str, as_of: datetime | None = None, window: str = "48h", **options: Any
    ) -> tuple[Said, Observation]:
        asked = Options(
            window=parse_duration(window),
            as_of=as_of,
            environment=options.pop("environment", Environment.STAGING),
            without=options.pop("without", frozenset({"endpoints"})),
            endpoints=HTTP,
            manners=options.pop("manners", Manners(anchor=CONFIG.application.anchor)),
            **options,
        )
        setting = resolve(Project(checkout), asked, DatabaseSettings(conninfo, "the test"))
        setting = replace(setting, criteria=judged_alike(setting.criteria))
        observation = observe(setting, {})
        expected = [f"{role}:{metric.id}" for role, metric in setting.expected]
        findings = observation.findings.values()
        return said(decide(expected, findings, observation.window), findings), observation

    return run
