"""Restoring: the backup in a database's place, nothing lost unseen, and a stop is no dead end."""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gonogo.errors import DatabaseError, GonogoError, LockHeldError, UsageError
from gonogo.model.step import StepEvent, StepKind
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import connect
from gonogo.postgres.tools import PROGRAMS
from gonogo.rollout.deploy import deploy
from gonogo.rollout.restore import swap
from gonogo.rollout.rollback import Request, rollback
from gonogo.rollout.rollback_plan import plan_rollback
from gonogo.rollout.standing import read_standing

if TYPE_CHECKING:
    from gonogo.rollout.runner.result import RollbackResult
    from tests.integration.rollout.procedures.conftest import Team

NEW_TABLE = "select to_regclass('sync_metrics') is not null"
JOB_RUN = "insert into gonogo.job_run (job_name, started_at, succeeded) values ('x', now(), true)"
SIGN_UP = "insert into users (email) values ('new@example.com')"
SIGNED_UP = "select count(*) from users where email = 'new@example.com'"
LEDGER = """
select jsonb_object_agg(name, seen) from (
    select 'job_run', to_jsonb(array_agg(t order by id)) from gonogo.job_run as t union all
    select 'incident', to_jsonb(array_agg(t order by id)) from gonogo.incident as t union all
    select 'backup', to_jsonb(array_agg(t order by id)) from gonogo.backup as t union all
    select 'step', to_jsonb(array_agg(t order by id)) from gonogo.step as t
        where procedure = 'deploy'
) as ledger (name, seen)"""
RESTORE = Request("restore", "damaged rows")
STEPS = (
    "check_backup",
    "new_database",
    "restore_backup",
    "verify_restored",
    "compare",
    "revert_code",
    "stop_jobs",
    "stop_app",
    "close",
    "carry_rows",
    "carry_ledger",
    "swap",
    "move_in",
    "start_app",
    "prove",
)


@pytest.fixture
def deployed(deployed_copy: Team) -> Iterator[Team]:
    """A team whose deployment succeeded, and a user since; what a restore made goes again."""
    deployed_copy.ask(SIGN_UP)
    deployed_copy.ask(JOB_RUN)
    yield deployed_copy
    swap.reopen_cut_short(deployed_copy.context.database)
    for name in deployed_copy.relatives():
        deployed_copy.drop(name)


def until(
    team: Team, step: str, kind: StepKind = StepKind.STARTED, asked: Request = RESTORE
) -> None:
    """Roll back by restore in a process that is killed when a step begins, or prints a line."""

    def tell(event: StepEvent) -> None:
        if event.step == step and event.kind is kind:
            os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        # Threads of the test's own runner have no part in what the child does.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            rollback(team.context, tell, asked)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{step} was never begun"


def after_a_kill(team: Team, request: Request | None = None) -> RollbackResult:
    """Roll back once the server has noticed that the killed one is gone, and its locks with it."""
    return Retrying(
        retry=retry_if_exception_type(LockHeldError),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(60),
        reraise=True,
    )(rollback, team.context, team.tell, request)


def test_a_restore_puts_the_backup_in_the_databases_place(deployed: Team) -> None:
    """Schema equal, old code, every row since carried over, the old database kept with the rest."""
    deployed.ask("update users set is_admin = true")
    before = deployed.ask(LEDGER)
    result = rollback(deployed.context, deployed.tell, RESTORE)
    assert (result.outcome, result.error) == ("succeeded", None)
    assert deployed.trace() == ["revert_code", "stop_jobs", "stop_app", "start_app", "start_jobs"]
    assert "schema equal to that before the deployment" in result.steps[-1].proved
    rows = result.steps[-1].evidence["rows"]
    assert rows == {"users": {"unchanged": 60, "changed": 0, "deleted": 0, "added": 1}}
    assert (deployed.ask(SIGNED_UP), deployed.ask(NEW_TABLE)) == (1, False)
    assert deployed.ask(LEDGER) == before
    assert deployed.ask("select rollback_mode from gonogo.deployment") == "restore"
    assert deployed.ask("select count(*) from gonogo.migration where reverted_at is null") == 0
    (kept,) = deployed.relatives()
    old = replace(deployed.context, database=deployed.context.database.with_database(kept))
    assert replace(deployed, context=old).ask("select count(*) from users where is_admin") == 61
    deployed.ask(JOB_RUN)
    assert deploy(deployed.context, deployed.tell).outcome == "succeeded"


def test_what_becomes_of_the_rows_is_shown_before_anything_is_done(deployed: Team) -> None:
    """Counted by table; when nobody agrees, no new database is left, and nothing was stopped."""
    deployed.ask("create table loose as select 1 as i")
    deployed.ask(
        "insert into sync_metrics (user_id, integration_type, sync_type, result)"
        " select id, 'google_calendar', 'initial', 'success' from users"
    )
    seen: list[str] = []

    def refuse(lines: Sequence[str]) -> str:
        assert len(deployed.relatives()) == 1
        seen.extend(lines)
        raise GonogoError("cancelled; nothing was done")

    with pytest.raises(GonogoError, match="cancelled"):
        rollback(deployed.context, deployed.tell, replace(RESTORE, agree=refuse))
    assert seen[:2] == [
        "1 rows written since the backup, 1 carried over",
        "  since the backup  public.users: 1 inserted",
    ]
    assert any(line.startswith("not in the backup, only in the database") for line in seen)
    assert "  public.sync_metrics: 61 rows" in seen
    assert any("public.users.is_admin" in line for line in seen)
    assert any("public.loose: 1 rows" in line for line in seen)
    assert (deployed.relatives(), deployed.trace()) == ([], [])
    assert deployed.outcome() == "succeeded"
    with connect(deployed.context.database.conninfo) as connection:
        standing = read_standing(connection)
    assert standing.latest
    assert standing.state(standing.latest) == "succeeded"


def test_another_name_than_the_databases_is_no_consent(deployed: Team) -> None:
    """Whoever agrees must name it, in staging too."""
    with pytest.raises(UsageError, match="nothing was done"):
        rollback(deployed.context, deployed.tell, replace(RESTORE, agree=lambda _: "other"))
    assert (deployed.relatives(), deployed.trace()) == ([], [])


@pytest.mark.slow
def test_damage_is_undone_and_what_users_added_is_kept(deployed: Team) -> None:
    """Rows of a table that is named stand as in the backup; new ones are carried over."""
    deployed.ask("update users set name = 'damage'")
    deployed.ask("delete from users where id = (select id from users order by id limit 1)")
    asked = replace(RESTORE, damaged=("users",))
    assert rollback(deployed.context, deployed.tell, asked).outcome == "succeeded"
    assert deployed.ask("select count(*) from users where name = 'damage'") == 1
    assert deployed.ask("select count(*) from users") == 61


def test_a_table_that_is_not_there_cannot_be_damaged(deployed: Team) -> None:
    """A misspelt name is one line, printed before the backup is loaded, and nothing is done."""
    misspelt = replace(RESTORE, damaged=("user",))
    for told in (rollback, plan_rollback):
        deployed.events.clear()
        with pytest.raises(UsageError, match=r"no table public\.user; nothing was done"):
            told(deployed.context, deployed.tell, misspelt)
        assert "restore_backup" not in {event.step for event in deployed.events}
    assert deployed.relatives() == []


def test_of_a_backup_that_nobody_counted_the_tables_are_known_once_it_is_loaded(
    deployed: Team,
) -> None:
    """A misspelt name is refused all the same."""
    deployed.ask("update gonogo.step set evidence = evidence - 'rows' where name = 'backup'")
    with pytest.raises(UsageError, match=r"no table public\.user; nothing was done"):
        rollback(deployed.context, deployed.tell, replace(RESTORE, damaged=("user",)))
    assert deployed.relatives() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "kind"),
    [(step, StepKind.STARTED) for step in STEPS] + [("swap", StepKind.NOTE)],
)
def test_a_restore_that_was_killed_goes_on(deployed: Team, step: str, kind: StepKind) -> None:
    """Killed between any two steps, or right after the swap: run again, it comes to its end."""
    until(deployed, step, kind)
    result = after_a_kill(deployed, RESTORE)
    assert (result.outcome, result.error) == ("succeeded", None)
    assert "schema equal to that before the deployment" in result.steps[-1].proved
    assert (deployed.ask(SIGNED_UP), deployed.outcome()) == (1, "rolled_back")
    assert deployed.ask("select count(*) from gonogo.deployment") == 1
    assert [name for name in deployed.relatives() if "rolled_back" not in name] == []
    assert len(deployed.relatives()) == 1


def test_a_restore_that_is_taken_up_forgets_nothing_it_was_asked(deployed: Team) -> None:
    """Killed in the swap and run again as the terminal says: the same damage, the same reason."""
    deployed.ask("update users set name = 'damage'")
    until(deployed, "swap", asked=replace(RESTORE, damaged=("users",)))
    result = rollback(deployed.context, deployed.tell, Request("restore"))
    assert (result.outcome, result.reason) == ("succeeded", RESTORE.reason)
    assert deployed.ask("select count(*) from users where name = 'damage'") == 1
    assert deployed.ask("select rollback_reason from gonogo.deployment") == RESTORE.reason


def test_damage_that_nobody_agreed_to_is_forgotten(deployed: Team) -> None:
    """A restore that was cancelled decides nothing for the next one."""
    deployed.ask("update users set name = 'changed'")
    asked = replace(RESTORE, damaged=("users",), agree=lambda _: "another")
    with pytest.raises(UsageError):
        rollback(deployed.context, deployed.tell, asked)
    assert rollback(deployed.context, deployed.tell, RESTORE).outcome == "succeeded"
    assert deployed.ask("select count(*) from users where name = 'changed'") == 61


@pytest.mark.slow
def test_a_closed_database_says_so_and_a_revert_opens_it_too(deployed: Team) -> None:
    """A restore killed while the database was closed leaves it closed, and no way lost."""
    until(deployed, "carry_rows")
    settings = deployed.context.database
    with pytest.raises(DatabaseError, match="not currently accepting connections"):
        connect(settings.conninfo)
    assert swap.closed_by_restore(settings)
    assert after_a_kill(deployed).outcome == "succeeded"
    assert deployed.ask(SIGNED_UP) == 1
    assert deployed.relatives() == []


@pytest.mark.slow
def test_a_failing_step_leaves_the_database_open(deployed: Team) -> None:
    """What stops the restore is reported; the application's database can be reached as before."""
    deployed.break_command("stop_app")
    assert rollback(deployed.context, deployed.tell, RESTORE).outcome == "failed"
    deployed.mend_command("stop_app")
    deployed.break_command("start_app")
    stopped = rollback(deployed.context, deployed.tell, RESTORE)
    failed = next(step.name for step in stopped.steps if step.outcome == "failed")
    assert (stopped.outcome, failed) == ("failed", "start_app")
    assert stopped.not_done[-1] == "Prove that the database is what it was"
    deployed.mend_command("start_app")
    deployed.trace()
    again = rollback(deployed.context, deployed.tell)
    assert (again.outcome, again.mode, deployed.outcome()) == (
        "succeeded",
        "restore",
        "rolled_back",
    )
    assert len(deployed.relatives()) == 1


@pytest.mark.parametrize("fault", ["gone", "changed"])
def test_a_backup_that_is_not_what_it_was_is_refused(deployed: Team, fault: str) -> None:
    """Its hash is computed again; nothing is stopped, nothing is changed."""
    file = Path(str(deployed.ask("select path from gonogo.backup")))
    content = file.read_bytes()
    file.unlink()
    if fault == "changed":
        file.write_bytes(content[:-1] + b"x")
    result = rollback(deployed.context, deployed.tell, RESTORE)
    file.write_bytes(content)
    assert result.outcome == "failed"
    assert {"gone": "not on this machine", "changed": "has changed"}[fault] in str(result.error)
    assert (deployed.trace(), deployed.outcome(), deployed.relatives()) == ([], "succeeded", [])


@pytest.mark.slow
def test_a_role_that_may_not_is_refused_with_every_reason(deployed: Team) -> None:
    """No right to create databases, none to the database: one line names them all."""
    role = f"weak_{deployed.ask('select current_database()')}"
    deployed.ask(f"create role {role} login")
    try:
        deployed.ask(f"grant all on schema gonogo to {role}")
        deployed.ask(f"grant all on all tables in schema gonogo, public to {role}")
        conninfo = make_conninfo(deployed.context.database.conninfo, user=role)
        weak = replace(deployed.context, database=DatabaseSettings(conninfo, "test"))
        result = rollback(weak, deployed.tell, RESTORE)
        told = str(result.error)
        assert "may not create databases" in told
        assert "does not own the database" in told
        assert "does not own gonogo.archive_head, gonogo.backup, gonogo.deployment" in told
        assert "nothing was changed" in told
    finally:
        deployed.ask(f"drop owned by {role}")
        deployed.ask(f"drop role {role}")


def test_a_server_without_room_is_refused_before_anything(
    deployed: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second database of that size must fit, where the disk can be asked."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    result = rollback(deployed.context, deployed.tell, RESTORE)
    assert "MB free, a second database needs" in str(result.error)
    assert (deployed.relatives(), deployed.trace()) == ([], [])


@pytest.mark.slow
def test_a_backup_that_does_not_load_leaves_nothing_behind(deployed: Team, tmp_path: Path) -> None:
    """The tool's message is shown; the half-made database is gone, so its room is free again."""
    real = deployed.context.bin_dir
    assert real
    for name in PROGRAMS:
        (tmp_path / name).symlink_to(real / name)
    (tmp_path / "pg_restore").unlink()
    (tmp_path / "pg_restore").write_text(
        '#!/bin/sh\necho "pg_restore: error: No space left on device" >&2\nexit 1\n'
    )
    (tmp_path / "pg_restore").chmod(0o755)
    full = replace(deployed.context, bin_dir=tmp_path)
    result = rollback(full, deployed.tell, RESTORE)
    assert "pg_restore failed: No space left on device; nothing was changed" in str(result.error)
    assert (deployed.relatives(), deployed.trace()) == ([], [])
    assert deployed.outcome() == "succeeded"


def test_two_restores_of_one_database_do_not_meet(deployed: Team) -> None:
    """The second is refused: the deployer's lock alone would go with the swap."""
    settings = deployed.context.database
    name = swap.database_name(settings)
    with (
        swap.connect_beside(settings, name) as server,
        swap.restore_lock(server, name),
        pytest.raises(LockHeldError, match=f"another restore of {name} is at work"),
    ):
        rollback(deployed.context, deployed.tell, RESTORE)


def test_a_plan_tells_what_would_happen_and_changes_nothing(deployed: Team) -> None:
    """Steps with their commands, the rows since; neither ledger nor server is other than before."""
    steps = deployed.ask("select count(*) from gonogo.step")
    lines = plan_rollback(deployed.context, deployed.tell, RESTORE)
    assert lines[0].startswith(" 1. Bring the code back: sh -c ")
    assert any("Put the new database in its place" in line for line in lines)
    assert "  since the backup  public.users: 1 inserted" in lines
    assert deployed.ask("select count(*) from gonogo.step") == steps
    assert (deployed.relatives(), deployed.trace()) == ([], [])


@pytest.mark.slow
def test_an_owner_that_is_no_superuser_can_restore(team: Team) -> None:
    """CREATEDB and ownership are enough; other roles' sessions need pg_signal_backend."""
    name = str(team.ask("select current_database()"))
    role = f"owner_{name[-8:]}"
    team.ask(f"create role {role} login createdb")
    team.ask(f"alter database {name} owner to {role}")
    team.ask(f"alter database {name} set work_mem to '7MB'")
    team.ask(f"grant connect on database {name} to {role}")
    team.ask(
        "do $$ declare one regclass; begin for one in select oid from pg_class where"
        " relnamespace = 'public'::regnamespace and relkind in ('r', 'v') loop"
        f" execute format('alter table %s owner to {role}', one); end loop; end $$"
    )
    conninfo = make_conninfo(team.context.database.conninfo, user=role)
    owner = replace(team.context, database=DatabaseSettings(conninfo, "test"))
    looks = (
        "select to_jsonb(d) - 'oid' - 'datfrozenxid' - 'datminmxid' - 'datacl' || jsonb_build_array"
        "((select array_agg(a::text order by a::text) from unnest(d.datacl) as a))"
        " from pg_database as d"
    )
    mine = f"{looks} where datname = current_database()"
    before = team.ask(mine)
    try:
        assert deploy(owner, team.tell).error is None
        team.ask(SIGN_UP)
        with connect(team.context.database.conninfo, "another"):
            refused = rollback(owner, team.tell, RESTORE)
            assert "may not end the sessions of other roles" in str(refused.error)
        result = rollback(owner, team.tell, RESTORE)
        assert result.error is None
        assert team.ask(SIGNED_UP) == 1
        assert team.ask(mine) == before
        query = "select setconfig[1] from pg_db_role_setting as s join pg_database as d on"
        assert team.ask(f"{query} d.oid = setdatabase where datname = '{name}'") == "work_mem=7MB"
    finally:
        for relative in team.relatives():
            team.drop(relative)
        team.ask(f"alter database {name} owner to postgres")
        team.ask(f"reassign owned by {role} to postgres; drop owned by {role}; drop role {role}")


@pytest.mark.slow
@pytest.mark.postgres15
def test_postgres15_is_restored_as_18_is(team15: Team) -> None:
    """The catalogue has other columns there, and the tools other words."""
    team15.ask('alter database app set search_path to "$user", public')
    assert deploy(team15.context, team15.tell).error is None
    team15.ask(SIGN_UP)
    result = rollback(team15.context, team15.tell, RESTORE)
    assert result.error is None
    assert (team15.ask(SIGNED_UP), len(team15.relatives())) == (1, 1)
    assert (
        team15.ask("select setconfig[1] from pg_db_role_setting") == 'search_path="$user", public'
    )
