"""What a plan finds out, a deployment asks before it touches anything."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gonogo.config.project import Project
from gonogo.errors import GonogoError, UnreadyError
from gonogo.postgres.session import connect
from gonogo.rollout.deploy import deploy
from gonogo.rollout.preflight.ground import Ground, look_at
from gonogo.rollout.preflight.items import ITEMS
from gonogo.rollout.preflight.plan import Plan, plan
from gonogo.rollout.preflight.readiness import inspect
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.site import Consent
from gonogo.rollout.runner.steps import Skipped

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

Planned = Callable[..., Plan]
STOP = "-- gonogo: stop_before_migrate\n"
BREAKS = {
    "a table renamed": ("alter table groups rename to lists", "renames the table groups to lists"),
    "a table moved": (
        "create schema archive; alter table groups set schema archive",
        "moves the table groups to the schema archive",
    ),
    "a table dropped": ("drop table if exists groups cascade", "drops the table groups"),
    "a column renamed": (
        "alter table users rename name to full_name",
        "renames users.name to full_name",
    ),
    "a column dropped": ("alter table users drop column if exists name", "drops users.name"),
    "within a function": (
        "do $$ begin execute 'alter table users drop column name'; end $$",
        "drops users.name",
    ),
    "not null": (
        "alter table users alter column name set not null",
        "makes users.name NOT NULL, and it has no default",
    ),
    "a new column that must be filled": (
        "alter table groups add column code text not null",
        "adds groups.code, which is NOT NULL and has no default",
    ),
    "a narrower type": (
        "alter table users alter column name type varchar(10)",
        "changes users.name from character varying(255) to character varying(10)",
    ),
    "a table put in the place of another": (
        (
            "create table fresh (id int); alter table groups rename to old;"
            " alter table fresh rename to groups"
        ),
        "groups.user_id",
    ),
}
KEEPS = {
    "a view under the old name": (
        "alter table groups rename to lists; create view groups as select * from lists"
    ),
    "a default": "alter table groups add column code text not null default 'x'",
    "a default that is set first": (
        "alter table users alter column name set default '', alter column name set not null"
    ),
    "a wider type": "alter table users alter column name type text",
    "a table of its own": "create table t (a int); alter table t rename a to b; drop table t",
    "an index, a constraint": (
        "alter table users rename constraint users_pkey to users_key;"
        " drop index if exists contacts_name"
    ),
    "a function made anew": (
        "create function f() returns int language sql as 'select 1'; drop function f();"
        " create function f() returns text language sql as 'select ''1'''"
    ),
}


@pytest.fixture
def planned(deployed_copy: Team, tmp_path: Path) -> Planned:
    """A factory of plans for a deployed database: ``planned(_047_name="sql")``."""

    def make(**files: str) -> Plan:
        return plan(with_files(deployed_copy, tmp_path, **files))

    return make


def with_files(team: Team, place: Path, **files: str) -> RolloutContext:
    """The team's context with further migrations, each with a revert."""
    root = place / "root"
    shutil.copytree(team.root, root, dirs_exist_ok=True)
    for name, text in files.items():
        (root / "migrations" / f"{name.removeprefix('_')}.sql").write_text(text)
        (root / "migrations" / f"{name.removeprefix('_')}.revert.sql").write_text("select 1;")
    return replace(team.context, project=Project(root), revision="newer")


@pytest.mark.parametrize(("text", "said"), BREAKS.values(), ids=BREAKS)
def test_what_the_running_version_would_miss_is_refused(
    planned: Planned, text: str, said: str
) -> None:
    """With file and line; a file that has the application stopped first may do it."""
    told = planned(_047_break=f"select 1;\n{text};")
    found = [one for one in told.problems if said in one]
    assert found, told.problems
    assert found[0].startswith("would break the version that still runs: 047_break.sql:2 ")
    assert not told.stop_first
    told = planned(_047_break=f"{STOP}{text};")
    assert not any("still runs" in one for one in told.problems)
    stopped = [one for one in told.notes if "is stopped before the migrations" in one]
    assert any(said in one for one in stopped)
    assert told.stop_first


@pytest.mark.parametrize("text", KEEPS.values(), ids=KEEPS)
def test_what_it_would_not_miss_is_not(planned: Planned, text: str) -> None:
    """A name that is given back within the file, a default, a wider type."""
    assert planned(_047_keep=f"{text};").problems == ()


def test_production_is_not_touched_by_a_migration_that_would_fail(team: Team) -> None:
    """The preflight stops it: no backup, no stop, no migration, nothing to roll back."""
    team.add_migration("create table made ();\nselect * from nowhere;\n")
    foreseen = team.problems()
    team.trace()
    name = str(team.ask("select current_database()"))
    result = deploy(team.production(), team.tell, Consent(name), override_reason="drill")
    assert isinstance(result.error, UnreadyError)
    assert result.error.problems == foreseen
    assert foreseen == (
        'would fail: 047_extra.sql:2: relation "nowhere" does not exist [SQLSTATE 42P01]',
    )
    assert (result.rollback, team.trace()) == (None, [])
    assert team.ask("select count(*) from gonogo.backup") == 0
    assert team.ask("select to_regclass('sync_metrics')") is None


def test_a_preflight_asks_the_rows_too(team: Team) -> None:
    """Nobody deploys into duplicates, nor past what a file requires."""
    team.add_migration(
        "-- gonogo: require select 1 from users\nselect 1;\n"
        "create unique index on users ((role is null));"
    )
    required, duplicates = team.problems()
    assert required.startswith("would be refused: 047_extra.sql:1: requires that no row")
    assert duplicates.startswith("would fail: 047_extra.sql:3: rows of users are alike")


@pytest.mark.parametrize("by", ["the file", "rollout.toml"])
def test_the_application_is_stopped_first_where_it_is_said(team: Team, by: str) -> None:
    """And started after its migrations, as ever."""
    renames = "alter table groups rename to lists;"
    team.add_migration(f"{STOP}{renames}" if by == "the file" else renames)
    config = team.context.config.model_copy(update={"stop_before_migrate": by != "the file"})
    result = deploy(replace(team.context, config=config), team.tell)
    assert result.error is None
    order = [step.name for step in result.steps]
    places = [
        order.index(one) for one in ("build", "stop_jobs", "stop_app", "migrate", "start_app")
    ]
    assert places == sorted(places)
    assert team.trace()[-4:] == ["stop_app", "test", "start_app", "start_jobs"]


def test_an_application_that_was_stopped_first_is_not_left_down_in_silence(team: Team) -> None:
    """The next step says so, and a second run goes on and starts it."""
    team.add_migration(f"{STOP}select 1 / (length(name) * 0) from users;")
    team.ask("update users set name = 'x'")
    failed = deploy(team.context, team.tell)
    assert next(step.name for step in failed.steps if step.outcome == "failed") == "migrate"
    assert "start_app" not in team.trace()
    assert failed.error is not None
    assert failed.error.down.startswith("THE APPLICATION IS DOWN since ")
    assert failed.next_steps[0].startswith("THE APPLICATION IS STOPPED")
    team.ask("update users set name = null")
    assert deploy(team.context, team.tell).outcome == "succeeded"
    assert team.trace()[-2:] == ["start_app", "start_jobs"]


def test_a_file_may_say_that_it_needs_rows(planned: Planned) -> None:
    """Then its failure on the copy without rows is no problem; without it, the plan names it."""
    needs = (
        "insert into groups (user_id, name)"
        " values ((select id from users limit 1), 'x');\nselect 1;"
    )
    (problem,) = planned(_047_fill=needs).problems
    assert "null value in column" in problem
    assert problem.endswith("write `-- gonogo: needs-rows` in the file")
    told = planned(_047_fill=f"-- gonogo: needs-rows\n{needs}")
    assert told.problems == ()
    assert "not tried from here on, because it needs rows: 047_fill.sql:2" in "".join(told.notes)


@pytest.mark.parametrize(
    "made",
    [
        "create role {role}",
        "do $$ begin create role {role}; exception when duplicate_object then null; end $$",
    ],
    ids=["by a statement", "within a body"],
)
def test_a_role_is_not_made_to_try_a_migration_nor_missed(
    planned: Planned, team: Team, made: str
) -> None:
    """Roles are the whole server's, so what names a role of these files is not tried either."""
    role = f"reader_{team.ask('select oid from pg_database where datname = current_database()')}"
    told = planned(
        _047_role=f"{made.format(role=role)};\ngrant select on users to {role};\n",
        _048_acts=f"set role {role};\nset role none;\ncreate table made (id int);\n",
    )
    assert told.problems == ()
    assert sum("so it was not tried" in one for one in told.notes) == 3
    assert team.ask(f"select count(*) from pg_roles where rolname = '{role}'") == 0


def test_a_role_that_no_file_makes_is_missed(planned: Planned) -> None:
    """A body that makes none is tried like any other statement."""
    body = "do $$ begin perform 1; end $$"
    told = planned(_047_role=f"{body};\ngrant select on users to nobody_here;\n")
    assert any('role "nobody_here" does not exist' in one for one in told.problems)


def test_what_reaches_beyond_the_database_is_not_tried(planned: Planned, team: Team) -> None:
    """A plan makes no role, no database and no setting of the server."""
    text = (
        "create role planned_by_nobody;\nselect 1;\n-- gonogo: no-transaction\n"
        "create database planned_by_nobody;\nalter system set work_mem = '5MB';"
    )
    told = planned(_047_roles=text)
    assert told.problems == ()
    lines = [one for one in told.notes if "reaches beyond the database" in one]
    assert [one.partition(" ")[0] for one in lines] == [f"047_roles.sql:{n}" for n in (1, 4, 5)]
    assert team.ask("select count(*) from pg_roles where rolname = 'planned_by_nobody'") == 0
    assert team.ask("select count(*) from pg_database where datname = 'planned_by_nobody'") == 0


def test_what_a_file_sets_is_not_the_next_ones(planned: Planned) -> None:
    """Each is tried in a session of its own, as it is run in one."""
    told = planned(
        _047_dump="select pg_catalog.set_config('search_path', '', false);\n"
        "set session_replication_role = replica;\n"
        "create table public.regions (id int primary key);",
        _048_fill="create table cities (id int, region int default 1 references regions);\n"
        "insert into cities values (1, 99);",
    )
    assert "048_fill.sql:2: insert or update on table" in told.problems[0]


BROKEN = {
    "a NUL": ({"047_a.sql": b"select 1;\nupdate users set role = 'x' \0where false;"}, "a.sql:2: "),
    "a byte order mark": ({"047_a.sql": b"\xef\xbb\xbfselect 1;"}, "047_a.sql:1: "),
    "old line ends": ({"047_a.sql": b"select 1;\n-- a\rcreate table t ();\r"}, "047_a.sql:2: "),
    "Latin 1": ({"047_a.revert.sql": b"\nselect '\xe9'", "047_a.sql": b""}, "revert.sql:2: "),
    "a name in capitals": ({"047_a.SQL": b"select 1;"}, "047_a.SQL: "),
    "two of one number": ({"0046_a.sql": b"select 1;"}, "has the version of"),
    "a gap": ({"048_a.sql": b"select 1;"}, "no migration 047 between 046_"),
    "rows of a COPY": ({"047_a.sql": b"copy users from stdin;\n1\tx\n\\.\n"}, "047_a.sql:1: COPY"),
    "no SQL": ({"047_a.sql": b"select 1;\n\nslect 2;"}, "047_a.sql:3: PostgreSQL's parser"),
    "what stands outside": ({"047_a.sql": b"\nvacuum users;"}, "047_a.sql:2: VACUUM"),
}


@pytest.mark.parametrize(("files", "said"), BROKEN.values(), ids=BROKEN)
def test_files_are_refused_as_they_are_found(
    deployed_copy: Team, tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    """By preflight and by the plan, with what to do, before anything is asked of the database."""
    context = with_files(deployed_copy, tmp_path)
    for name, content in files.items():
        (context.project.migrations_dir / name).write_bytes(content)
    found = [one for one in inspect(context, deployed_copy.tell, ()).problems if said in one]
    assert len(found) == 1
    assert re.search("[;:] [a-z]", found[0].rpartition(said)[2] or found[0])
    try:
        problems = plan(context).problems
    except GonogoError as error:
        problems = (str(error),)
    assert any(said in one for one in problems)


def test_a_plan_goes_on_where_a_part_outside_failed(team: Team) -> None:
    """What ended there is not tried again; what is left is."""
    team.add_migration(
        "create table posts (id int);\n-- gonogo: no-transaction\n"
        "create index concurrently posts_id on posts (id);\n"
        "create index concurrently wrong on users ((1 / (length(email) * 0)));\n"
    )
    assert "047_extra.sql:4: division by zero" in str(deploy(team.context, team.tell).error)
    told = plan(team.context)
    assert told.problems == ()
    (outstanding,) = [one for one in told.migrations if one.state == "outstanding"]
    assert [one.statement.line for one in outstanding.effects or ()] == [4]


def test_a_survey_that_a_cluster_refuses_is_named(team: Team) -> None:
    """A remark of preflight, so that the gate is not the first to find out."""
    survey = team.root / "checks" / "sql" / "sync_errors.sql"
    survey.write_text("select result, count(*) as n from sync_metrics group by rollup (1)")
    (item,) = (one for one in ITEMS if one.name == "surveys")
    with connect(team.context.database.conninfo) as connection:
        ground = Ground(team.context, connection)
        assert look_at(item, ground) == Skipped("no cluster (Citus)")
        # Nothing but the entry by which a coordinator is known.
        connection.execute("set allow_system_table_mods = on")
        connection.execute(
            "insert into pg_extension select 99999, 'citus', 10, 11, true, '13', null, null"
        )
        look_at(item, ground)
    (note,) = ground.notes
    assert note.startswith("a cluster refuses it: sync_errors.sql holds GROUPING SETS")
