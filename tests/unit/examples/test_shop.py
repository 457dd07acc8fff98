"""examples/shop: what can be said of its files without Node and without a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gonogo.config.sections import RolloutConfig
from gonogo.criteria import load
from gonogo.ledger.migration import load as load_migrations
from gonogo.model.kinds import Environment
from gonogo.rollout.grants import readable

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "examples" / "shop"
# What a run leaves there.
LEFT = {"node_modules", "app", "reports", "backups", "logs", "__pycache__"}
LOCKS = [SHOP / tree / "package-lock.json" for tree in ("before", "after")]


def test_the_only_python_is_what_every_project_has() -> None:
    """conftest.py and the checks, as they are shipped, and not a line more."""
    found = [path.relative_to(SHOP) for path in SHOP.rglob("*.py") if not LEFT & {*path.parts}]
    shipped = [path.relative_to(ROOT) for path in (ROOT / "checks").glob("test_*.py")]
    assert sorted(found) == sorted([*shipped, Path("conftest.py")])
    for name in found:
        assert (SHOP / name).read_bytes() == (ROOT / name).read_bytes(), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_a_lock_names_hashes_and_no_place(lock: Path) -> None:
    """Every package has its hash; where it comes from is npm's own configuration."""
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    installed = {name: one for name, one in packages.items() if name}
    assert "node_modules/pg" in installed
    for name, one in installed.items():
        assert one["integrity"].startswith("sha512-"), name
        assert not {"resolved", "link"} & one.keys(), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_a_lock_is_of_its_package(lock: Path) -> None:
    """What package.json asks for, to run and to build, is what its lock holds at that version."""
    package = json.loads((lock.parent / "package.json").read_text(encoding="utf-8"))
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert package[kind] == packages[""][kind]
        for name, version in package[kind].items():
            assert packages[f"node_modules/{name}"]["version"] == version


def test_every_survey_of_the_shop_is_asked() -> None:
    """Its criteria name each SQL file, and the schema's is there for a deployment too."""
    criteria = load(SHOP / "checks" / "criteria.toml", SHOP / "checks" / "sql")
    files = {path.stem for path in (SHOP / "checks" / "sql").glob("*.sql")}
    assert files == set(criteria.surveys())


def test_the_gate_may_read_no_card() -> None:
    """What its role is granted comes of the surveys, and none asks for the secret column."""
    tables = readable(SHOP / "checks" / "sql")
    assert set(tables) == {"orders", "payments", "payment_attempts", "settlements"}
    assert tables["payments"] == {"created_at", "order_id", "status"}


def test_every_migration_of_the_shop_can_be_taken_back() -> None:
    """101 to 104, each with its revert."""
    migrations = load_migrations(SHOP / "migrations")
    assert [one.version for one in migrations] == ["101", "102", "103", "104"]
    assert all(one.revert for one in migrations)


def test_the_shop_is_deployed_by_npm() -> None:
    """Its rollout.toml can be read, and installs, builds and tests with real npm."""
    config = RolloutConfig.load(SHOP / "rollout.toml")
    commands = config.environments[Environment.STAGING].commands
    ran = [one.run[:2] for one in (commands.install, commands.build, commands.test) if one]
    assert ran == [("npm", "ci"), ("npm", "run"), ("npm", "test")]
