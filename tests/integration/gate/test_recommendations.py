"""The drill-down queries of criteria.toml, as somebody would paste them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gonogo.criteria import ENDPOINTS, Metric, load

Cursor = psycopg.Cursor[Any]
CHECKS = Path(__file__).parents[3] / "checks"
CRITERIA = load(CHECKS / "criteria.toml", CHECKS / "sql")
ASKED = [metric for metric in CRITERIA.metrics.values() if metric.limits]
QUERIED = [metric for metric in CRITERIA.metrics.values() if metric.query]


@pytest.fixture(scope="module")
def read_only(databases: Any, migrated_template: str) -> Iterator[Cursor]:
    """A cursor that cannot write, on a database right after the deployment."""
    name = f"drill_downs_{uuid4().hex}"
    conninfo = databases.create(name, migrated_template)
    with psycopg.connect(conninfo) as connection:
        connection.read_only = True
        with connection.cursor() as cursor:
            yield cursor
    databases.drop(name)


@pytest.mark.parametrize("metric", QUERIED, ids=lambda metric: metric.id)
def test_a_drill_down_query_runs_and_writes_nothing(read_only: Cursor, metric: Metric) -> None:
    """It is one statement, valid on a deployed database, and runs where nothing can be written."""
    # Prepared, because only then does the server refuse a second statement.
    read_only.execute(metric.query.encode(), prepare=True)
    assert read_only.description
    read_only.connection.rollback()


@pytest.mark.parametrize("metric", ASKED, ids=lambda metric: metric.id)
def test_everything_that_is_judged_recommends(metric: Metric) -> None:
    """A metric with a limit says what a miss means, what to do first, and where to look."""
    assert metric.means.endswith(".")
    assert metric.first
    assert metric.query or metric.needs == ENDPOINTS


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        (b"delete from sync_metrics", psycopg.errors.ReadOnlySqlTransaction),
        (b"select 1; select 2", psycopg.errors.SyntaxError),
    ],
    ids=["a write", "two statements"],
)
def test_what_these_tests_run_in_refuses(
    read_only: Cursor, query: bytes, refusal: type[psycopg.Error]
) -> None:
    """What the tests above prove holds only because these are refused there."""
    with pytest.raises(refusal):
        read_only.execute(query, prepare=True)
    read_only.connection.rollback()
