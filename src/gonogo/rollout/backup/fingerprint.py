"""The fingerprint of a schema, which proves a rollback."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from gonogo import process
from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.parser.wording import statements
from gonogo.postgres.session import ask_bool, asking, connect
from gonogo.postgres.tools import split_secrets, tool_environment
from gonogo.postgres.watchdog import Vigil

DUMP_TIMEOUT_S = 300
# A new one in each dump, so that nothing within it passes for a command of psql.
TOKEN = re.compile(r"^\\(?:un)?restrict \w+$", re.MULTILINE)
# What the tool sets for itself, save where it says where the next relations lie.
TOOL = re.compile(r"(?:SET|RESET) |SELECT pg_catalog\.set_config\(")
PLACE = re.compile(r"SET (?P<what>default_tablespace|default_table_access_method) = (?P<where>.*)")
USUAL = frozenset({"''", "heap"})
PLACED = re.compile(
    r"CREATE (?:UNLOGGED )?TABLE|CREATE MATERIALIZED|CREATE (?:UNIQUE )?INDEX"
    r"|ALTER TABLE [^\n]*\n +ADD CONSTRAINT"
)
# As roles/gate_role.sql calls it, which may be run by hand after a deployment.
GATE_ROLE = "gonogo_gate"
# On a cluster (Citus): a dump does not say how its tables are distributed.
IS_CLUSTER = "select to_regclass('citus_tables') is not null"
DISTRIBUTED = """
with known as (
    select t.* from citus_tables as t
    join pg_class as c on c.oid = t.table_name
    where c.relnamespace::regnamespace::text !~ '^gonogo(_aside_.*)?$'
)
select to_jsonb(array[one.table_name::text, one.citus_table_type, one.distribution_column,
    one.shard_count::text, min(beside.table_name::text)])::text
from known as one
join known as beside on beside.colocation_id = one.colocation_id
group by one.table_name, one.citus_table_type, one.distribution_column, one.shard_count"""

# Whoever was let read the ledger: a gate's role by another name, granted what it reads by hand.
# The application's role and the deployer are none: one owns something here, the other is connected.
READERS = """
select distinct quote_ident(pg_get_userbyid(one.grantee))
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) as one
where n.nspname = 'gonogo' and one.grantee not in (0, session_user::regrole)
and not exists (
  select from pg_shdepend as owned
  join pg_database as d on d.oid = owned.dbid and d.datname = current_database()
  where owned.refclassid = 'pg_authid'::regclass and owned.deptype = 'o'
  and owned.refobjid = one.grantee)"""

OPTIONS = (
    "--schema-only",
    "--no-password",
    "--encoding=UTF8",
    "--lock-wait-timeout=10s",
    "--exclude-schema=gonogo",
    "--exclude-schema=gonogo_aside_*",
)


def schema_fingerprint(bin_dir: Path, conninfo: str, gate_role: str | None = None) -> str:
    """The sha256 of `schema_statements`."""
    return fingerprint(schema_statements(bin_dir, conninfo, gate_role))


def fingerprint(made: Iterable[str]) -> str:
    """The sha256 of statements, whatever their order."""
    digest = hashlib.sha256()
    for statement in sorted(made):
        digest.update(statement.encode() + b"\0")
    return digest.hexdigest()


def schema_statements(bin_dir: Path, conninfo: str, gate_role: str | None = None) -> list[str]:
    """What makes the schema, sorted: as ``pg_dump`` writes it, without gonogo's own schemas.

    Owners, grants and comments count. What is set for the database as a whole (its settings and
    grants) does not: a restore takes that from the database that it replaces.

    Args:
        bin_dir: PostgreSQL's tools, of the server's major version.
        conninfo: The database; holds the password, which is passed on outside the command line.
        gate_role: The gate's role; None takes the usual name. What it is granted is left out, and
            what other readers of the ledger are: a deployment or `gate_role.sql` gives it what it
            needs, and that may stay.

    Raises:
        DatabaseError: ``pg_dump`` is not there, failed, or took too long.
    """
    dump = _dump(bin_dir, conninfo)
    readers, distribution = _beside(conninfo)
    made = described(dump, gate_role, readers)
    return sorted((*made, *distribution))


def described(
    dump: str, gate_role: str | None = None, readers: Iterable[str] = ()
) -> Iterator[str]:
    """The statements of a dump that describe the schema.

    Args:
        dump: As ``pg_dump`` writes it.
        gate_role: As of `schema_statements`.
        readers: Other roles whose grants are left out, quoted where they need it.
    """
    places: dict[str, str] = {}
    role = re.escape((gate_role or GATE_ROLE).replace('"', '""'))
    roles = "|".join((rf'("?){role}\1', *map(re.escape, readers)))
    granted = re.compile(rf"(?:GRANT|REVOKE) .* (?:TO|FROM) (?:{roles})(?: WITH GRANT OPTION)?")
    for statement in statements(TOKEN.sub("", dump)):
        if place := PLACE.fullmatch(statement):
            places[place["what"]] = place["where"]
        elif not TOOL.match(statement) and not granted.fullmatch(statement):
            unusual = [one for one in places.values() if one not in USUAL]
            yield " ".join((statement, *(unusual if PLACED.match(statement) else ())))


@asking("it cannot be read who reads the ledger and how tables are distributed")
def _beside(conninfo: str) -> tuple[list[str], list[str]]:
    """The readers of the ledger, and how a cluster distributes its tables."""
    with connect(conninfo, "gonogo fingerprint") as connection:
        readers = [str(one) for (one,) in connection.execute(READERS)]
        if not ask_bool(connection, IS_CLUSTER):
            return readers, []
        return readers, [str(one) for (one,) in connection.execute(DISTRIBUTED)]


def _dump(bin_dir: Path, conninfo: str) -> str:
    settings = DatabaseSettings(conninfo, "")
    database, secrets = split_secrets(settings)
    said: list[str] = []
    with tempfile.NamedTemporaryFile() as file:
        words = [str(bin_dir / "pg_dump"), *OPTIONS, f"--file={file.name}", f"--dbname={database}"]
        try:
            ended = process.run(
                words,
                env=tool_environment(secrets),
                on_line=said.append,
                timeout_s=DUMP_TIMEOUT_S,
                on_tick=Vigil(settings).tick,
            )
        except OSError as error:
            raise DatabaseError(f"pg_dump could not run: {type(error).__name__}") from error
        if ended.timed_out:
            raise DatabaseError(f"pg_dump took more than {DUMP_TIMEOUT_S} s")
        if ended.exit_code:
            problem = (said or ["no message"])[0]
            raise DatabaseError(
                f"the schema could not be dumped: {problem}", "see the server's log"
            )
        content = Path(file.name).read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError:
        # A database in SQL_ASCII may hold any bytes, and each counts.
        return content.decode("latin-1")
