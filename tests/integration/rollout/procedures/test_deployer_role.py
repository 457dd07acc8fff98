"""The shipped deployer's role: enough to deploy and to roll back, with no superuser about."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from gonogo.postgres.dsn import DatabaseSettings
from gonogo.rollout.deploy import deploy
from gonogo.rollout.rollback import Request, rollback
from gonogo.sandbox.server import EmbeddedServer

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

SCRIPT = Path(__file__).parents[4] / "roles" / "deployer_role.sql"
TABLES = """
select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname = 'public'"""
OWNERS = """
select string_agg(distinct relowner::regrole::text, ',')
from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"""


@pytest.fixture
def roles(team: Team) -> Iterator[tuple[str, str]]:
    """The application's role, which owns its tables, and a name for the deployer's."""
    database = str(team.ask("select current_database()"))
    owner, deployer = f"app_{database[-8:]}", f"deployer_{database[-8:]}"
    with psycopg.connect(team.context.database.conninfo, autocommit=True) as link:
        name = sql.Identifier(owner)
        link.execute(sql.SQL("create role {} login").format(name))
        link.execute(sql.SQL("grant create on schema public to {}").format(name))
        for table in link.execute(TABLES).fetchall():
            change = sql.SQL("alter table {} owner to {}")
            link.execute(change.format(sql.Identifier(*table), name))
    yield owner, deployer
    with psycopg.connect(team.context.database.conninfo, autocommit=True) as link:
        for role in (deployer, owner):
            if link.execute("select from pg_roles where rolname = %s", (role,)).fetchone():
                link.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(role)))
                link.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def run_script(server: EmbeddedServer, conninfo: str, *options: str) -> tuple[int, str]:
    """Run the shipped script as its head says: psql's exit code, and what it said."""
    words = [str(server.bin_dir / "psql"), "--no-psqlrc", *options, "--file", str(SCRIPT), conninfo]
    finished = subprocess.run(words, check=False, capture_output=True, text=True)
    return finished.returncode, finished.stderr


@pytest.mark.slow
def test_the_shipped_role_deploys_and_rolls_back(
    team: Team, roles: tuple[str, str], server: EmbeddedServer
) -> None:
    """No superuser: the new tables are the application's, which may use them, and all goes back."""
    owner, deployer = roles
    conninfo = team.context.database.conninfo
    options = ("-v", f"owner={owner}", "-v", f"role={deployer}")
    for _ in range(2):
        assert run_script(server, conninfo, *options)[0] == 0
    team.ask(f"alter role {deployer} login")
    own = DatabaseSettings(make_conninfo(conninfo, user=deployer), "test")
    context = replace(team.context, database=own)
    result = deploy(context, team.tell)
    assert result.error is None
    assert team.ask(OWNERS) == owner
    with psycopg.connect(make_conninfo(conninfo, user=owner), autocommit=True) as application:
        application.execute("update users set is_admin = true")
        application.execute(
            "insert into sync_metrics (user_id, integration_type, sync_type, result)"
            " select id, 'google_contacts', 'manual', 'success' from users"
        )
    back = rollback(context, team.tell, Request(reason="a drill"))
    assert back.error is None
    assert team.ask("select count(*) from gonogo_aside_1.sync_metrics") == 60
    with psycopg.connect(make_conninfo(conninfo, user=owner), autocommit=True) as application:
        application.execute("delete from users")
    assert team.ask("select count(*) from gonogo_aside_1.sync_metrics") == 0
    assert team.ask("select count(*) from gonogo_aside_1.users_038") == 0


@pytest.mark.slow
def test_the_shipped_role_deploys_beside_what_superusers_made(
    team: Team, roles: tuple[str, str], server: EmbeddedServer
) -> None:
    """Preflight names it, the backup is proved without it, and nothing of it is lost."""
    owner, deployer = roles
    conninfo = team.context.database.conninfo
    team.ask("""
        create extension pageinspect;
        create function note_it() returns event_trigger language plpgsql as $$ begin end $$;
        create event trigger noted on sql_drop execute function note_it();
        create publication for_analysts for tables in schema public;
    """)
    assert run_script(server, conninfo, "-v", f"owner={owner}", "-v", f"role={deployer}")[0] == 0
    team.ask(f"alter role {deployer} login")
    own = DatabaseSettings(make_conninfo(conninfo, user=deployer), "test")
    weak = replace(team, context=replace(team.context, database=own))
    assert weak.problems() == ()
    said = "\n".join(map(str, team.events))
    for name in ("extension pageinspect", "event trigger noted", "publication for_analysts"):
        assert f"{name}: {deployer} cannot create it" in said
    assert "--backup-check read" in said
    result = deploy(weak.context, team.tell)
    assert result.error is None
    backup = next(step for step in result.steps if step.name == "backup")
    assert "publication for_analysts" in str(backup.evidence["left_out"])
    assert team.ask("select count(*) from pg_event_trigger") == 1


def test_a_script_that_is_not_told_the_owner_does_nothing(
    team: Team, server: EmbeddedServer
) -> None:
    """Whose the tables are cannot be guessed."""
    code, said = run_script(server, team.context.database.conninfo)
    assert code == 3
    assert "-v owner=ROLE" in said


@pytest.mark.slow
def test_what_a_superuser_deploys_is_the_applications(team: Team, roles: tuple[str, str]) -> None:
    """Else the application would be locked out of its own new tables."""
    owner, _ = roles
    assert deploy(team.context, team.tell).error is None
    assert team.ask(OWNERS) == owner
