"""What is compared: the surveys, a set written by hand, one query a number, and the floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from gonogo import criteria
from gonogo.config.project import Project
from gonogo.criteria import Criteria, Rules
from gonogo.measure.surveys import naive
from gonogo.measure.take import Plan, take
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Measurement
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.postgres.snapshot import in_snapshot
from lab.bench.world import World

SQL_DIR = Path(__file__).parent / "sql"
SURVEYS = "the gate's surveys"
BY_HAND = "written by hand"
BY_HAND_BUT = "written by hand, without the longest gap"
ONE_BY_ONE = "one query a number"
FLOOR = "the floor: count(*)"
# What an expert would set for such a session; without the memory its last statement takes twice
# as long.
PINNED = "set jit = off; set work_mem = '256MB'; set timezone = 'UTC'"

Contestant = Callable[[], object]


def contestants(world: World, *, all_of_them: bool = True) -> Mapping[str, Contestant]:
    """What is compared, by name; each call does all of its work once.

    Args:
        world: Where.
        all_of_them: Whether the slow one takes part: one query a number.
    """
    known = criteria.load(Path("checks/criteria.toml"), Path("checks/sql"))
    parameters = _parameters(world, known.rules)
    by_hand = _statements("by_hand")
    compared: dict[str, Contestant] = {
        SURVEYS: lambda: measured(world, known),
        BY_HAND: lambda: _in_one_session(world, by_hand, parameters),
        BY_HAND_BUT: lambda: _in_one_session(world, by_hand[:-1], parameters),
        ONE_BY_ONE: lambda: _each_on_its_own(world, _statements("one_by_one"), parameters),
        FLOOR: lambda: _in_one_session(world, _statements("floor"), parameters),
    }
    return {name: one for name, one in compared.items() if all_of_them or name != ONE_BY_ONE}


def measured(world: World, known: Criteria | None = None) -> Mapping[str, Measurement]:
    """Everything that one gate measures: connecting, all surveys, and their sums.

    Args:
        world: Where.
        known: What is measured; None reads the criteria file.
    """
    project = Project(Path.cwd())
    known = known or criteria.load(project.criteria_file, project.sql_dir)
    plan = Plan(known, project.sql_dir, Environment.STAGING, world.window, ("038",))
    settings = DatabaseSettings(world.conninfo, "bench")
    return in_snapshot(settings, Manners(), lambda session: take(session, plan))


def _statements(name: str) -> list[bytes]:
    text = (SQL_DIR / f"{name}.sql").read_text(encoding="utf-8")
    return [statement.encode() for statement in text.split(";\n")]


def _parameters(world: World, rules: Rules) -> Mapping[str, object]:
    window = world.window
    return {
        "window_start": naive(window.start),
        "halfway": naive(window.start + window.covered / 2),
        "as_of": naive(window.end),
        "critical_pattern": "|".join(rules.critical_patterns),
    }


def _in_one_session(
    world: World, statements: list[bytes], parameters: Mapping[str, object]
) -> None:
    with psycopg.connect(world.conninfo, prepare_threshold=None) as connection:
        connection.execute(PINNED)
        for statement in statements:
            connection.execute(statement, parameters).fetchall()


def _each_on_its_own(
    world: World, statements: list[bytes], parameters: Mapping[str, object]
) -> None:
    for statement in statements:
        with psycopg.connect(world.conninfo) as connection:
            connection.execute(statement, parameters).fetchall()
