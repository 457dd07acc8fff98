"""A team's own snapshot is the backup: pg_basebackup makes it, pg_verifybackup proves it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gonogo.config.environments import CommandConfig
from gonogo.config.sections import RolloutConfig
from gonogo.errors import UsageError
from gonogo.ledger.ledger import Ledger
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import connect
from gonogo.rollout.deploy import deploy
from gonogo.rollout.rollback import Request, rollback
from gonogo.rollout.rollback_plan import plan_rollback
from gonogo.sandbox.cluster import data_of
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from tests.integration.rollout.procedures.conftest import Team, team_on

REPLICATES = {"wal_level": "replica", "max_wal_senders": "2"}
MAKE = """
label=base_$(date -u +%Y%m%dT%H%M%S)
echo "taking $label" >&2
"{bin}/pg_basebackup" --dbname="{conninfo}" --pgdata="{place}/$label" --checkpoint=fast
echo "{place}/$label"
"""


def commanded(team: Team, **words: tuple[str, ...]) -> None:
    """Have a team's staging run these commands too."""
    section = team.context.section
    more = {name: CommandConfig(run=run) for name, run in words.items()}
    commands = section.commands.model_copy(update=more)
    section = section.model_copy(update={"commands": commands})
    config: RolloutConfig = team.context.config.model_copy(
        update={"environments": {Environment.STAGING: section}}
    )
    team.context = replace(team.context, config=config)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that allows base backups."""
    with EmbeddedServer.start(tmp_path / "server", settings=REPLICATES) as server:
        yield server


@pytest.fixture
def backed_up(
    own_server: EmbeddedServer,
    build_base: Callable[[str], None],
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> Team:
    """A team whose deployment succeeded, with a base backup as its backup."""
    conninfo = Databases(own_server).create("app")
    build_base(conninfo)
    team = team_on(conninfo, own_server.bin_dir, tmp_path, pytestconfig.rootpath)
    bin_dir, place = own_server.bin_dir, tmp_path / "base"
    place.mkdir()
    script = MAKE.format(bin=bin_dir, conninfo=own_server.conninfo(), place=place)
    commanded(
        team,
        make_backup=("sh", "-e", "-c", script),
        prove_backup=(str(bin_dir / "pg_verifybackup"), "{backup}"),
    )
    assert deploy(team.context, team.tell).outcome == "succeeded"
    team.trace()
    return team


def snapshot(team: Team) -> Path:
    """The backup by the name that the ledger has of it."""
    with connect(team.context.database.conninfo) as connection:
        (made,) = Ledger(connection).backups()
    assert (made.verified_by, made.bytes, made.sha256) == ("team", 0, "")
    assert made.tool_version.startswith("sh -e -c")
    return Path(made.path)


@pytest.mark.slow
def test_a_base_backup_is_the_backup_and_takes_the_database_back(
    backed_up: Team, own_server: EmbeddedServer
) -> None:
    """A restore is refused before anything is stopped; the team restores, gonogo does the rest."""
    taken = snapshot(backed_up)
    said = next(
        event.proved for event in backed_up.events if event.step == "backup" and event.proved
    )
    assert said.startswith(f"not proved by gonogo, which did not restore it itself: {taken}, made")
    assert not any(backed_up.context.section.backup_dir.glob("*.dump"))
    for ask in (plan_rollback, rollback):
        with pytest.raises(UsageError, match=f"{taken}, made by the team's own") as refused:
            ask(backed_up.context, backed_up.tell, Request(mode="restore"))
        assert f"restore {taken} as your team does, and then run " in refused.value.remedy
    assert backed_up.trace() == []
    assert backed_up.outcome() == "succeeded"

    with put_back(own_server, taken) as restored:
        database = DatabaseSettings(restored.conninfo("app"), "test")
        backed_up.context = replace(backed_up.context, database=database)
        assert backed_up.outcome() == "running"
        assert backed_up.ask("select to_regclass('sync_metrics') is null")
        result = rollback(backed_up.context, backed_up.tell)
    assert (result.outcome, result.error) == ("succeeded", None)
    assert backed_up.trace() == ["revert_code", "stop_jobs", "stop_app", "start_app", "start_jobs"]


def put_back(server: EmbeddedServer, taken: Path) -> EmbeddedServer:
    """Put a base backup in the place of a server's data, as an administrator does."""
    data = data_of(server.directory)
    server.stop()
    lost = data.rename(data.with_name("lost"))
    shutil.copytree(taken, data)
    subprocess.run(["chown", "-R", f"--reference={lost}", str(data)], check=True)
    data.chmod(0o700)
    return EmbeddedServer.start(server.directory, settings=REPLICATES)


def test_a_revert_is_measured_as_ever(team: Team) -> None:
    """The fingerprint and the row hashes are gonogo's own, whoever makes the backup."""
    commanded(team, make_backup=("echo", "base_1"), prove_backup=("test", "{backup}"))
    assert deploy(team.context, team.tell).outcome == "succeeded"
    result = rollback(team.context, team.tell)
    assert (result.outcome, result.error) == ("succeeded", None)
    assert "schema equal to that before the deployment" in result.steps[-1].proved
    assert "rows of users intact" in result.steps[-1].proved


def test_what_is_not_proved_is_no_backup(team: Team) -> None:
    """The deployment fails before its first change."""
    commanded(team, make_backup=("echo", "base_1"), prove_backup=("test", "{backup}", "=", "base"))
    assert "ended with exit code 1" in str(deploy(team.context, team.tell).error)
    assert team.trace() == []
    counted = (
        "select (select count(*) from gonogo.backup) + (select count(*) from gonogo.migration)"
    )
    assert team.ask(counted) == 0


def test_a_preflight_asks_for_the_commands_and_not_for_room(team: Team) -> None:
    """A script that is not there is a problem; what a dump alone needs is not looked at."""
    commanded(team, make_backup=("./snap.sh",), prove_backup=("/nowhere/snap.sh", "--of={backup}"))
    problems = team.problems()
    assert [one.partition(":")[0] for one in problems] == [
        "./snap.sh cannot be run",
        "/nowhere/snap.sh cannot be run",
    ]
    proved = {event.step: event.proved for event in team.events if event.proved}
    assert proved["superuser"] == "the team's own commands make the backup"
    assert proved["restore"].endswith("`rollback --mode restore` would be refused")
    assert proved["disk"].endswith("can be written; the team's own commands make the backup")
