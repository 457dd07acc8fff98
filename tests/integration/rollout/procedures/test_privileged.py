"""A database with objects that only a superuser can create, deployed by a role that is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from gonogo.postgres.dsn import DatabaseSettings
from gonogo.rollout.deploy import deploy
from gonogo.rollout.preflight.readiness import inspect
from gonogo.rollout.rollback import rollback
from gonogo.rollout.rollback_plan import Request, plan_rollback

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

OBJECTS = """
create extension postgres_fdw;
comment on extension postgres_fdw is 'orders of the warehouse';
create server warehouse foreign data wrapper postgres_fdw options (dbname 'warehouse');
create user mapping for public server warehouse;
create foreign table stock (item text) server warehouse;
comment on foreign table stock is 'what there is';
create view in_stock as select item from stock;
create function watch() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger "watch it" on ddl_command_end execute function watch();
create publication everything for all tables;
create cast (jsonb as bytea) without function;
create cast (int as point) with inout;
"""
LEFT_OUT = {
    "extension postgres_fdw",
    "server warehouse",
    "foreign table stock",
    "event trigger watch it",
    "publication everything",
    "view in_stock",
}


@pytest.fixture
def owner(team: Team) -> Iterator[Team]:
    """A team whose role owns the database, and is no superuser."""
    name = str(team.ask("select current_database()"))
    role = f"plain_{name[-8:]}"
    team.ask(OBJECTS)
    team.ask(f"create role {role} login createdb")
    team.ask(f"alter database {name} owner to {role}")
    team.ask(
        "do $$ declare one regclass; begin for one in select oid from pg_class where"
        " relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'f') loop"
        f" execute format('alter table %s owner to {role}', one); end loop; end $$"
    )
    team.ask(f"alter function watch owner to {role}")
    conninfo = make_conninfo(team.context.database.conninfo, user=role)
    context = replace(team.context, database=DatabaseSettings(conninfo, "test"))
    yield replace(team, context=context)
    for relative in team.relatives():
        team.drop(relative)
    team.ask(f"alter database {name} owner to postgres")
    team.ask(f"reassign owned by {role} to postgres; drop owned by {role}; drop role {role}")


def owner_of(team: Team) -> str:
    """The role that deploys."""
    return str(team.ask("select current_user"))


def notes(team: Team) -> str:
    """What a preflight remarks."""
    team.events.clear()
    assert inspect(team.context, team.tell, ()).problems == ()
    return "\n".join(str(event) for event in team.events)


def test_preflight_lists_what_the_role_could_not_create(owner: Team) -> None:
    """Each object by its name, and that a restore leaves it out."""
    said = notes(owner)
    for one in LEFT_OUT:
        assert f"{one}: " in said or f"{one} in" in said, one
    assert "leave it out" in said


def test_the_backup_is_proved_without_them(owner: Team) -> None:
    """The deployment goes on, and its record names what was not restored."""
    result = deploy(owner.context, owner.tell)
    assert result.error is None
    backup = next(step for step in result.steps if step.name == "backup")
    assert "not restored: " in str(backup.proved)


@pytest.mark.slow
def test_a_restore_leaves_them_in_the_old_database_and_says_so(owner: Team) -> None:
    """The plan and the record name them, and the rest is proved to be as before."""
    assert deploy(owner.context, owner.tell).error is None
    lines = "\n".join(plan_rollback(owner.context, owner.tell, Request(mode="restore")))
    assert "CANNOT BE RESTORED" in lines
    assert "event trigger watch it" in lines
    result = rollback(owner.context, owner.tell, Request(mode="restore"))
    assert result.error is None
    assert owner.ask("select count(*) from users") == 60
    assert owner.ask("select count(*) from pg_event_trigger") == 0


def test_a_table_that_needs_one_of_them_is_a_problem_before_anything(
    owner: Team, team: Team
) -> None:
    """Rows cannot be left out: the proof by restore is refused, and the way round is named."""
    team.ask(
        "create extension pageinspect; create table pages (of text default get_raw_page('x', 0))"
    )
    team.ask(f"alter table pages owner to {owner_of(owner)}")
    problems = owner.problems()
    assert any("pages" in one and "--backup-check read" in one for one in problems)
    read = replace(owner, context=replace(owner.context, backup_check="read"))
    assert read.problems() == ()


def test_preflight_says_what_a_restore_would_lack(owner: Team, team: Team) -> None:
    """A revert needs none of it, so it is a remark; found by day, not at night."""
    team.ask(f"alter role {owner_of(owner)} nocreatedb")
    read = replace(owner, context=replace(owner.context, backup_check="read"))
    assert "`rollback --mode restore` would be refused: " in notes(read)


def test_a_migration_that_uses_one_of_them_is_not_said_to_fail(owner: Team) -> None:
    """The copy on which it is tried lacks it, the database does not: a remark."""
    owner.add_migration("comment on view in_stock is 'what can be sold';")
    said = notes(owner)
    assert "not tried from here on, because the copy lacks" in said


def test_a_migration_that_fails_all_the_same_is_a_problem(owner: Team) -> None:
    """What has nothing to do with them is as before."""
    owner.add_migration("alter table users add constraint never check (false);")
    assert any("would" in one or "users" in one for one in owner.problems())
