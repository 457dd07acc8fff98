"""The shipped role: enough for every survey, and not one right more."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gate_process import Soaked
from gonogo.model.kinds import VerdictKind
from gonogo.postgres import session
from gonogo.rollout.grants import grant_gate, readable
from gonogo.sandbox.server import EmbeddedServer

Judged = Callable[..., Any]
Grant = Callable[..., str]
SCRIPT = Path(__file__).parents[4] / "roles" / "gate_role.sql"
READABLE = readable(SCRIPT.parents[1] / "checks" / "sql")
LEDGER = {"deployment", "environment", "incident", "job_run", "migration", "migration_attempt"}
EXACTLY = (
    {("public", "USAGE"), ("gonogo", "USAGE")}
    | {(f"{table}.{column}", "SELECT") for table, names in READABLE.items() for column in names}
    | {(f"gonogo.{table}", "SELECT") for table in LEDGER}
)
# Everything of this database that names the role in its access list, columns included.
GRANTED = """
select n.nspname || '.' || c.relname, a.privilege_type
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
cross join aclexplode(c.relacl) as a
where a.grantee = %(role)s::regrole
union all
select attrelid::regclass || '.' || attname, a.privilege_type
from pg_attribute cross join aclexplode(attacl) as a where a.grantee = %(role)s::regrole
union all
select nspname, a.privilege_type
from pg_namespace cross join aclexplode(nspacl) as a where a.grantee = %(role)s::regrole
union all
select proname, a.privilege_type
from pg_proc cross join aclexplode(proacl) as a where a.grantee = %(role)s::regrole
union all
select datname, a.privilege_type
from pg_database cross join aclexplode(datacl) as a where a.grantee = %(role)s::regrole
union all
select roleid::regrole::text, 'MEMBER' from pg_auth_members where member = %(role)s::regrole"""


def run_script(server: EmbeddedServer, conninfo: str, *options: str) -> str:
    """Run the shipped script as its head says; what psql said."""
    words = [str(server.bin_dir / "psql"), "--no-psqlrc", *options, "--file", str(SCRIPT), conninfo]
    finished = subprocess.run(words, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stderr


def granted(conninfo: str, role: str) -> set[tuple[str, str]]:
    """What a role was granted in a database."""
    with psycopg.connect(conninfo) as connection:
        return set(connection.execute(GRANTED.encode(), {"role": role}).fetchall())


@pytest.fixture
def roles(soaked: Soaked) -> Iterator[Callable[[], str]]:
    """Names for roles, which belong to the whole server; they go with the test."""
    names: list[str] = []

    def name() -> str:
        names.append(f"gate_{uuid4().hex[:8]}")
        return names[-1]

    yield name
    with psycopg.connect(soaked.conninfo, autocommit=True) as connection:
        for one in names:
            connection.execute(f"drop owned by {one}".encode())
            connection.execute(f"drop role {one}".encode())


def test_the_shipped_role_is_enough(
    judged: Judged, soaked: Soaked, server: EmbeddedServer, roles: Callable[[], str]
) -> None:
    """Logged in as that role the gate is GO, and nothing is missing anywhere in it."""
    role = roles()
    run_script(server, soaked.conninfo, "--set", f"role={role}")
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(f"alter role {role} login".encode())
    verdict, observation = judged(make_conninfo(soaked.conninfo, user=role), soaked.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert observation.identity.role == role
    missing = [one.missing for one in observation.measurements.values() if one.missing]
    assert not missing


def test_the_shipped_role_has_exactly_what_it_needs(
    soaked: Soaked, server: EmbeddedServer, roles: Callable[[], str]
) -> None:
    """Run twice, it grants the columns of the surveys and the ledger's six tables alone."""
    role = roles()
    run_script(server, soaked.conninfo, "--set", f"role={role}")
    assert not run_script(server, soaked.conninfo, "--set", f"role={role}")
    assert granted(soaked.conninfo, role) == EXACTLY
    with psycopg.connect(soaked.conninfo) as connection:
        row = connection.execute(
            "select rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication"
            " from pg_roles where rolname = %s",
            [role],
        ).fetchone()
    assert row == (False,) * 6


@pytest.mark.parametrize(
    "secret",
    [
        "password_hash from users",
        "email from users",
        "from oauth_tokens",
        "from gonogo.backup",
        "from gonogo.step",
    ],
)
def test_the_shipped_role_reads_no_secret(
    soaked: Soaked, server: EmbeddedServer, roles: Callable[[], str], secret: str
) -> None:
    """Password hashes, tokens, and what a deployment noted are not for the gate."""
    role = roles()
    run_script(server, soaked.conninfo, "--set", f"role={role}")
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select {secret}".encode())


def test_a_deployment_grants_what_the_script_grants(
    soaked: Soaked, server: EmbeddedServer, roles: Callable[[], str]
) -> None:
    """The step of a deployment and the script by hand leave the same rights."""
    by_hand, deployed = roles(), roles()
    run_script(server, soaked.conninfo, "--set", f"role={by_hand}")
    with session.connect(soaked.conninfo) as connection:
        connection.execute(f"create role {deployed}".encode())
        tables = grant_gate(connection, deployed, "public", READABLE)
    assert set(tables) == set(READABLE)
    assert granted(soaked.conninfo, deployed) == granted(soaked.conninfo, by_hand)


def test_before_the_deployment_it_grants_what_is_there(
    base_database: str, server: EmbeddedServer, roles: Callable[[], str]
) -> None:
    """The role may be made before the first deployment, which grants the new tables."""
    role = roles()
    run_script(server, base_database, "--set", f"role={role}")
    there = {(f"users.{name}", "SELECT") for name in READABLE["users"]}
    assert granted(base_database, role) == {("public", "USAGE")} | there
    with psycopg.connect(base_database) as connection:
        connection.execute(f"drop owned by {role}".encode())


def test_the_script_serves_another_schema(
    judged: Judged, soaked: Soaked, server: EmbeddedServer, roles: Callable[[], str]
) -> None:
    """An application in a schema of its own: with its search_path the same role is GO there."""
    role = roles()
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("alter schema public rename to application")
        connection.execute("create schema public")
    run_script(server, soaked.conninfo, "--set", f"role={role}", "--set", "schema=application")
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(f"alter role {role} login".encode())
        connection.execute(f"alter role {role} set search_path = application".encode())
    verdict, _ = judged(make_conninfo(soaked.conninfo, user=role), soaked.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons


def test_a_table_that_is_only_counted_is_granted_by_its_key(
    soaked: Soaked, roles: Callable[[], str]
) -> None:
    """`count(*)` needs a right on some column, and no more than that."""
    role = roles()
    with session.connect(soaked.conninfo) as connection:
        connection.execute(f"create role {role}".encode())
        grant_gate(connection, role, "public", {"users": frozenset()})
        assert ("users.id", "SELECT") in granted(soaked.conninfo, role)
        connection.execute(f"set role {role}".encode())
        connection.execute("select count(*) from users")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select email from users")
