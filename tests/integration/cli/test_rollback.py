"""Taking back by the command line: looked at first, refused in one line, proved at the end."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from desk import Desk
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import connect
from gonogo.rollout.restore import swap
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.traffic import Traffic, generate

SOAK = timedelta(hours=48)
USERS = "select md5(string_agg(row(id, email, name, created_at)::text, '' order by id)) from users"
COUNTS = "select count(*) from users"


@pytest.fixture
def soaked(desk: Desk, databases: Databases) -> Iterator[Desk]:
    """A desk whose deployment ran for 48 hours, whatever restores kept goes with it."""
    told = desk.deploy()
    assert told.returncode == 0, told.stdout + told.stderr
    with psycopg.connect(desk.conninfo, autocommit=True) as link:
        row = link.execute("select finished_at from gonogo.deployment").fetchone()
        assert row
        generate(link, Traffic(row[0], row[0] + SOAK, seed=1))
    yield desk
    with connect(desk.conninfo) as connection:
        kept, prepared = swap.relatives(connection)
    for name in (*kept, *prepared):
        databases.drop(name)


def old_revision_runs(desk: Desk) -> None:
    """The old code is checked out, healthy, and has no endpoint of the new one."""
    told = desk.run("verify")
    assert "health" in told.stdout
    head = (desk.repository.path / ".git" / "HEAD").read_text(encoding="ascii").strip()
    assert head == desk.repository.before


@pytest.mark.slow
def test_a_revert_after_48_hours_loses_nothing(soaked: Desk) -> None:
    """Users' own rows are all there, the new version's lie aside, the old revision runs."""
    users = soaked.ask(USERS)
    written = soaked.ask("select count(*) from sync_metrics")
    told = soaked.run("rollback", "--yes-roll-back", soaked.database, "--reason", "a drill")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "schema equal to that before the deployment" in told.stdout
    assert re.search(r"Verify the old endpoints .* health: HTTP 200", told.stdout)
    assert soaked.ask(USERS) == users
    assert soaked.ask("select count(*) from gonogo_aside_1.sync_metrics") == written
    assert soaked.ask("select to_regclass('sync_metrics') is null")
    old_revision_runs(soaked)
    (report,) = re.findall(r"^  report +(.*)$", told.stdout, re.MULTILINE)
    draft = Path(report).with_suffix(".md").read_text(encoding="utf-8")
    for part in ("Reason", "Issues", "Impact on users", "Steps taken", "Plan for the next"):
        assert f"## {part}" in draft
    assert "a drill" in draft
    assert "The team is informed" in told.stdout


@pytest.mark.slow
def test_a_rollback_takes_back_the_attempt_that_never_came_up(desk: Desk) -> None:
    """One deployment served, one migrated and did not start, one mended it.

    The question names the attempt and what stays; code and schema are of the one that served.
    """
    assert desk.deploy().returncode == 0
    tried = revised(desk, "tried", 'sys.exit("this one does not start")')
    attempt(desk, "047", "first_try")
    told = desk.run("deploy", "staging", "--revision", tried)
    assert told.returncode != 0
    assert desk.ask("select to_regclass('first_try') is not null")
    attempt(desk, "048", "second_try")
    mended = revised(desk, "mended", "")
    told = desk.run("deploy", "staging", "--revision", mended)
    assert told.returncode == 0, told.stdout + told.stderr

    told = desk.type(desk.database, "rollback", "--reason", "a drill")
    assert told.returncode == 0, told.stdout + told.stderr
    _, asked, after = told.stdout.partition("Is this what you want?")
    shown = " ".join(after.partition("Roll back staging")[0].split())
    assert asked
    assert f"deployment 2 (failed, revision {tried}) is taken back too" in shown
    assert f"revision {mended}, back to {desk.repository.after}" in shown
    assert "stay, because a deployment that served applied them: 038_" in shown
    assert "047_first_try" not in shown
    assert "schema equal to that before the deployment" in after
    assert desk.ask("select to_regclass('first_try') is null and to_regclass('second_try') is null")
    assert desk.ask("select to_regclass('sync_metrics') is not null")
    head = (desk.repository.path / ".git" / "HEAD").read_text(encoding="ascii").strip()
    assert head == desk.repository.after
    assert re.search(r"Verify the old endpoints .* health: HTTP 200", after)


def revised(desk: Desk, name: str, first: str) -> str:
    """Commit a revision whose service begins with a statement; what is checked out stays."""
    place = desk.root / name
    git(desk, desk.repository.path, "worktree", "add", "-q", str(place), desk.repository.after)
    service = place / "service.py"
    text = service.read_text(encoding="utf-8")
    service.write_text(text.replace("    number = ", f"    {first}  # {name}\n    number = ", 1))
    git(desk, place, "commit", "--quiet", "--all", "--message", name)
    return git(desk, place, "rev-parse", "HEAD")


def git(desk: Desk, place: Path, *words: str) -> str:
    """What git says."""
    ran = subprocess.run(
        ["git", *words], cwd=place, env=desk.environ, check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


def attempt(desk: Desk, version: str, table: str) -> None:
    """Add a migration that makes a table, and the revert that moves it aside."""
    file = desk.root / "migrations" / f"{version}_{table}"
    file.with_suffix(".sql").write_text(f"create table {table} (id bigint primary key);\n")
    file.with_suffix(".revert.sql").write_text(f"alter table {table} set schema :aside;\n")


@pytest.mark.slow
def test_a_restore_after_48_hours_counts_first_and_carries_over(soaked: Desk) -> None:
    """What was written since is shown before the question; afterwards all of it is there."""
    users, count = soaked.ask(USERS), soaked.ask(COUNTS)
    told = soaked.type(soaked.database, "rollback", "--mode", "restore", "--reason", "a drill")
    assert told.returncode == 0, told.stdout + told.stderr
    before, asked, after = told.stdout.partition("Is this what you want?")
    assert asked
    assert "Stop the application" not in before
    assert re.search(r"since the backup  public\.users: [\d,]+ inserted", after)
    assert re.search(r"not in the backup, .*\n +public\.\w+: [\d,]+ rows", after)
    assert after.index("since the backup") < after.index("Stop the application")
    assert "schema equal to that before the deployment" in after
    assert (soaked.ask(USERS), soaked.ask(COUNTS)) == (users, count)
    old_revision_runs(soaked)
    status = soaked.run("status")
    assert re.search(r"kept +\S+_rolled_back_\d{8}T\d{6}Z: what a restore replaced", status.stdout)
    assert re.search(r"^  1  rolled back .* by restore ", status.stdout, re.MULTILINE)


@pytest.mark.slow
def test_a_database_that_a_restore_left_closed_is_told_by_status(soaked: Desk) -> None:
    """One line says why nobody can connect, and what opens it; a rollback opens it and goes on."""
    settings, name = DatabaseSettings(soaked.conninfo, "test"), soaked.database
    oid = soaked.ask("select oid from pg_database where datname = current_database()")
    with swap.connect_beside(settings, name) as server:
        server.execute(f"create database gonogo_restore_{oid}".encode())
        swap.shut(server, name, [])
    told = soaked.run("status")
    assert told.returncode == 1
    assert told.stderr.startswith(
        "gonogo: a restore that was cut short has left the database closed; run gonogo rollback"
        " --mode restore again: it opens it and goes on (log: "
    )
    told = soaked.run("rollback", "--yes-roll-back", name)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "it is open again" in told.stdout


def test_a_plan_of_a_revert_tells_every_move(migrated_desk: Desk) -> None:
    """Commands, migrations, tables with their rows, columns; nothing is changed."""
    migrated_desk.ask("update users set is_admin = true where id = (select id from users limit 1)")
    steps = migrated_desk.ask("select count(*) from gonogo.step")
    told = migrated_desk.run("rollback", "--plan")
    assert (told.returncode, told.stderr) == (0, "")
    for line in (
        " 5. Stop the background jobs: ",
        "046_create_webhook_notifications_table.sql is reverted",
        "table sync_metrics moves to gonogo_aside_1: 0 rows",
        "columns are kept in gonogo_aside_1.users_038: 1 rows",
        "columns leave users: is_admin, admin_promoted_at, admin_promoted_by",
        "nothing was changed",
    ):
        assert line in told.stdout
    assert migrated_desk.ask("select count(*) from gonogo.step") == steps


def test_a_plan_tells_what_cannot_be_reverted(migrated_desk: Desk) -> None:
    """A revert file that is gone, a migration that was adopted: each is named."""
    (
        migrated_desk.root / "migrations" / "046_create_webhook_notifications_table.revert.sql"
    ).unlink()
    migrated_desk.ask("update gonogo.migration set adopted = true where version = '039'")
    told = migrated_desk.run("rollback", "--plan")
    assert told.returncode == 0
    assert "046_create_webhook_notifications_table CANNOT BE REVERTED" in told.stdout
    assert "because they were adopted: 039_create_token_health_table" in told.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--mode", "sideways"), 4, "'sideways'"),
        (("--damaged", "users"), 4, "--damaged goes with --mode restore alone"),
        (("--deployment", "7"), 4, "the ledger knows no deployment 7; nothing was done"),
        (("--drop-aside", "--reapply-aside"), 4, "do not go together"),
        (("--plan", "--drop-aside"), 4, "do not go together"),
        (("--drop-aside",), 4, "nothing lies aside; nothing was done"),
        (("--reapply-aside", "--deployment", "7"), 4, "nothing lies aside; nothing was done"),
        (("--mode", "restore"), 4, "no terminal to ask at; nothing was done"),
        (("--mode", "restore", "--yes-roll-back", "x"), 4, "--yes-roll-back x: the database is"),
        (("--mode", "restore", "--plan"), 1, "has no verified backup; roll back by revert"),
    ],
)
def test_what_is_refused_is_one_line(
    migrated_desk: Desk, words: tuple[str, ...], code: int, said: str
) -> None:
    """Its exit code, what was wrong, and nothing done."""
    told = migrated_desk.run("rollback", *words)
    assert told.returncode == code, told.stdout + told.stderr
    (line,) = told.stderr.splitlines()
    assert line.startswith("gonogo: ")
    assert said in line
    assert migrated_desk.ask("select outcome from gonogo.deployment") == "succeeded"
    assert migrated_desk.ask("select count(*) from gonogo.step") == 0


def test_what_lies_aside_is_shown_before_it_goes(migrated_desk: Desk) -> None:
    """Rows per table first; another word cancels; the name drops it, and the ledger knows."""
    migrated_desk.ask("update gonogo.environment set simulated = false")
    migrated_desk.ask(
        "create schema gonogo_aside_1; create table gonogo_aside_1.token_health as"
        " select 1 as id from generate_series(1, 1234)"
    )
    assert "gonogo_aside_1: what a revert moved aside" in migrated_desk.run("status").stdout
    cancelled = migrated_desk.type("no", "rollback", "--drop-aside")
    assert cancelled.returncode == 1
    assert "token_health: 1,234 rows" in cancelled.stdout
    assert migrated_desk.ask("select to_regnamespace('gonogo_aside_1') is not null")
    told = migrated_desk.run(
        "rollback", "--reapply-aside", "--yes-roll-back", migrated_desk.database
    )
    assert "no deployment is in place that could take back" in told.stderr
    told = migrated_desk.type(migrated_desk.database, "rollback", "--drop-aside")
    assert told.returncode == 0, told.stderr
    assert "1,234 rows of 1 tables are gone for good" in told.stdout
    assert migrated_desk.ask("select to_regnamespace('gonogo_aside_1') is null")
    assert migrated_desk.ask("select evidence->'rows' from gonogo.step") == {"token_health": 1234}
    assert migrated_desk.ask("select outcome from gonogo.deployment") == "succeeded"
