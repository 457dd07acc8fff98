"""A world of a few rows, so that a reader can count k and n in the test itself.

Moments are told from the window's end: ``-48h`` is its start when it is 48 h long, ``0`` its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from golden_world import World
from gonogo.sandbox.databases import Databases


@pytest.fixture(scope="session")
def golden_database(databases: Databases, migrated_template: str) -> Iterator[str]:
    """A migrated database that the tests share; each begins by clearing it."""
    name = f"golden_{uuid4().hex}"
    yield databases.create(name, migrated_template)
    databases.drop(name)


@pytest.fixture
def world(golden_database: str) -> Iterator[World]:
    """The shared database without a row: for tests that add rows and nothing else."""
    world = World(golden_database)
    with world.connection:
        world.clear()
        yield world


@pytest.fixture
def own_world(migrated_database: str) -> Iterator[World]:
    """A database of one's own: for tests that change the schema or what the ledger deployed."""
    world = World(migrated_database)
    with world.connection:
        yield world


@pytest.fixture
def role(own_world: World) -> Iterator[Callable[[], str]]:
    """A factory of roles that live as long as the test."""
    names: list[str] = []

    def create() -> str:
        names.append(f"role_{uuid4().hex}")
        own_world.run(f"create role {names[-1]} login")
        return names[-1]

    yield create
    own_world.connection.rollback()
    for name in names:
        own_world.run(f"drop owned by {name}; drop role {name}")
