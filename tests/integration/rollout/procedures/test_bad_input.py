"""What a deployment is given may be bad: one clear line, the database as before, a true ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gonogo.config.environments import CommandConfig
from gonogo.errors import DatabaseError, GonogoError
from gonogo.postgres import tools
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import PROGRAMS
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.deploy import deploy
from gonogo.rollout.runner.context import RolloutContext
from gonogo.sandbox.server import EmbeddedServer

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

ROWS = "select count(*) || ' ' || md5(string_agg(u::text, '' order by id)) from users as u"
RUNNING = "select count(*) from gonogo.step where outcome = 'running'"
FAILED = "select name from gonogo.step where outcome = 'failed'"
SCRATCH = """
select count(*) from pg_database
where datname in (select 'gonogo_scratch_' || oid from pg_database
    where datname = current_database())"""
WRONG = "hush-wrong"
Spoil = Callable[["Team"], RolloutContext]


def tampered(team: Team, program: str, script: str) -> RolloutContext:
    """With one of PostgreSQL's tools replaced by a script; ``$REAL`` is the genuine one."""
    genuine = team.context.bin_dir
    assert genuine
    directory = team.root / "tools"
    directory.mkdir()
    for name in PROGRAMS:
        (directory / name).symlink_to(genuine / name)
    (directory / program).unlink()
    file = directory / program
    asked = f'case "$*" in *--version*|*nonexistent*) exec {genuine / program} "$@" ;; esac'
    file.write_text(f"#!/bin/bash\nREAL={genuine / program}\n{asked}\n{script}\n")
    file.chmod(0o755)
    return replace(team.context, bin_dir=directory)


def with_command(team: Team, name: str, *words: str, timeout_s: float = 60) -> RolloutContext:
    """With another command in a command's place."""
    section = team.context.section
    command = CommandConfig(run=words, timeout_s=timeout_s)
    commands = section.commands.model_copy(update={name: command})
    changed = section.model_copy(update={"commands": commands})
    environments = {team.context.environment: changed}
    config = team.context.config.model_copy(update={"environments": environments})
    return replace(team.context, config=config)


def cut_short(team: Team) -> RolloutContext:
    """A dump of which only the first half reaches the disk, and nobody says so."""
    cut = 'for word; do case $word in --file=*) file=${word#--file=} ;; esac; done\n"$REAL" "$@"\n'
    cut += "code=$?; truncate --size=$(($(stat --format=%s $file) / 2)) $file; exit $code"
    return tampered(team, "pg_dump", cut)


def full_disk(team: Team) -> RolloutContext:
    """A quota that ends in the middle of the dump."""
    return tampered(team, "pg_dump", 'ulimit -f 4; trap "" XFSZ; exec "$REAL" "$@"')


def hung(team: Team) -> RolloutContext:
    """A command that never ends, and its child neither."""
    return with_command(team, "build", "sh", "-c", "sleep 600 & wait", timeout_s=0.3)


def gone(team: Team) -> RolloutContext:
    """A program that nobody installed."""
    return with_command(team, "install", "no-such-program-here")


def changed(team: Team) -> RolloutContext:
    """A migration that is edited after it was applied."""
    assert deploy(team.context, team.tell).error is None
    file = team.root / "migrations" / "041_create_sync_schedule_table.sql"
    file.write_text(file.read_text(encoding="utf-8") + "\nselect 1;\n", encoding="utf-8")
    return replace(team.context, revision="newer")


def duplicated(team: Team) -> RolloutContext:
    """Two files of one version."""
    (team.root / "migrations" / "046_again.sql").write_text("select 1;\n", encoding="utf-8")
    return team.context


def half_written(team: Team) -> RolloutContext:
    """A migration whose middle fails on the rows that are there."""
    fails = "select 1 / (length(email) * 0) from users;"
    sql = f"create table half (id integer);\n\n{fails}\n\ncreate table other (id integer);\n"
    team.add_migration(sql)
    return team.context


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad input.

    Args:
        spoil: Brings it about.
        said: What the line says.
        step: Which step says it; empty when none was begun.
    """

    spoil: Spoil
    said: str
    step: str = ""


CASES = {
    "a backup cut short": Bad(cut_short, "pg_restore failed", "backup"),
    "a full disk": Bad(full_disk, "pg_dump failed", "backup"),
    "a command that hangs": Bad(hung, "was ended after 0.3 s", "build"),
    "a program that is not there": Bad(gone, "no-such-program-here is not installed", "preflight"),
    "a file that changed": Bad(changed, "041_create_sync_schedule_table.sql changed", "preflight"),
    "two files of one version": Bad(duplicated, "has the version of"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_line_and_the_database_is_as_before(team: Team, name: str) -> None:
    """Nothing of the schema or the rows is touched, and the ledger says which step failed."""
    bad = CASES[name]
    context = bad.spoil(team)
    fingerprint, rows = _state(team)
    line = _refused(context, team, bad)
    assert bad.said in line
    assert "\n" not in line
    assert "hush" not in line
    assert _state(team) == (fingerprint, rows)
    assert team.ask(SCRATCH) == 0
    assert team.ask(RUNNING) == 0
    if bad.step:
        assert team.ask(FAILED) == bad.step
        assert team.outcome() == "failed"
    partial = list(context.section.backup_dir.glob("*.dump"))
    assert len(partial) == (0 if bad.step in {"backup", "preflight", ""} else 1) + (
        1 if name == "a file that changed" else 0
    )


@pytest.mark.slow
def test_a_migration_that_breaks_in_its_middle_leaves_nothing_of_itself(team: Team) -> None:
    """Those before it stand in staging; the line names file, line and SQLSTATE."""
    result = deploy(half_written(team), team.tell)
    assert "047_extra.sql:3: division by zero" in str(result.error)
    assert "[SQLSTATE 22012]" in str(result.error)
    assert team.ask("select to_regclass('half')") is None
    assert team.ask("select count(*) from gonogo.migration") == 9
    assert team.ask("select sqlstate from gonogo.migration_attempt where outcome = 'failed'")
    assert (team.ask(FAILED), team.outcome()) == ("migrate", "failed")


@pytest.mark.postgres15
def test_older_tools_are_refused_before_anything_is_changed(
    team: Team, postgres15: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL 15's pg_dump cannot dump a server of version 18: nothing is begun with it."""
    monkeypatch.setattr(tools, "_candidates", lambda *_: iter([postgres15]))
    fingerprint, rows = _state(team)
    result = deploy(replace(team.context, bin_dir=None), team.tell)
    line = str(result.error)
    assert "the server is PostgreSQL 18, and its pg_dump, pg_restore and psql are not here" in line
    assert "found 15." in line
    assert "install postgresql-client-18" in line
    assert _state(team) == (fingerprint, rows)
    assert team.outcome() == "failed"


@pytest.mark.slow
def test_a_wrong_password_is_one_line_without_it(team: Team, tmp_path: Path) -> None:
    """PostgreSQL's own words, what to check, and no ledger."""
    server = EmbeddedServer.start(tmp_path / ("too-long-for-a-socket" * 5))
    try:
        wrong = make_conninfo(server.conninfo(), password=WRONG, passfile="/nowhere")
        context = replace(team.context, database=DatabaseSettings(wrong, "test"))
        with pytest.raises(DatabaseError, match="password authentication failed") as caught:
            deploy(context, team.tell)
        with psycopg.connect(server.conninfo()) as link:
            assert link.execute("select to_regnamespace('gonogo')").fetchone() == (None,)
    finally:
        server.stop()
    assert "hush" not in str(caught.value)
    assert "check that it runs" in str(caught.value)


def _state(team: Team) -> tuple[str, object]:
    bin_dir = team.context.bin_dir
    assert bin_dir
    return schema_fingerprint(bin_dir, team.context.database.conninfo), team.ask(ROWS)


def _refused(context: RolloutContext, team: Team, bad: Bad) -> str:
    """The line that a refused deployment ends with."""
    try:
        result = deploy(context, team.tell)
    except GonogoError as error:
        assert not bad.step
        return str(error)
    assert result.error
    assert result.error.exit_code
    return str(result.error)
