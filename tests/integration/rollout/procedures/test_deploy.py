"""Deploying: in order, once, resumable, and never without consent."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gonogo.errors import LockHeldError, MigrationError, StepError, UsageError
from gonogo.ledger.deployer import deployer_lock
from gonogo.model.step import StepKind
from gonogo.postgres.session import connect
from gonogo.rollout.deploy import deploy
from gonogo.rollout.runner.site import Consent

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

LEDGER_THERE = "select to_regnamespace('gonogo') is not null"
# The preflight tries it on a copy without rows, where it succeeds.
FAILS_ON_ROWS = "select 1 / (length(email) * 0) from users"
NEW_TABLE = "select to_regclass('sync_metrics') is not null"


def test_a_deployment_does_its_steps_in_order(team: Team) -> None:
    """Code first, then the database, the tests, and the restart; the ledger says succeeded."""
    result = deploy(team.context, team.tell)
    assert result.error is None
    assert (result.outcome, team.outcome()) == ("succeeded", "succeeded")
    assert team.trace() == [
        "checkout",
        "install",
        "build",
        "lint",
        "typecheck",
        "test",
        "stop_jobs",
        "stop_app",
        "start_app",
        "start_jobs",
    ]
    order = [step.name for step in result.steps]
    assert order.index("backup") < order.index("install") < order.index("migrate")
    assert order.index("migrate") < order.index("test") < order.index("stop_jobs")
    assert team.ask(NEW_TABLE) is True


def test_each_step_is_in_the_ledger_with_its_evidence(team: Team) -> None:
    """What was proved can be read where it happened."""
    result = deploy(team.context, team.tell)
    assert team.ask("select count(*) from gonogo.step where outcome = 'running'") == 0
    assert team.ask("select evidence->>'objects' from gonogo.step where name = 'verify_schema'")
    assert team.ask("select verified_by from gonogo.backup") == "restore"
    assert team.ask("select schema_before from gonogo.deployment")
    assert {step.outcome for step in result.steps} == {"succeeded", "skipped"}


def test_a_second_run_changes_nothing_and_says_so(team: Team) -> None:
    """The same revision and migrations are deployed once."""
    deploy(team.context, team.tell)
    before = team.ask("select max(id) from gonogo.step")
    team.trace()
    assert deploy(team.context, team.tell).outcome == "unchanged"
    assert team.trace() == []
    assert team.ask("select max(id) from gonogo.step") == before
    assert team.ask("select count(*) from gonogo.deployment") == 1


def test_another_revision_is_another_deployment(team: Team) -> None:
    """What ran before it comes from the ledger."""
    deploy(team.context, team.tell)
    result = deploy(replace(team.context, revision="newer", previous_revision=""), team.tell)
    assert result.deployment
    assert (result.outcome, result.deployment.previous_revision) == ("succeeded", "new")


@pytest.mark.parametrize("name", ["install", "test", "start_app"])
def test_a_failed_step_stops_and_the_next_run_goes_on(team: Team, name: str) -> None:
    """The same deployment goes on; its backup stands, its migrations are not run again."""
    team.break_command(name)
    failed = deploy(team.context, team.tell)
    assert (failed.outcome, team.outcome()) == ("failed", "failed")
    assert next(step.name for step in failed.steps if step.outcome == "failed") == name
    assert failed.not_done
    assert "hush" not in str(failed.error)
    team.mend_command(name)
    again = deploy(team.context, team.tell)
    assert (again.outcome, again.deployment_id) == ("succeeded", failed.deployment_id)
    assert team.ask("select count(*) from gonogo.backup") == 1
    assert team.ask("select count(*) from gonogo.migration") == 9


def test_a_killed_run_is_taken_up(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption leaves the deployment running; the next run finishes it."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("gonogo.rollout.database_steps.apply_pending", interrupt)
        with pytest.raises(KeyboardInterrupt):
            deploy(team.context, team.tell)
    assert team.outcome() == "running"
    result = deploy(team.context, team.tell)
    assert result.outcome == "succeeded"
    backup = next(step for step in result.steps if step.name == "backup")
    assert (backup.outcome, bool(backup.evidence["sha256"])) == ("succeeded", True)


def test_a_failed_migration_in_staging_stops_for_a_look(team: Team) -> None:
    """File, line and SQLSTATE are shown; what was applied before it stands."""
    team.add_migration(f"select 1;\n\n{FAILS_ON_ROWS};\n")
    result = deploy(team.context, team.tell)
    assert isinstance(result.error, MigrationError)
    assert "047_extra.sql:3" in str(result.error)
    assert "22012" in str(result.error)
    assert result.rollback is None
    assert team.ask(NEW_TABLE) is True
    assert any("gonogo deploy staging" in line for line in result.next_steps)


def test_a_failed_migration_in_production_rolls_back_by_itself(team: Team) -> None:
    """Database and code are what they were; the old version was never stopped."""
    team.add_migration(f"{FAILS_ON_ROWS};\n")
    context = team.production()
    name = str(team.ask("select current_database()"))
    result = deploy(context, team.tell, Consent(name), override_reason="drill")
    assert result.outcome == "failed"
    assert result.rollback is not None
    assert result.rollback.outcome == "succeeded"
    assert "schema equal to that before" in result.rollback.steps[-1].proved
    assert team.ask(NEW_TABLE) is False
    ran = team.trace()
    assert ran[-1] == "revert_code"
    assert not {"stop_jobs", "stop_app", "start_app", "start_jobs"} & set(ran)
    assert team.ask("select outcome from gonogo.deployment") == "rolled_back"


def test_a_schema_that_does_not_verify_in_production_rolls_back_by_itself(team: Team) -> None:
    """Migrations that ran and left something out are rolled back as failed ones are."""
    team.add_migration("drop index idx_sync_metrics_created_at;\n")
    name = str(team.ask("select current_database()"))
    result = deploy(team.production(), team.tell, Consent(name), override_reason="drill")
    assert [step.name for step in result.steps if step.outcome == "failed"] == ["verify_schema"]
    assert result.rollback is not None
    assert result.rollback.outcome == "succeeded"
    assert team.ask("select outcome from gonogo.deployment") == "rolled_back"
    assert result.rollback.reason.startswith("the migrated schema did not verify: verify_schema: ")
    assert team.ask(NEW_TABLE) is False


def test_a_schema_that_does_not_verify_in_staging_stops_for_a_look(team: Team) -> None:
    """What was migrated stands, and the next steps say both ways out."""
    team.add_migration("drop index idx_sync_metrics_created_at;\n")
    result = deploy(team.context, team.tell)
    assert (result.outcome, result.rollback, team.outcome()) == ("failed", None, "failed")
    assert team.ask(NEW_TABLE) is True
    assert any("gonogo rollback" in line for line in result.next_steps)


@pytest.mark.parametrize("typed", [None, "", "another"])
def test_production_asks_for_the_databases_name(team: Team, typed: str | None) -> None:
    """Anything else cancels with nothing done: not even a ledger."""
    with pytest.raises(UsageError, match="nothing was done"):
        deploy(team.production(), team.tell, Consent(typed), override_reason="drill")
    assert team.ask(LEDGER_THERE) is False
    assert team.trace() == []


def test_production_needs_a_reason_until_records_are_signed(team: Team) -> None:
    """Without one nothing is even connected to."""
    name = str(team.ask("select current_database()"))
    with pytest.raises(UsageError, match="--override"):
        deploy(team.production(), team.tell, Consent(name), override_reason=" ")


def test_a_database_of_the_other_environment_is_refused(team: Team) -> None:
    """The ledger knows what this database is."""
    deploy(team.context, team.tell)
    name = str(team.ask("select current_database()"))
    with pytest.raises(UsageError, match="the ledger knows this database as staging"):
        deploy(team.production(), team.tell, Consent(name), override_reason="drill")


def test_one_deployer_at_a_time(team: Team) -> None:
    """The second is refused at once; the message names who is at work."""
    with (
        connect(team.context.database.conninfo) as other,
        deployer_lock(other),
        pytest.raises(LockHeldError, match="another deployer is at work"),
    ):
        deploy(team.context, team.tell)


def test_a_backup_without_a_place_is_found_before_anything_changes(team: Team) -> None:
    """No code is touched, no migration applied."""
    backups = team.context.section.backup_dir
    backups.parent.mkdir(exist_ok=True)
    backups.write_text("a file where the directory should be", encoding="utf-8")
    result = deploy(team.context, team.tell)
    assert result.steps[-1].name == "preflight"
    assert "set backup_dir in rollout.toml" in str(result.error)
    assert team.trace() == []
    assert team.ask(NEW_TABLE) is False


def test_an_application_that_does_not_answer_fails_the_deployment(team: Team) -> None:
    """The wait is bounded, and says what to read; the next run starts the application anew."""
    section = team.context.section.model_copy(update={"health_timeout_s": 0.1})
    config = team.context.config.model_copy(
        update={"without": (), "environments": {team.context.environment: section}}
    )
    result = deploy(replace(team.context, config=config), team.tell)
    assert isinstance(result.error, StepError)
    assert result.error.step == "wait_healthy"
    assert "connection refused" in str(result.error)
    team.trace()
    deploy(replace(team.context, config=config), team.tell)
    restart = ["stop_jobs", "stop_app", "start_app", "start_jobs"]
    assert team.trace() == restart


def test_without_a_survey_of_the_schema_its_verification_is_skipped(team: Team) -> None:
    """Nothing says what must be there, and the record says that nobody looked."""
    (team.root / "checks" / "sql" / "schema_objects.sql").unlink()
    result = deploy(team.context, team.tell)
    assert result.outcome == "succeeded"
    (step,) = (step for step in result.steps if step.name == "verify_schema")
    assert step.outcome == "skipped"


def test_the_log_holds_every_step_and_no_secret(team: Team) -> None:
    """The commands of this team print a secret each time."""
    result = deploy(team.context, team.tell)
    text = result.log.read_text(encoding="utf-8")
    assert all(f'"step": "{step.name}"' in text for step in result.steps)
    assert "<GOOGLE_CLIENT_SECRET>" in text
    assert "hush" not in text


def test_an_error_before_the_first_step_names_the_log(team: Team) -> None:
    """Where to look is part of the message."""
    environ = {**team.context.environ, "GOOGLE_CLIENT_ID": ""}
    with pytest.raises(UsageError, match="GOOGLE_CLIENT_ID is not set") as caught:
        deploy(replace(team.context, environ=environ), team.tell)
    assert caught.value.__notes__[0].startswith("log: ")


def test_administrators_are_promoted_once(team: Team) -> None:
    """The three columns are set, the audit log is written, and an unknown address is refused."""
    email = str(team.ask("select email from users order by email limit 1"))
    for admins, outcome in (((email.upper(),), "succeeded"), (("no@example.com",), "failed")):
        config = team.context.config.model_copy(update={"admins": admins})
        context = replace(team.context, config=config, revision=admins[0])
        assert deploy(context, team.tell).outcome == outcome
    assert team.ask("select count(*) from audit_logs where action = 'admin_promoted'") == 1
    assert team.ask("select admin_promoted_by is not null from users where is_admin")


def test_events_tell_beginning_and_end_of_each_step(team: Team) -> None:
    """Whoever renders them needs no other source."""
    result = deploy(team.context, team.tell)
    ends = {StepKind.FINISHED, StepKind.SKIPPED}
    names = [step.name for step in result.steps]
    assert [one.step for one in team.events if one.kind is StepKind.STARTED] == names
    assert [one.step for one in team.events if one.kind in ends] == names


def test_what_cannot_be_reverted_is_said_before_anything_runs(team: Team) -> None:
    """An application's own flat file: recognised by name, then applied like any other."""
    (team.root / "migrations" / "047_flat.sql").write_text("create table flat (id integer);\n")
    result = deploy(team.context, team.tell)
    assert result.outcome == "succeeded"
    told = [event.title for event in team.events if event.kind is StepKind.NOTE]
    note = next(line for line in told if line.startswith("cannot be reverted: 047_flat.sql"))
    assert told.index(note) < next(place for place, line in enumerate(told) if "applied" in line)


@pytest.mark.slow
def test_production_does_not_roll_back_into_a_dead_end(team: Team) -> None:
    """No revert, no rollback by itself: the application stays up, and what is left is said."""
    (team.root / "migrations" / "047_flat.sql").write_text("create table flat (id integer);\n")
    (team.root / "migrations" / "048_wrong.sql").write_text(f"{FAILS_ON_ROWS};\n")
    name = str(team.ask("select current_database()"))
    context = team.production()
    result = deploy(context, team.tell, Consent(name), override_reason="drill")
    assert (result.outcome, result.rollback) == ("failed", None)
    assert "stop_app" not in team.trace()
    assert "047_flat.sql cannot be reverted, so only the backup is left" in result.next_steps[-1]
    assert "--mode restore" in result.next_steps[-1]


@pytest.mark.slow
def test_an_applications_own_directory_is_looked_at_from_a_version_on(team: Team) -> None:
    """What lies before it is in place already, whoever made it, and is not read."""
    own = team.app / "database"
    shutil.copytree(team.root / "migrations", own)
    for revert in own.glob("*.revert.sql"):
        revert.unlink()
    (own / "001_users.sql").write_text("create table users (id integer);\n")
    (own / "002_contacts.sql").write_text("begin; this would be refused\n")
    config = team.context.config.model_copy(
        update={"migrations_dir": own, "migrations_from": "038"}
    )
    result = deploy(replace(team.context, config=config), team.tell)
    assert result.error is None
    assert team.ask("select count(*) from gonogo.migration") == 9
