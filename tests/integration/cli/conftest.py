"""Desks at different moments of a rollout; whatever a test starts there is stopped."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from desk import Desk, make_desk
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases


@pytest.fixture
def desk(base_database: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk before the rollout; whatever a test starts is stopped."""
    yield make_desk(tmp_path, base_database)
    surroundings.stop_everything(tmp_path)


@pytest.fixture(scope="module")
def untouched(
    databases: Databases, base_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk before the rollout that several tests share, because none may change anything."""
    name = f"test_{uuid4().hex}"
    yield make_desk(tmp_path_factory.mktemp("untouched"), databases.create(name, base_template))
    databases.drop(name)


@pytest.fixture
def migrated_desk(migrated_database: str, tmp_path: Path) -> Desk:
    """A desk whose database was deployed to, with no application behind it."""
    return make_desk(tmp_path, migrated_database)


@pytest.fixture(scope="module")
def deployed(
    databases: Databases, base_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, subprocess.CompletedProcess[str]]]:
    """A desk after one deployment by the command line, and what that said; only to be read."""
    root, name = tmp_path_factory.mktemp("deployed"), f"test_{uuid4().hex}"
    desk = make_desk(root, databases.create(name, base_template))
    try:
        yield desk, desk.deploy()
    finally:
        surroundings.stop_everything(root)
        databases.drop(name)


@pytest.fixture
def killed_deployment() -> Callable[[Desk], None]:
    """Leave the ledger as a deployer that was killed leaves it."""

    def kill(desk: Desk) -> None:
        desk.ask("update gonogo.deployment set outcome = 'running', finished_at = null")
        desk.ask(
            "insert into gonogo.step (deployment_id, procedure, name)"
            " select id, 'deploy', 'install' from gonogo.deployment"
        )

    return kill
