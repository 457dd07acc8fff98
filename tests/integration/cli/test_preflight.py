"""`preflight`: every need of a deployment at once, and nothing changed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from desk import Desk
from gonogo.rollout.preflight.items import ITEMS

LEDGER_THERE = "select to_regnamespace('gonogo') is not null"
GAP = "between 046_create_webhook_notifications_table.sql and"
OTHER_GAP = "between 038_add_admin_role_support.sql and 040_create_circuit_breaker_state_table.sql"
EMPTY = "restore it, or put an empty one in its place"
PASSWORD = "hush-deployer"  # noqa: S105  # of a role that lives as long as its test


def to_fix(told: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines under "To fix"."""
    _, _, rest = told.stdout.partition("To fix")
    return re.findall(r"^  ✗ (.*)$", rest, re.MULTILINE)


def test_what_is_ready_is_said_to_be_and_stays_as_it_was(untouched: Desk) -> None:
    """Exit code 0, every item with what it proved, the team's own checks run, and no ledger."""
    assert untouched.repository.after
    told = untouched.run("preflight")
    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    for proved in (
        "NODE_ENV is staging",
        "without a ledger yet",
        "PostgreSQL 18",
        "may do all that a deployment does",
        "has room for a backup of",
        "9 files in order, 0 in place, 9 to come",
        "0 warnings about 9 files",
        "clean, and",
        "tabnanny .` ended with 0",
        "`true` ended with 0",
        "ready: nothing stands in the way of gonogo deploy staging",
    ):
        assert proved in told.stdout
    assert untouched.ask(LEDGER_THERE) is False
    assert untouched.labels() == []


@pytest.mark.slow
def test_a_table_that_stays_locked_is_told(untouched: Desk) -> None:
    """Somebody rewrites a table: that is said, with all else, instead of waiting for it."""
    with psycopg.connect(untouched.conninfo) as holder:
        holder.execute("lock table users in access exclusive mode")
        told = untouched.run("preflight")
    assert told.returncode == 1, told.stdout
    assert "Room for the backup: a table stayed locked for 5 s: pg_locks shows who" in told.stdout
    assert "9 files in order" in told.stdout
    assert "Traceback" not in told.stderr


def test_all_that_is_wrong_is_told_at_once(desk: Desk) -> None:
    """Variables, files, worktree, programs, backups: a line each, by name, and nothing changed."""
    assert desk.repository.after
    (desk.root / "app" / "ctl.py").write_text("changed", encoding="utf-8")
    (desk.root / "backups").write_text("a file", encoding="utf-8")
    migrations = desk.root / "migrations"
    (migrations / "049_late.sql").write_text("select 1;\n", encoding="utf-8")
    file = desk.root / "rollout.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r'"-m", "tabnanny", "\."', '"-c", "exit(3)"', text), encoding="utf-8")
    variables = {"GOOGLE_CLIENT_ID": "", "WEBHOOK_BASE_URL": "ftp://hush"}
    told = desk.run("preflight", **variables)
    assert told.returncode == 1
    lines = to_fix(told)
    for wrong in (
        "GOOGLE_CLIENT_ID is not set",
        "WEBHOOK_BASE_URL is no URL (https://host[:port])",
        f"{desk.root}/backups is not a directory: set backup_dir in rollout.toml",
        f"no migration 047 to 048 {GAP} 049_late.sql: {EMPTY}",
        "the application's worktree is not clean: ctl.py",
    ):
        assert wrong in lines
    assert any("exit code 3" in line for line in lines)
    assert told.stderr.startswith(f"gonogo: not ready: {len(lines)} problems stand in the way")
    assert "hush" not in told.stdout + told.stderr
    assert desk.ask(LEDGER_THERE) is False


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE_URL": ""}, "no database is named (set DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "the database does not answer"),
    ],
)
def test_without_a_database_all_else_is_looked_at(
    untouched: Desk, variables: dict[str, str], said: str
) -> None:
    """One line says that it is missing; what needs it is passed over, never passed."""
    assert untouched.repository.after
    told = untouched.run("preflight", GOOGLE_CLIENT_SECRET="", **variables)
    assert told.returncode == 1
    lines = to_fix(told)
    assert "GOOGLE_CLIENT_SECRET is not set" in lines
    assert sum(said in line for line in lines) == 1
    unsigned = "production needs a signed GO record of staging"
    assert sum(line.startswith(unsigned) for line in lines) == ("NODE_ENV" in variables)
    assert len(lines) == 2 + ("NODE_ENV" in variables)
    asked = sum(item.asks_database for item in ITEMS)
    assert told.stdout.count("the database was not reached") == asked


@pytest.fixture
def poor(desk: Desk) -> Iterator[Callable[..., str]]:
    """A factory of connection strings for a role that may log in, and do what is granted."""
    role = f"poor_{desk.database}"
    name = sql.Identifier(role)

    def make(*grants: str) -> str:
        with psycopg.connect(desk.conninfo, autocommit=True) as owner:
            owner.execute(sql.SQL("create role {} login password {}").format(name, PASSWORD))
            for grant in grants:
                owner.execute(sql.SQL("grant {} to {}").format(sql.SQL(grant), name))
        return make_conninfo(desk.conninfo, user=role, password=PASSWORD)

    yield make
    with psycopg.connect(desk.conninfo, autocommit=True) as owner:
        owner.execute(sql.SQL("drop owned by {}").format(name))
        owner.execute(sql.SQL("drop role {}").format(name))


def test_a_role_without_rights_learns_of_each(desk: Desk, poor: Callable[..., str]) -> None:
    """Tables, schemas, scratch database, ownership and what a dump reads."""
    assert desk.repository.after
    told = desk.run("preflight", DATABASE_URL=poor("select on contacts"))
    role = f"poor_{desk.database}"
    lines = to_fix(told)
    assert lines[:4] == [
        f"{role} may not create tables in the schema public",
        f"{role} may not create the ledger's schema, nor move data aside (CREATE on database)",
        f"{role} may not create the scratch database that proves a backup (CREATEDB)",
        f"{role} does not own users, which a migration alters",
    ]
    assert f"{role} may not read public.audit_logs" in lines[4]
    assert len(lines) == 5
    assert PASSWORD not in told.stdout + told.stderr


@pytest.mark.slow
def test_a_database_of_the_other_environment_is_told(migrated_desk: Desk) -> None:
    """The ledger knows what it is."""
    assert migrated_desk.repository.after
    told = migrated_desk.run("preflight", NODE_ENV="production")
    assert any("knows this database as staging, not as production" in line for line in to_fix(told))


def test_what_was_applied_must_be_there_unchanged_and_first(migrated_desk: Desk) -> None:
    """A changed file, a lost one, and one that comes too late: a line each."""
    assert migrated_desk.repository.after
    migrations = migrated_desk.root / "migrations"
    for old in migrations.glob("039_*"):
        old.rename(Path(str(old).replace("039_", "037_")))
    changed = migrations / "041_create_sync_schedule_table.sql"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n-- x", encoding="utf-8")
    lines = to_fix(migrated_desk.run("preflight"))
    assert [line.partition(":")[0] for line in lines] == [
        "041_create_sync_schedule_table.sql changed since it was applied",
        "039_create_token_health_table.sql was applied, and is not in this checkout",
        "037_create_token_health_table.sql comes before 046, which is applied",
        f"no migration 039 {OTHER_GAP}",
    ]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("", 4, "rollout.toml", id="an empty rollout.toml"),
        pytest.param(None, 4, "no rollout.toml in", id="no rollout.toml"),
    ],
)
def test_without_a_rollout_file_there_is_one_line(
    desk: Desk, text: str | None, code: int, said: str
) -> None:
    """What a team wants is not guessed."""
    file = desk.root / "rollout.toml"
    file.unlink()
    if text is not None:
        file.write_text(text, encoding="utf-8")
    told = desk.run("preflight")
    assert told.returncode == code
    assert said in told.stderr
    assert len(told.stderr.splitlines()) == 1
