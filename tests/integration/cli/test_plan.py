"""`deploy --plan`: what would be done, what it would lock, and nothing of it done."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from desk import Desk

LEDGER_THERE = "select to_regnamespace('gonogo') is not null"
SCRATCH_LEFT = """
select count(*) from pg_database
where datname = (
    select 'gonogo_plan_' || oid from pg_database where datname = current_database()
)"""
HEAVY = """\
create index by_name on users (name);
alter table users add column lot integer default (random() * 9)::int;
comment on table users is 'People.';
alter table contacts add column q integer;
-- gonogo: no-transaction
create index concurrently by_both on users (email, name);
vacuum users;
"""


def line(text: str, beginning: str) -> str:
    """The one line whose first words these are."""
    lines = [re.sub(r" {2,}", "  ", one.strip()) for one in text.splitlines()]
    (found,) = [one for one in lines if one.startswith(beginning)]
    return found


def test_a_plan_tells_steps_commands_migrations_and_locks(untouched: Desk) -> None:
    """PostgreSQL itself says what each statement locks; nothing is changed, not even a ledger."""
    assert untouched.repository.after
    told = untouched.run("deploy", "staging", "--plan")
    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    text = told.stdout
    assert "python -m compileall -q ." in line(text, "Build the application")
    assert line(text, "Migrate the database") == "Migrate the database"
    assert "ACCESS EXCLUSIVE on users (60 rows" in line(text, "line 3  alter table users")
    outside = line(text, "line 14  create index concurrently")
    assert "outside a transaction; SHARE UPDATE EXCLUSIVE on users" in outside
    assert "as PostgreSQL's manual says, not measured" in outside
    # A foreign key locks the table that it refers to: no text of the statement says so.
    assert text.count("SHARE ROW EXCLUSIVE on users") == 7
    # A table that an earlier file makes holds nothing yet.
    assert "on sync_schedule" not in text
    assert text.count(": would be applied") == 9
    assert text.splitlines()[-1] == "nothing was changed"
    assert untouched.ask(LEDGER_THERE) is False
    assert untouched.ask(SCRATCH_LEFT) == 0
    assert untouched.labels() == []


def test_a_plan_finds_what_would_fail_before_anything_runs(migrated_desk: Desk) -> None:
    """A rewrite, a plain index, a missing table, what cannot be reverted, and what nobody knows."""
    assert migrated_desk.repository.after
    migrations = migrated_desk.root / "migrations"
    (migrations / "047_heavy.sql").write_text(HEAVY, encoding="utf-8")
    (migrations / "048_wrong.sql").write_text("select 1;\nselect * from nowhere;", encoding="utf-8")
    told = migrated_desk.run("deploy", "staging", "--plan")
    text = told.stdout
    assert told.returncode == 1
    assert text.count("applied already: skipped") == 9
    assert "SHARE on users" in line(text, "line 1  create index")
    assert "reads every row of users under that lock" in line(text, "line 1  create index")
    assert "REWRITES users, row by row" in line(text, "line 2  alter table")
    assert "ACCESS EXCLUSIVE on contacts" in line(text, "line 4  alter table")
    assert "its locks are not known" in line(text, "line 7  vacuum users")
    assert text.count("cannot be reverted, it has no revert file") == 2
    assert "squawk: 047_heavy.sql:1: During normal index creation" in text
    assert "would be refused: 047_heavy.sql:2 rewrites the whole table users" in text
    assert 'would fail: 048_wrong.sql:2: relation "nowhere" does not exist' in text
    assert "gonogo: a deployment would not succeed: 2 problems" in told.stderr
    assert migrated_desk.ask("select to_regclass('by_name')") is None


def test_what_cannot_be_measured_is_said_not_guessed(untouched: Desk) -> None:
    """A role that may make no scratch database learns why the locks are not known."""
    assert untouched.repository.after
    role = f"reader_{untouched.database}"
    with psycopg.connect(untouched.conninfo, autocommit=True) as owner:
        owner.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        try:
            dsn = make_conninfo(untouched.conninfo, user=role)
            told = untouched.run("deploy", "staging", "--plan", DATABASE_URL=dsn)
        finally:
            owner.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
    assert told.returncode == 0, told.stderr
    assert (
        "locks and rewrites are unknown, they could not be measured: permission denied to create"
        in told.stdout
    )
    assert "EXCLUSIVE" not in told.stdout


@pytest.mark.slow
def test_a_finished_deployment_has_nothing_to_plan(desk: Desk) -> None:
    """It is said, and every file is skipped."""
    assert desk.deploy().returncode == 0
    told = desk.run(*desk.deployment, "--plan")
    assert told.returncode == 0
    assert "this is deployed already: nothing would be done" in told.stdout
    assert told.stdout.count("applied already: skipped") == 9


@pytest.mark.slow
def test_production_is_planned_for_without_consent(untouched: Desk) -> None:
    """Nothing is done, so nobody need be asked, nor a record of staging be there."""
    assert untouched.repository.after
    told = untouched.run("deploy", "production", "--plan", NODE_ENV="production")
    assert told.returncode == 0, told.stderr
    assert "What a deployment to production would do" in told.stdout
    assert "production needs a signed GO record of staging" in told.stdout
