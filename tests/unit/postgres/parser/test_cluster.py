"""What a Citus cluster refuses, by the text; each of these was sent to Citus 13.2."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import sql

from gonogo.measure.take import WRITER
from gonogo.postgres.parser.cluster import refused
from gonogo.rollout.migrations.reapply import update_where_default

ROOT = Path(__file__).parents[4]
SURVEYS = [
    path
    for place in ("checks/sql", "examples/*/checks/sql", "src/gonogo/starter/checks/sql")
    for path in sorted(ROOT.glob(f"{place}/*.sql"))
]
REFUSED = {
    "grouping sets": ("select a, count(*) from t group by grouping sets ((a), ())", "GROUPING"),
    "rollup": ("select a, count(*) from t group by rollup (a)", "GROUPING"),
    "cube": ("select a, count(*) from t group by cube (a, b)", "GROUPING"),
    "an hour each": (
        "select g, n from generate_series(1, %(end)s) as g, lateral (select count(*) from t) as x",
        "LATERAL",
    ),
    "a query that calls itself": (
        "with recursive r as (select a from t union select t.a from t, r) select a from r",
        "RECURSIVE",
    ),
    "a subquery among aggregates": (
        "select count(*), (select count(*) from s) as others from t",
        "CROSS JOIN",
    ),
    "a subquery among grouped columns": (
        "select a, coalesce((select 1 from s), 0) from t group by a",
        "CROSS JOIN",
    ),
    "an update by a row's text": ("update t set a = 1 where row(a)::text = '(2)'", "cast to text"),
    "an update by a function": ("update t set a = 1 where to_char(at, 'Y') = '6'", "to_char"),
}
RUN = {
    "a subquery alone": "select (select count(*) from t) as a, (select count(*) from s) as b",
    "a subquery beside plain columns": "select a, (select count(*) from s where s.a = t.a) from t",
    "a subquery within an aggregate": (
        "select sum(case when exists (select from s where s.a = t.a) then 1 else 0 end) from t"
    ),
    "a subquery beside a window": (
        "select bool_or(a) over (partition by b), exists (select from s where s.b = t.b) from t"
    ),
    "a series beside a table": "select count(*) from t, generate_series(1, 3) as g",
    "an update by its own types": (
        "update t set a = x.a from x where x.k = t.k and record_image_eq(row(t.a), row(x.a::uuid))"
    ),
    "an update to now": "update t set at = now() where k = 1",
}


@pytest.mark.parametrize(("query", "says"), REFUSED.values(), ids=REFUSED)
def test_what_a_cluster_refuses_is_named(query: str, says: str) -> None:
    """With what to write in its place."""
    (problem,) = refused(query)
    assert says in problem


@pytest.mark.parametrize("query", RUN.values(), ids=RUN)
def test_what_a_cluster_runs_is_not(query: str) -> None:
    """However near it is to what is refused."""
    assert refused(query) == ()


@pytest.mark.parametrize("survey", SURVEYS, ids=lambda path: f"{path.parts[-4]}/{path.stem}")
def test_every_survey_that_is_shipped_keeps_to_it(survey: Path) -> None:
    """Those that ask who wrote a row are not asked on a cluster."""
    text = survey.read_text("utf-8")
    assert WRITER in text or refused(text) == ()


def test_copying_back_keeps_to_it() -> None:
    """Its one UPDATE, for a column with a default."""
    names = {"a": ("false", "boolean"), "b": ("null", "character varying(255)")}
    statement = update_where_default(sql.Identifier("t"), sql.Identifier("a"), ["id"], names)
    assert refused(statement.as_string()) == ()
