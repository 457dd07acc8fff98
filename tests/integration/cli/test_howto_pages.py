"""The how-to pages: what they show is run here, as it stands there, and what they quote is said."""

from __future__ import annotations

import json
import re
import subprocess

import psycopg
import pytest
from psycopg import sql

from desk import Desk
from gonogo.postgres.session import connect
from gonogo.sandbox.server import EmbeddedServer
from howto import ROOT, blocks, run_block

OWN_RUNNER = ROOT / "tests" / "integration" / "gate" / "servers" / "own_runner.sql"
FORGETFUL = """
alter table sync_metrics add constraint sync_metrics_sync_type_check
    check (sync_type in ('full', 'incremental', 'webhook_triggered', 'manual'))"""
DOCS = ROOT / "docs"
ROLES = ROOT / "roles"
SOURCES = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "gonogo").rglob("*.py")]
# What a page may lead to, and what of it must be there.
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def done(told: subprocess.CompletedProcess[str]) -> None:
    """See that a block ended well."""
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A desk with the shipped roles, and a revision that is called as the pages call it."""
    (desk.root / "roles").symlink_to(ROLES)
    after = desk.repository.after
    words = ["git", "-C", str(desk.root / "app"), "tag", "v2.4.0", after]
    subprocess.run(words, check=True, capture_output=True)
    return desk


@pytest.mark.slow
def test_the_first_deployment_goes_as_shown(shop: Desk, server: EmbeddedServer) -> None:
    """Block by block: a role, preflight, plan, deployment, verification; production is refused."""
    deployer = f"deployer_{shop.database}"
    meant = {"app_owner": "postgres", "gonogo_deployer": deployer}
    shown = blocks("first-deploy.md")
    try:
        for block in shown:
            told = run_block(shop, block, meant, server.bin_dir)
            if "NODE_ENV=production" in block:
                assert "knows this database as staging, not as production" in told.stdout
            else:
                done(told)
    finally:
        with psycopg.connect(shop.conninfo, autocommit=True) as link:
            link.execute(sql.SQL("drop owned by {}").format(sql.Identifier(deployer)))
            link.execute(sql.SQL("drop role {}").format(sql.Identifier(deployer)))
    assert shop.ask("select revision from gonogo.deployment") == shop.repository.after


@pytest.mark.slow
def test_a_foreign_database_is_judged_taken_over_and_mended_as_shown(
    shop: Desk, server: EmbeddedServer
) -> None:
    """What the application's own runner made is adopted, and its constraint mended."""
    shop.ask(OWN_RUNNER.read_text(encoding="utf-8"))
    shop.ask(FORGETFUL)
    _, gate, plan, deploy = blocks("foreign-database.md")
    told = run_block(shop, gate, {}, server.bin_dir)
    assert re.search(r"exit code (1|10|11)\b", told.stdout), told.stdout + told.stderr
    assert shop.ask("select to_regnamespace('gonogo')") is None
    done(planned := run_block(shop, plan, {}, server.bin_dir))
    assert planned.stdout.count("adopted after verification, not run") == 9
    done(run_block(shop, deploy, {}, server.bin_dir))
    assert shop.ask("select count(*) from gonogo.migration where adopted") == 9
    (mend,) = blocks("foreign-database.md", "sql")
    for statement in filter(str.strip, mend.split(";")):
        shop.ask(f"set lock_timeout = '250ms'; {statement}")
    shop.ask(
        "insert into sync_metrics (user_id, integration_type, sync_type, result)"
        " select id, 'google_contacts', 'initial', 'success' from users limit 1"
    )


def test_a_database_of_ones_own_is_judged_as_shown(
    migrated_desk: Desk, server: EmbeddedServer
) -> None:
    """The role is made, the database is judged, and the record says what was left out."""
    block = blocks("foreign-database.md")[0]
    role = f"gate_{migrated_desk.database}"
    (migrated_desk.root / "roles").symlink_to(ROOT / "roles")
    meant = {"-f": f"-v role={role} -f"}
    try:
        told = run_block(migrated_desk, block, meant, server.bin_dir)
        assert told.returncode in {1, 10, 11}, told.stdout + told.stderr
        (record,) = migrated_desk.root.glob("archive/staging/*/record.json")
        assert json.loads(record.read_bytes())["without"] == ["endpoints", "ledger"]
    finally:
        migrated_desk.ask(f"drop owned by {role}; drop role {role}")


def test_the_first_looks_of_troubleshooting_work(
    migrated_desk: Desk, server: EmbeddedServer
) -> None:
    """Status, the newest logs, and both questions to the database."""
    logs = migrated_desk.root / "logs" / "staging"
    logs.mkdir(parents=True)
    (logs / "20261123T141500000000Z_deploy.jsonl").touch()
    status, listing = blocks("troubleshooting.md")
    done(run_block(migrated_desk, status, {}, server.bin_dir))
    told = run_block(migrated_desk, listing, {}, server.bin_dir)
    # The look before this one has left a log as well.
    assert set(told.stdout.split()) >= {"20261123T141500000000Z_deploy.jsonl"}
    with connect(migrated_desk.conninfo) as holder, holder.transaction():
        holder.execute("lock table users")
        activity, scratch = blocks("troubleshooting.md", "sql")
        with psycopg.connect(migrated_desk.conninfo) as link:
            rows = link.execute(activity.encode()).fetchall()
            assert rows[0][0] == holder.info.backend_pid
            link.execute(scratch.encode())


def quoted(page: str) -> list[str]:
    """What a page's tables say that gonogo says."""
    text = (DOCS / page).read_text(encoding="utf-8")
    text = text[text.index("## Messages") :]
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("words", quoted("troubleshooting.md"))
def test_what_troubleshooting_quotes_is_what_is_said(words: str) -> None:
    """Each message of the tables stands in the code, word by word."""
    written = re.sub(r"^pg_(dump|restore) ", "{program} ", words)
    assert any(words in source or written in source for source in SOURCES)


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    """Within the project, each file that is linked to is there."""
    text = (DOCS / page).read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (DOCS / link).exists()]
    assert not missing


def test_a_job_reports_its_run_as_shown(migrated_desk: Desk) -> None:
    """The one INSERT, by a role that was given just that; what is to be read can be read."""
    insert, grants, read = blocks("ledger.md", "sql")
    role = f"jobs_{migrated_desk.database}"
    grants = grants.replace("app_jobs", role)
    with psycopg.connect(migrated_desk.conninfo, autocommit=True) as link:
        link.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        try:
            link.execute(grants.encode())
            link.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            link.execute(insert.encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                link.execute("delete from gonogo.job_run")
            link.execute("reset role")
            for statement in filter(str.strip, read.split(";")):
                link.execute(statement.encode())
        finally:
            link.execute("reset role")
            link.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))
            link.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
    assert migrated_desk.ask("select count(*) from gonogo.job_run where succeeded") == 1


def test_the_ledger_page_knows_every_table(migrated_desk: Desk) -> None:
    """Each has its line, and none is made up."""
    text = (DOCS / "ledger.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \| ", text, re.MULTILINE))
    query = (
        "select array_agg(relname::text) from pg_class where relkind = 'r'"
        " and relnamespace = 'gonogo'::regnamespace"
    )
    there = migrated_desk.ask(query)
    assert isinstance(there, list)
    columns = {"job_name", "succeeded", "error"}
    assert named - columns == set(there)
