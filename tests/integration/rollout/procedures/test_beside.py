"""A restore of a database that holds more than rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gonogo.rollout.deploy import deploy
from gonogo.rollout.rollback import rollback
from gonogo.rollout.rollback_plan import Request, plan_rollback

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

BEFORE = """
create table letters (id int primary key, body oid);
insert into letters values (1, lo_from_bytea(0, 'dear Ada')), (2, lo_from_bytea(0, 'dear Bob'));
create materialized view written as select count(*) as n from letters;
"""
SINCE = """
select lo_put((select body from letters where id = 1), 5, 'Eve');
insert into letters values (3, lo_from_bytea(0, 'dear Joe'));
refresh materialized view written;
grant select on letters to pg_monitor;
create view newest as select max(id) from letters;
"""
READ = "select string_agg(convert_from(lo_get(body), 'UTF8'), ', ' order by id) from letters"


@pytest.fixture
def written(team: Team) -> Iterator[Team]:
    """A team that has deployed since, and written letters before and after."""
    team.ask(BEFORE)
    assert deploy(team.context, team.tell).error is None
    team.ask(SINCE)
    yield team
    for name in team.relatives():
        team.drop(name)


def test_what_is_no_row_is_named_and_reaches_the_restored_database(written: Team) -> None:
    """No row that is carried over points to nothing; the plan says what becomes of the rest."""
    asked = Request(mode="restore")
    lines = "\n".join(plan_rollback(written.context, written.tell, asked))
    assert "pg_catalog.pg_largeobject: 1 inserted, 1 changed" in lines
    assert "materialized views are refreshed: public.written" in lines
    assert "select on public.letters for pg_monitor, granted since" in lines
    _, _, beyond = lines.partition("not in the backup, only in the database that is kept")
    assert "  view public.newest\n" in beyond
    result = rollback(written.context, written.tell, asked)
    assert result.error is None
    carried = next(step for step in result.steps if step.name == "carry_rows")
    assert carried.evidence["materialized_views_refreshed"] == ["public.written"]
    assert "view public.newest" in str(carried.evidence["objects_not_in_the_backup"])
    assert written.ask(READ) == "dear Eve, dear Bob, dear Joe"
    assert written.ask("select n from written") == 3
