"""A server whose disk is full: what can be read is judged; what cannot be written is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from desk import Desk, make_desk
from gate_process import live_through, make_checkout, run_gate
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from small_disk import SmallDisk, mounted

Build = Callable[[str], None]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
SIZE_KB = 200 * 1024
LEAN = {"max_wal_size": "32MB", "min_wal_size": "32MB", "shared_buffers": "16MB"}
NO_ROOM = "No space left on device"
# Three million rows, which a query's memory cannot sort.
SPILLING = """
select 'valid' as status, null as integration, count(*) as n
from (select i from generate_series(1, 3000000) as i order by i desc offset 1) as sorted"""
COMPLETED = "select count(*) from gonogo.migration where completed_at is not null"

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Tight:
    """A server on a small disk.

    Args:
        disk: Which.
        databases: Its databases.
    """

    disk: SmallDisk
    databases: Databases


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tight]:
    """A server whose disk a test may fill."""
    place = tmp_path_factory.mktemp("tight")
    with (
        mounted(place, SIZE_KB) as disk,
        EmbeddedServer.start(place / "server", settings=LEAN) as server,
    ):
        yield Tight(disk, Databases(server))


@pytest.fixture
def fresh(tight: Tight, build_base: Build, tmp_path: Path) -> Iterator[Desk]:
    """A desk before the rollout, whose database lies there."""
    conninfo = tight.databases.create("fresh")
    build_base(conninfo)
    yield make_desk(tmp_path / "desk", conninfo)
    surroundings.stop_everything(tmp_path / "desk")
    tight.disk.clear()
    tight.databases.drop("fresh")


def test_what_can_be_read_is_judged_as_ever(
    tight: Tight, build_base: Build, build_migrated: Build, tmp_path: Path
) -> None:
    """Without the room for a shared snapshot one session does it all; what needs room is open."""
    past = tight.databases.create("past")
    for build in (build_base, build_migrated, live_through):
        build(past)
    checkout = make_checkout(tmp_path / "project")
    with tight.disk.filled():
        with psycopg.connect(past) as connection, pytest.raises(errors.DiskFull):
            connection.execute("select pg_export_snapshot()")
        told = run_gate(checkout, past, *STAGING)
        (checkout / "checks" / "sql" / "token_states.sql").write_text(SPILLING, "utf-8")
        spilled = run_gate(checkout, past, *STAGING)
    assert told.code == 0, told.output
    assert spilled.code == 10, spilled.output
    assert spilled.document["state"] == "complete"
    for reason in spilled.reasons:
        assert "no data: token_states.sql: could not write to file" in reason
        assert NO_ROOM in reason
    assert "Traceback" not in told.output + spilled.output
    tight.databases.drop("past")


def test_a_deployment_that_finds_no_room_changes_nothing(tight: Tight, fresh: Desk) -> None:
    """One line that says so; with room again it goes through."""
    with tight.disk.filled():
        told = fresh.deploy()
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert NO_ROOM in line
    assert "Check free disk space" in line
    assert fresh.ask("select to_regnamespace('gonogo')") is None
    told = fresh.deploy()
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_disk_that_fills_before_the_migrations_stops_the_deployment(
    tight: Tight, fresh: Desk
) -> None:
    """No half migration, one line, a record of it; what was done is not done again."""
    file = fresh.root / "rollout.toml"
    script = f"test -e spent || dd if=/dev/zero of={tight.disk.ballast} bs=64k; touch spent"
    text = file.read_text("utf-8")
    command = f'typecheck = {{ run = ["sh", "-c", "{script}"'
    file.write_text(
        re.sub(r"^typecheck = \{ run = [^]]*", command, text, flags=re.MULTILINE), "utf-8"
    )
    told = fresh.deploy()
    assert told.returncode == 1, told.stdout + told.stderr
    (line,) = told.stderr.splitlines()
    assert NO_ROOM in line
    assert "Traceback" not in told.stdout
    assert fresh.labels()[-1] == "DEPLOY-FAILED"
    assert fresh.ask(COMPLETED) == 0
    tight.disk.clear()
    told = fresh.deploy()
    assert told.returncode == 0, told.stdout + told.stderr
    assert fresh.ask(COMPLETED) == 9
