"""Migrations in the application's repository are those of the revision, not the worktree's."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gonogo.application import code
from gonogo.config.environments import CommandConfig
from gonogo.errors import CommandError
from gonogo.ledger.migration import digest
from gonogo.rollout.deploy import deploy
from gonogo.rollout.preflight.plan import plan
from gonogo.rollout.preflight.readiness import inspect
from gonogo.rollout.rollback import rollback
from gonogo.rollout.runner.context import RolloutContext
from gonogo.sandbox.surroundings import GIT_IDENTITY

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

CHECKOUT = CommandConfig(run=("git", "checkout", "--quiet", "--detach", "{revision}"))
NINE = [f"{number:03}" for number in range(38, 47)]


@dataclass
class Application:
    """An application whose repository holds its migrations.

    Args:
        team: Its team.
        path: The worktree; the revision before the migrations is checked out.
        context: For the revision with the migrations.
    """

    team: Team
    path: Path
    context: RolloutContext

    def git(self, *words: str) -> None:
        """Run git in the worktree."""
        environ = {**self.context.environ, **GIT_IDENTITY}
        subprocess.run(["git", *words], cwd=self.path, env=environ, check=True)

    def commit(self, name: str) -> None:
        """Commit what is there, and give it a name."""
        self.git("add", "--all", "*.js", "db")
        self.git("commit", "--quiet", "--message", name)
        self.git("tag", name)

    def versions(self) -> list[str]:
        """The migrations in place, as the ledger has them."""
        query = "select array_agg(version order by version) from gonogo.migration"
        found = self.team.ask(f"{query} where reverted_at is null")
        return found if isinstance(found, list) else []


@pytest.fixture
def application(team: Team) -> Application:
    """An application with three revisions: before the migrations, with them, a broken revert."""
    section = team.context.section
    commands = section.commands.model_copy(update={"checkout": CHECKOUT, "revert_code": None})
    changed = section.model_copy(update={"git": True, "commands": commands})
    config = team.context.config.model_copy(
        update={
            "migrations_dir": team.app / "db" / "migrations",
            "environments": {team.context.environment: changed},
        }
    )
    context = replace(team.context, config=config, revision="with", previous_revision="")
    made = Application(team, team.app, context)
    migrations = team.app / "db" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "README").write_text("none yet", "utf-8")
    (team.app / "app.js").write_text("1", "utf-8")
    made.git("init", "--quiet", "--template=")
    made.commit("before")
    for file in (team.root / "migrations").iterdir():
        shutil.copy(file, migrations)
    made.commit("with")
    reverts = sorted(migrations.glob("*.revert.sql"))
    reverts[-1].write_text("select 1 / 0;\n", "utf-8")
    made.commit("later")
    made.git("checkout", "--quiet", "--detach", "before")
    return made


def test_a_deployment_applies_the_files_of_its_revision(application: Application) -> None:
    """None of them was checked out when it began, and what lies about uncommitted is not one."""
    about = application.path / "db" / "migrations" / "047_uncommitted.sql"
    about.write_text("select 1 / 0;\n", "utf-8")
    result = deploy(application.context, application.team.tell)
    assert result.error is None
    assert result.outcome == "succeeded"
    assert application.versions() == NINE
    assert deploy(application.context, application.team.tell).outcome == "unchanged"


def test_plan_and_preflight_look_at_the_files_of_the_revision(application: Application) -> None:
    """Whatever is checked out meanwhile."""
    planned = plan(application.context)
    assert [(one.migration.version, one.state) for one in planned.migrations] == [
        (version, "pending") for version in NINE
    ]
    ready = inspect(application.context, application.team.tell, ())
    told = [event.proved for event in application.team.events]
    assert "9 files in order, 0 in place, 9 to come" in told, ready.problems


def test_the_hash_that_a_permission_names_is_the_revisions(application: Application) -> None:
    """It does not change with what is checked out, and is another one for another revision."""
    before = digest(application.context.migrations())
    application.git("checkout", "--quiet", "--detach", "later")
    assert digest(application.context.migrations()) == before
    (application.path / "db" / "migrations" / "038_add_admin_role_support.sql").unlink()
    assert digest(application.context.migrations()) == before


def test_a_rollback_takes_the_reverts_of_the_revision_that_was_deployed(
    application: Application,
) -> None:
    """Not those of a later one that is checked out."""
    assert deploy(application.context, application.team.tell).outcome == "succeeded"
    application.git("checkout", "--quiet", "--detach", "later")
    result = rollback(replace(application.context, revision=""), application.team.tell)
    assert result.error is None
    assert application.versions() == []


def test_what_the_newest_revision_lacks_is_reverted_by_the_files_of_its_own_attempt(
    application: Application,
) -> None:
    """An attempt refused for want of a file is rolled back with the one that applied it."""
    team, context = application.team, application.context
    assert deploy(context, team.tell).outcome == "succeeded"
    place = application.path / "db" / "migrations"
    (place / "047_tried.sql").write_text("create table tried (id bigint primary key);\n", "utf-8")
    (place / "047_tried.revert.sql").write_text("alter table tried set schema :aside;\n", "utf-8")
    application.commit("tried")
    team.break_command("start_app")
    assert deploy(replace(context, revision="tried"), team.tell).outcome == "failed"
    team.mend_command("start_app")
    refused = deploy(context, team.tell)
    assert "047_tried.sql was applied, and is not in this checkout" in str(refused.error)
    result = rollback(replace(context, revision=""), team.tell)
    assert result.error is None
    assert application.versions() == NINE
    assert code.head(application.path, context.environ) == code.resolve(
        application.path, context.environ, "with"
    )


def test_a_revision_that_git_does_not_know_has_no_migrations(application: Application) -> None:
    """It is said so before anything is opened, as of every other use of it."""
    with pytest.raises(CommandError, match="git knows no commit 'nowhere'"):
        replace(application.context, revision="nowhere").migrations()


def test_what_is_left_for_a_later_deployment_is_not_looked_at(application: Application) -> None:
    """``migrations_to`` names the last file that a plan has."""
    config = application.context.config.model_copy(update={"migrations_to": "041"})
    planned = plan(replace(application.context, config=config))
    assert [one.migration.version for one in planned.migrations] == NINE[:4]
