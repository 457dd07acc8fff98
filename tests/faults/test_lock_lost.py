"""A deployer whose lock is lost while it works: it ends before its next step, and can go on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from desk import Desk
from forked import Forked
from waiting import until

END_LOCK = """
select count(pg_terminate_backend(pid)) from pg_locks
where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())"""
LOST = (
    "gonogo: the deployer's lock was lost: its connection to the database was ended, so nothing"
    " further was done; run the same again: it goes on from here"
)


def ended_within(
    desk: Desk, command: str, words: tuple[str, ...]
) -> Forked | subprocess.Popen[str]:
    """Start a session, end its lock's connection within a command, and let that end well."""
    hold = desk.root / "hold" / command
    hold.touch()
    pids = Path(f"{hold}.pids")
    deployer = desk.start(*words)
    until(lambda: pids.exists() or deployer.poll() is not None)
    assert desk.ask(END_LOCK) == 1
    hold.unlink()
    _, sleeping = pids.read_text("ascii").split()
    os.kill(int(sleeping), signal.SIGTERM)
    return deployer


@pytest.mark.slow
def test_a_deployment_ends_before_the_next_step_and_goes_on_when_run_again(desk: Desk) -> None:
    """The step under way ended well, nothing was migrated, and another run does the rest."""
    words = (*desk.deployment, "--backup-check", "read")
    deployer = ended_within(desk, "install", words)
    out, error = deployer.communicate()
    assert deployer.returncode == 1, out + error
    assert error.splitlines()[0].startswith(LOST)
    assert desk.ask("select outcome from gonogo.step where name = 'install'") == "succeeded"
    assert desk.ask("select outcome from gonogo.step where name = 'build'") == "failed"
    assert desk.ask("select count(*) from gonogo.migration") == 0
    assert "  1  failed " in desk.run("status").stdout
    told = desk.run(*words)
    assert told.returncode == 0, told.stdout + told.stderr
    assert desk.ask("select count(*) from gonogo.migration") == 9


@pytest.mark.slow
def test_a_rollback_ends_before_the_next_step_and_goes_on_when_run_again(deployed: Desk) -> None:
    """Nothing was reverted without the lock, and another run does the rest."""
    words = ("rollback", "--yes-roll-back", deployed.database, "--reason", "a drill")
    deployer = ended_within(deployed, "stop_app", words)
    out, error = deployer.communicate()
    assert deployer.returncode == 1, out + error
    assert error.splitlines()[0].startswith(LOST)
    assert deployed.ask("select count(*) from gonogo.migration where reverted_at is null") == 9
    told = deployed.run(*words)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "schema equal to that before the deployment" in told.stdout
