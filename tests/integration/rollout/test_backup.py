"""A backup is made, and proved, or nothing is left that looks like one."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from gonogo.errors import BackupError
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import PROGRAMS, Tools, find_tools
from gonogo.rollout.backup import backup
from gonogo.rollout.backup.backup import make_backup
from gonogo.rollout.backup.order import BackupCheck, BackupOrder
from gonogo.sandbox.server import EmbeddedServer

Order = Callable[..., BackupOrder]


@pytest.fixture
def tools(server: EmbeddedServer) -> Tools:
    """The tools of the run's server."""
    return find_tools(18, os.environ, server.bin_dir)


@pytest.fixture
def order(base_database: str, tools: Tools, tmp_path: Path) -> Order:
    """A factory of orders for a database as it was before 038."""

    def make(check: BackupCheck = "restore", use: Tools = tools) -> BackupOrder:
        database = DatabaseSettings(base_database, "test")
        return BackupOrder(database, use, tmp_path / "backups", Environment.STAGING, check)

    return make


def tampered(tools: Tools, directory: Path, program: str, script: str) -> Tools:
    """The same tools, one of them replaced by a script; ``$REAL`` is the genuine one."""
    directory.mkdir()
    for name in PROGRAMS:
        (directory / name).symlink_to(tools.bin_dir / name)
    (directory / program).unlink()
    file = directory / program
    file.write_text(f"#!/bin/sh\nREAL={tools.bin_dir / program}\n{script}\n")
    file.chmod(0o755)
    return Tools(directory, tools.version, tools.major)


def scratch_databases(conninfo: str) -> list[str]:
    """The scratch databases of this database that are there."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "select d.datname from pg_database d, pg_database own"
            " where own.datname = current_database()"
            " and d.datname = 'gonogo_scratch_' || own.oid"
        )
        return [str(name) for (name,) in rows]


def test_a_backup_is_named_private_and_proved(order: Order) -> None:
    """Environment and time in its name, mode 0600, its rows counted, no scratch left."""
    asked = order()
    backup = make_backup(asked)
    assert backup.path.name == f"backup_staging_{backup.made_at:%Y%m%dT%H%M%SZ}.dump"
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600
    assert backup.rows["public.users"] == 60
    assert list(backup.path.parent.iterdir()) == [backup.path]
    assert scratch_databases(asked.database.conninfo) == []


def test_our_own_schemas_are_left_out(order: Order, tools: Tools) -> None:
    """The ledger survives a restore by other means; what lies aside is no part of the schema."""
    asked = order()
    with psycopg.connect(asked.database.conninfo) as connection:
        for schema in ("gonogo", "gonogo_aside_7"):
            connection.execute(f"create schema {schema}; create table {schema}.t (i int)")
    backup = make_backup(asked)
    words = [str(tools.bin_dir / "pg_restore"), "--list", str(backup.path)]
    listing = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "gonogo" not in listing.split("Selected TOC Entries")[1]
    assert not [table for table in backup.rows if table.startswith("gonogo")]


def test_a_dump_that_lacks_rows_does_not_verify(order: Order, tools: Tools, tmp_path: Path) -> None:
    """The restored tables are counted against the dump's own snapshot; the scratch goes."""
    script = 'exec $REAL --exclude-table-data=lonely "$@"'
    asked = order(use=tampered(tools, tmp_path / "bin", "pg_dump", script))
    with psycopg.connect(asked.database.conninfo) as connection:
        connection.execute("create table lonely as select 1 as i")
    with pytest.raises(BackupError, match=r"differs in public\.lonely.*nothing was changed"):
        make_backup(asked)
    assert [file.suffix for file in asked.directory.iterdir()] == [".partial"]
    assert scratch_databases(asked.database.conninfo) == []


@pytest.mark.parametrize("check", ["restore", "read"])
def test_a_dump_cut_in_half_does_not_verify(
    order: Order, tools: Tools, tmp_path: Path, check: BackupCheck
) -> None:
    """Reading to the end finds what a listing accepts."""
    with psycopg.connect(order().database.conninfo) as connection:
        connection.execute("create table big as select md5(i::text) from generate_series(1,9999) i")
    script = """
for word; do case $word in --file=*) file=${word#--file=};; esac; done
$REAL "$@" && truncate -s -90000 "$file"
"""
    asked = order(check, tampered(tools, tmp_path / "bin", "pg_dump", script))
    with pytest.raises(BackupError, match="pg_restore failed"):
        make_backup(asked)
    assert not list(asked.directory.glob("*.dump"))


def test_a_failed_dump_is_told_in_its_own_words(order: Order, tools: Tools, tmp_path: Path) -> None:
    """What pg_dump said, and that nothing was changed."""
    script = '[ "$1" = -Fc ] || { echo "disk on fire" >&2; exit 1; }'
    asked = order(use=tampered(tools, tmp_path / "bin", "pg_dump", script))
    with pytest.raises(BackupError, match="pg_dump failed: disk on fire; nothing was changed"):
        make_backup(asked)


def test_too_little_room_stops_before_the_dump(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is asked first; no file is begun."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    asked = order()
    with pytest.raises(BackupError, match=r"MB free.*set backup_dir"):
        make_backup(asked)
    assert list(asked.directory.iterdir()) == []


def test_the_read_check_makes_no_scratch_database(
    order: Order, tools: Tools, tmp_path: Path
) -> None:
    """For the huge: the archive is read to its end, and not restored."""
    script = 'case "$*" in *--dbname*) exit 9;; esac; exec $REAL "$@"'
    backup = make_backup(order("read", tampered(tools, tmp_path / "bin", "pg_restore", script)))
    assert (backup.verified_by, dict(backup.rows)) == ("read", {})


def test_what_a_killed_run_left_is_replaced(order: Order) -> None:
    """A scratch database of before does not stop the next backup."""
    asked = order()
    with psycopg.connect(asked.database.conninfo, autocommit=True) as connection:
        row = connection.execute(
            "select oid from pg_database where datname = current_database()"
        ).fetchone()
        connection.execute(f"create database gonogo_scratch_{row[0] if row else 0}")
    make_backup(asked)
    assert scratch_databases(asked.database.conninfo) == []


def test_progress_is_told_in_bytes_of_tables(order: Order) -> None:
    """The tools' own words are understood: dump and restore each come to a table's bytes."""
    told: list[tuple[str, int, int]] = []
    make_backup(replace(order(), progress=lambda *line: told.append(line)))
    for what in ("dump", "restore"):
        lines = [(done, total) for name, done, total in told if name == what]
        assert lines
        assert all(0 <= done <= total for done, total in lines)
    assert told[0][2] > 0
    assert ("dump", told[0][2], told[0][2]) in told
    assert max(done for name, done, _ in told if name == "restore") > 0


def test_a_backup_takes_no_other_ones_place(tmp_path: Path) -> None:
    """One that is made in the same second gets a number."""
    for name in ("b.dump", "b-2.dump", "b-3.dump"):
        path = backup._free_path(tmp_path, "b")
        assert path.name == name
        path.touch()
