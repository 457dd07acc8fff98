"""Several databases of one application, judged as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import psycopg
import pytest

from gate_process import Soaked
from gonogo import criteria as criteria_file
from gonogo.config.project import Project
from gonogo.measure.pool import Pool, measured
from gonogo.measure.surveys import Surveyed
from gonogo.measure.take import Plan, survey, take
from gonogo.model.kinds import Environment
from gonogo.model.measurement import Count, Measurement, clip, parse_duration
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.postgres.snapshot import in_snapshot

PROJECT = Project(Path(__file__).parents[3])
CRITERIA = criteria_file.load(PROJECT.criteria_file, PROJECT.sql_dir)
VERSIONS = tuple(f"0{number}" for number in range(38, 47))
OF_USERS = (
    "sync_metrics",
    "sync_schedule",
    "webhook_notifications",
    "calendar_webhook_subscriptions",
    "token_health",
    "token_health_notifications",
    "circuit_breaker_state",
)
SHARDS = 4
# What is counted of a database, not of its rows: each has it once.
OF_A_DATABASE = ("schema.", "rollout.", "db.write_order")


def keep(conninfo: str, shard: int, shards: int = SHARDS) -> None:
    """Leave only one shard's users in a database, and what is theirs."""
    with psycopg.connect(conninfo) as connection:
        for table in (*OF_USERS, "users"):
            column = "id" if table == "users" else "user_id"
            mine = f"abs(hashtext(coalesce({column}::text, '')) % {shards}) = {shard}"
            connection.execute(f"delete from {table} where not ({mine})".encode())


@pytest.fixture
def shards(new_database: Callable[..., str], soaked_template: str) -> list[str]:
    """The users of one database, parted among several."""
    found = [new_database(soaked_template) for _ in range(SHARDS)]
    for number, conninfo in enumerate(found):
        keep(conninfo, number)
    return found


def plan_for(soaked: Soaked) -> Plan:
    """The last 48 hours."""
    window = clip(parse_duration("48h"), soaked.end, soaked.end - parse_duration("48h"))
    return Plan(CRITERIA, PROJECT.sql_dir, Environment.STAGING, window, VERSIONS)


def surveyed(conninfo: str, plan: Plan) -> Surveyed:
    """What the surveys bring of one database."""
    settings = DatabaseSettings(conninfo, "the test")
    return in_snapshot(settings, Manners(anchor="users"), lambda session: survey(session, plan))


def pooled(found: list[str], plan: Plan) -> dict[str, Measurement]:
    """The measurements of several databases together."""
    plan = replace(plan, pooled=True)
    pool = Pool(plan)
    for number, conninfo in enumerate(found):
        one = surveyed(conninfo, plan)
        pool.add(f"shard-{number}", one, measured(plan, one))
    return pool.measured()


def differences(
    found: dict[str, Measurement], other: dict[str, Measurement]
) -> list[tuple[str, str, object, object]]:
    """Every value in which two sets of measurements differ."""
    assert found.keys() == other.keys()
    return [
        (name, part.name, getattr(one, part.name), getattr(other[name], part.name))
        for name, one in found.items()
        for part in fields(Measurement)
        if getattr(one, part.name) != getattr(other[name], part.name)
    ]


def test_the_pool_of_databases_is_as_one_that_holds_their_rows(
    soaked: Soaked, shards: list[str]
) -> None:
    """Every value of every metric: counts, hours, parts, percentiles, newest, gaps, streams."""
    plan = plan_for(soaked)
    settings = DatabaseSettings(soaked.conninfo, "the test")
    whole = in_snapshot(settings, Manners(anchor="users"), lambda session: take(session, plan))
    together = pooled(shards, plan)
    differ = [one for one in differences(whole, together) if not one[0].startswith(OF_A_DATABASE)]
    assert not differ
    objects = whole["schema.038"].count
    assert objects
    assert together["schema.038"].count == sum([objects] * SHARDS, Count(0, 0))


def test_a_fleet_of_one_is_as_no_fleet(soaked: Soaked) -> None:
    """Each figure, the order of writing among them."""
    plan = plan_for(soaked)
    settings = DatabaseSettings(soaked.conninfo, "the test")
    alone = in_snapshot(settings, Manners(anchor="users"), lambda session: take(session, plan))
    differ = differences(alone, pooled([soaked.conninfo], plan))
    # What is said of one of several names it.
    assert {one[:2] for one in differ} <= {("db.write_order", "left_out")}
