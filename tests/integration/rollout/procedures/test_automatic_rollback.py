"""The rollback of production after a failed migration, whatever the files have left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gonogo.rollout.deploy import deploy
from gonogo.rollout.runner.site import Consent

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

END_LOCK = """
select pg_terminate_backend(pid) from pg_locks
where locktype = 'advisory' and pid <> pg_backend_pid() and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database());
"""
DUMP = """
select pg_catalog.set_config('search_path', '', false);
set session_replication_role = replica;
create table public.regions (id integer primary key);
"""


def add(team: Team, number: int, text: str, revert: str) -> None:
    """Add a migration that fails on nothing but the rows: the copy of the schema has none."""
    stem = team.root / "migrations" / f"{number:03}_more"
    stem.with_suffix(".sql").write_text(f"-- gonogo: needs-rows\n{text}", "utf-8")
    stem.with_suffix(".revert.sql").write_text(revert, "utf-8")


FAILING = "select 1 / (count(*) - count(*)) from users having count(*) > 0;"


@pytest.mark.parametrize("left", [DUMP, END_LOCK], ids=["settings", "no lock"])
def test_it_takes_a_fresh_connection(team: Team, left: str) -> None:
    """A search path that is empty, or a lock that is gone, is not in its way."""
    if left == DUMP:
        add(team, 47, left, "alter table regions set schema :aside;")
        add(team, 48, FAILING, "select 1;")
    else:
        add(team, 47, f"{left}\n{FAILING}", "select 1;")
    name = str(team.ask("select current_database()"))
    result = deploy(team.production(), team.tell, Consent(name), override_reason="drill")
    assert "division by zero" in str(result.error)
    assert result.rollback is not None
    assert (result.rollback.outcome, result.rollback.error) == ("succeeded", None)
    assert team.ask("select to_regclass('sync_metrics') is null") is True
    assert team.ask("select outcome from gonogo.deployment") == "rolled_back"
