"""Fingerprints change with what they are of, and with nothing else."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql

from gonogo.errors import DatabaseError
from gonogo.postgres import session
from gonogo.postgres.session import Connection
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.backup.rowhash import compare_row_hashes, write_row_hashes
from gonogo.rollout.backup.tables import TableColumns, describe
from gonogo.rollout.grants import grant_gate
from gonogo.sandbox.server import EmbeddedServer


@pytest.fixture
def users(connection: Connection) -> tuple[TableColumns, ...]:
    """The columns of users before a deployment."""
    return describe(connection, ["users", "not_there"], "public")


@pytest.fixture
def hashes(connection: Connection, users: tuple[TableColumns, ...], tmp_path: Path) -> Path:
    """A file of the hashes of its rows."""
    path = tmp_path / "rows.gz"
    write_row_hashes(connection, users, path, "public")
    return path


def test_a_schema_has_one_fingerprint(conninfo: str, server: EmbeddedServer) -> None:
    """Dumping it twice gives the same, whatever rows were written between."""
    first = schema_fingerprint(server.bin_dir, conninfo)
    with session.connect(conninfo) as connection:
        connection.execute("delete from users")
    assert schema_fingerprint(server.bin_dir, conninfo) == first


@pytest.mark.parametrize(
    "change",
    [
        "alter table users add column x int",
        "create index on users (name)",
        "alter table users alter column name set not null",
        """alter table users drop constraint users_role_check,
            add constraint users_role_check check (role in ('user', 'other'))""",
        "create schema other",
        "alter table audit_logs alter column action type text",
    ],
)
def test_a_changed_schema_has_another(conninfo: str, server: EmbeddedServer, change: str) -> None:
    """Columns, indexes, constraints, labels, types and schemas all count."""
    first = schema_fingerprint(server.bin_dir, conninfo)
    with session.connect(conninfo) as connection:
        connection.execute("update users set name = email")
        connection.execute(change.encode())
    assert schema_fingerprint(server.bin_dir, conninfo) != first


def test_our_own_schemas_do_not_count(conninfo: str, server: EmbeddedServer) -> None:
    """The ledger and what lies aside are no part of the application's schema."""
    first = schema_fingerprint(server.bin_dir, conninfo)
    with session.connect(conninfo) as connection:
        connection.execute("create schema gonogo_aside_7; create table gonogo_aside_7.t ()")
        connection.execute("alter table gonogo.job_run add column x int")
    assert schema_fingerprint(server.bin_dir, conninfo) == first


@pytest.mark.parametrize("role", ["gonogo_gate", "Gate's own"])
def test_what_the_gate_may_read_does_not_count(
    conninfo: str, connection: Connection, server: EmbeddedServer, role: str
) -> None:
    """Granted by a deployment or by hand, under any name: it reads the ledger, as nobody else does.

    What a role that reads no ledger may do counts.
    """
    named = None if role == "gonogo_gate" else role
    name = sql.Identifier(role)
    first = schema_fingerprint(server.bin_dir, conninfo, named)
    connection.execute(sql.SQL("create role {}").format(name))
    try:
        tables = {"users": frozenset({"id", "name"}), "audit_logs": frozenset[str]()}
        grant_gate(connection, role, "public", tables)
        assert schema_fingerprint(server.bin_dir, conninfo, named) == first
        assert schema_fingerprint(server.bin_dir, conninfo, "nobody") == first
        connection.execute(
            sql.SQL("revoke all on all tables in schema gonogo from {}").format(name)
        )
        assert schema_fingerprint(server.bin_dir, conninfo, "nobody") != first
    finally:
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(name))


def test_a_restored_schema_has_the_same(
    conninfo: str, new_database: Callable[..., str], server: EmbeddedServer, tmp_path: Path
) -> None:
    """A dump words conditions anew; they mean the same."""
    restored, dump = new_database(), str(tmp_path / "x.dump")
    tools = str(server.bin_dir)
    make = [f"{tools}/pg_dump", "-Fc", "-f", dump, "-N", "gonogo", "-d", conninfo]
    for command in (make, [f"{tools}/pg_restore", "-d", restored, dump]):
        subprocess.run(command, check=True)
    first = schema_fingerprint(server.bin_dir, conninfo)
    assert schema_fingerprint(server.bin_dir, restored) == first


def test_a_schema_that_cannot_be_dumped_is_an_error(server: EmbeddedServer, conninfo: str) -> None:
    """Neither a missing tool nor a missing database gives a fingerprint."""
    with pytest.raises(DatabaseError, match="could not run"):
        schema_fingerprint(Path("/nowhere"), conninfo)
    with pytest.raises(DatabaseError, match="could not be dumped"):
        schema_fingerprint(server.bin_dir, server.conninfo("no_such_database"))


def test_tables_are_described_by_key_and_columns(users: tuple[TableColumns, ...]) -> None:
    """A table that is not there is left out."""
    columns = ("id", "email", "name", "role", "created_at")
    assert users == (TableColumns("users", ("id",), columns),)


@pytest.mark.parametrize(
    "change",
    [
        "update users set name = '' where email like '%-1@%'",
        "update users set created_at = created_at + interval '1 microsecond'",
    ],
)
def test_the_smallest_change_of_a_row_counts(
    connection: Connection, hashes: Path, change: str
) -> None:
    """Also NULL that became empty."""
    connection.execute(change.encode())
    (found,) = compare_row_hashes(connection, hashes, "public")
    assert found.changed > 0
    assert found.deleted == found.added == 0


def test_differences_are_counted(connection: Connection, hashes: Path) -> None:
    """Changed, deleted and added rows, each by its key."""
    connection.execute("update users set name = 'x' where email < 'user-13'")
    connection.execute("delete from users where email = 'user-9@example.com'")
    connection.execute("insert into users (email) values ('a@example.com'), ('b@example.com')")
    (found,) = compare_row_hashes(connection, hashes, "public")
    assert (found.unchanged, found.changed, found.deleted, found.added) == (16, 3, 1, 2)
    assert not found.intact


def test_an_untouched_table_is_intact(connection: Connection, hashes: Path) -> None:
    """A new column does not matter, and nothing of the comparison stays."""
    connection.execute("alter table users add column is_admin boolean default true")
    (found,) = compare_row_hashes(connection, hashes, "public")
    assert (found.unchanged, found.intact) == (20, True)
    assert connection.execute("select to_regclass('gonogo_rows')").fetchone() == (None,)


def test_a_dropped_table_has_lost_its_rows(connection: Connection, hashes: Path) -> None:
    """Each of them counts as deleted."""
    connection.execute("drop table users cascade")
    (found,) = compare_row_hashes(connection, hashes, "public")
    assert found.deleted == 20


def test_a_table_without_a_key_is_compared_by_its_rows(
    connection: Connection, tmp_path: Path
) -> None:
    """A change shows as one row gone and one row new."""
    connection.execute("create table loose as select 1 as a, null::text as b")
    path = tmp_path / "rows.gz"
    write_row_hashes(connection, describe(connection, ["loose"], "public"), path, "public")
    connection.execute("update loose set b = ''")
    (found,) = compare_row_hashes(connection, path, "public")
    assert (found.changed, found.deleted, found.added) == (0, 1, 1)


def test_row_hashes_are_those_of_the_callers_snapshot(
    connection: Connection,
    connect: Callable[[], Connection],
    users: tuple[TableColumns, ...],
    tmp_path: Path,
) -> None:
    """Rows that came after the snapshot are not in the file."""
    path = tmp_path / "rows.gz"
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select 1")
        connect().execute("insert into users (email) values ('late@example.com')")
        write_row_hashes(connection, users, path, "public")
    assert compare_row_hashes(connection, path, "public")[0].added == 1


def test_the_file_is_its_owners_alone(hashes: Path) -> None:
    """It holds users' keys; and no half-written file lies beside it."""
    assert hashes.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in hashes.parent.iterdir()] == ["rows.gz"]


def test_a_failed_write_leaves_no_file(connection: Connection, tmp_path: Path) -> None:
    """Half a file would count half of the rows as added."""
    wrong = TableColumns("users", ("id",), ("id", "not_there"))
    with pytest.raises(DatabaseError, match="not_there"):
        write_row_hashes(connection, [wrong], tmp_path / "rows.gz", "public")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "foreign", "not gzip"])
def test_a_damaged_file_is_an_error(connection: Connection, hashes: Path, damage: str) -> None:
    """It is never compared in part."""
    whole = hashes.read_bytes()
    content = {
        "cut": whole[: len(whole) // 2],
        "foreign": gzip.compress(b'{"format": "other"}\n'),
        "not gzip": b"x",
    }[damage]
    hashes.write_bytes(content)
    with pytest.raises(DatabaseError):
        compare_row_hashes(connection, hashes, "public")


def test_a_column_that_is_gone_is_an_error(connection: Connection, hashes: Path) -> None:
    """Rows cannot be compared over what is no longer there."""
    connection.execute("alter table users drop column name")
    with pytest.raises(DatabaseError, match="lost columns: name"):
        compare_row_hashes(connection, hashes, "public")
