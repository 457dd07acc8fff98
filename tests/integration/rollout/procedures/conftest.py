"""A team of one: a project, a rollout file, commands that leave a trace, a database before 038."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from first_application import CONFIG
from gonogo.config.environments import CommandsConfig
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.ledger.ledger import Ledger
from gonogo.model.kinds import Environment
from gonogo.model.step import StepEvent
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import connect
from gonogo.rollout.deploy import deploy
from gonogo.rollout.preflight.readiness import inspect
from gonogo.rollout.runner.context import RolloutContext
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

LEFT_OUT = {"make_backup", "prove_backup", "reinstall", "rebuild"}
# Appends its name to the trace; fails while a file of its name lies in the directory `broken`.
COMMAND = "echo $0 >> trace; echo $GOOGLE_CLIENT_SECRET; test ! -e broken/$0"


@dataclass
class Team:
    """What a test of a whole procedure works with.

    Args:
        context: For staging, without endpoints.
        root: The project, a copy that a test may change.
        app: The application's directory.
        events: What was told.
    """

    context: RolloutContext
    root: Path
    app: Path
    events: list[StepEvent] = field(default_factory=list)

    def tell(self, event: StepEvent) -> None:
        """Keep an event."""
        self.events.append(event)

    def production(self) -> RolloutContext:
        """The same for production."""
        environ = {**self.context.environ, "NODE_ENV": "production"}
        return replace(self.context, environment=Environment.PRODUCTION, environ=environ)

    def trace(self) -> list[str]:
        """The commands that ran since the last look, in order."""
        file = self.app / "trace"
        names = file.read_text(encoding="utf-8").split() if file.exists() else []
        file.unlink(missing_ok=True)
        return names

    def break_command(self, name: str) -> None:
        """Let a command fail from now on."""
        (self.app / "broken" / name).touch()

    def mend_command(self, name: str) -> None:
        """Let it succeed again."""
        (self.app / "broken" / name).unlink()

    def add_migration(self, sql: str) -> None:
        """Add a migration 047 to the project."""
        migrations = self.root / "migrations"
        (migrations / "047_extra.sql").write_text(sql, encoding="utf-8")
        (migrations / "047_extra.revert.sql").write_text("select 1;\n", encoding="utf-8")

    def problems(self) -> tuple[str, ...]:
        """What a preflight would have fixed."""
        return inspect(self.context, self.tell, ()).problems

    def ask(self, query: str) -> object:
        """The first column of the first row of a query, or None."""
        with psycopg.connect(self.context.database.conninfo, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def relatives(self) -> list[str]:
        """What a restore made of the database: prepared ones, kept ones."""
        with psycopg.connect(self.context.database.conninfo) as connection:
            rows = connection.execute(
                "select datname from pg_database where datname like left(current_database(), 34)"
                " || '\\_rolled\\_back\\_%' or datname = 'gonogo_restore_' || (select oid from"
                " pg_database where datname = current_database()) order by 1"
            )
            return [str(name) for (name,) in rows]

    def drop(self, name: str) -> None:
        """Drop one of them."""
        self.ask(f'drop database "{name}" with (force)')

    def outcome(self) -> str:
        """How the latest deployment ended, as the ledger says."""
        with connect(self.context.database.conninfo) as connection:
            latest = Ledger(connection).latest_deployment(self.context.environment)
        return latest.outcome if latest else ""


@pytest.fixture
def team(
    base_database: str, server: EmbeddedServer, tmp_path: Path, pytestconfig: pytest.Config
) -> Team:
    """A team with a fresh database and a project of its own."""
    return team_on(base_database, server.bin_dir, tmp_path, pytestconfig.rootpath)


@pytest.fixture(scope="module")
def deployed_once(
    databases: Databases,
    base_template: str,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Iterator[Team]:
    """A team whose deployment succeeded; nobody connects, so that its database can be copied."""
    name = f"test_{uuid4().hex}"
    place = tmp_path_factory.mktemp("deployed")
    conninfo = databases.create(name, base_template)
    team = team_on(conninfo, databases.server.bin_dir, place, pytestconfig.rootpath)
    assert deploy(team.context, team.tell).outcome == "succeeded"
    team.trace()
    yield team
    databases.drop(name)


@pytest.fixture
def team15(
    postgres15: Path,
    build_base: Callable[[str], None],
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> Iterator[Team]:
    """A team on a PostgreSQL 15 of its own; for tests that are marked postgres15."""
    server = EmbeddedServer.start(tmp_path / "server", bin_dir=postgres15)
    try:
        conninfo = Databases(server).create("app")
        build_base(conninfo)
        yield team_on(conninfo, postgres15, tmp_path, pytestconfig.rootpath)
    finally:
        server.stop()


@pytest.fixture
def deployed_copy(deployed_once: Team, new_database: Callable[..., str]) -> Team:
    """The same with a database of its own; the application's directory and backup are shared."""
    name = str(deployed_once.ask("select current_database()"))
    database = DatabaseSettings(new_database(name), "test")
    deployed_once.trace()
    context = replace(deployed_once.context, database=database)
    return Team(context, deployed_once.root, deployed_once.app)


@pytest.fixture
def deployed_apart(
    deployed_once: Team,
    new_database: Callable[..., str],
    server: EmbeddedServer,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> Team:
    """The same with all its own but the backup, which stays where it was made."""
    name = str(deployed_once.ask("select current_database()"))
    return team_on(new_database(name), server.bin_dir, tmp_path, pytestconfig.rootpath)


def team_on(conninfo: str, bin_dir: Path, tmp_path: Path, rootpath: Path) -> Team:
    """A team with a database."""
    root, app = tmp_path / "project", tmp_path / "app"
    for name in ("migrations", "checks"):
        shutil.copytree(rootpath / name, root / name)
    (app / "broken").mkdir(parents=True)
    environ = {
        "PATH": os.environ["PATH"],
        "NODE_ENV": "staging",
        "GOOGLE_CLIENT_ID": "client",
        "GOOGLE_CLIENT_SECRET": "hush-client-secret",
        "WEBHOOK_BASE_URL": "http://127.0.0.1:9",
        "WEBHOOK_VERIFICATION_TOKEN": "hush-webhook-token",
    }
    database = DatabaseSettings(conninfo, "test")
    return Team(
        RolloutContext(
            Project(root),
            Environment.STAGING,
            _config(tmp_path, app),
            database,
            environ,
            revision="new",
            previous_revision="old",
            bin_dir=bin_dir,
            log_dir=tmp_path / "logs",
        ),
        root,
        app,
    )


def _config(tmp_path: Path, app: Path) -> RolloutConfig:
    names = [name for name in CommandsConfig.model_fields if name not in LEFT_OUT]
    section = {
        "cwd": app,
        "backup_dir": tmp_path / "backups",
        "commands": {name: {"run": ("sh", "-c", COMMAND, name)} for name in names},
    }
    return RolloutConfig.model_validate(
        {
            "archive_dir": tmp_path / "archive",
            "without": ["endpoints"],
            "application": CONFIG.application,
            "variables": CONFIG.variables,
            "endpoints": CONFIG.endpoints,
            "promotion": CONFIG.promotion,
            "environments": {"staging": section, "production": section},
        }
    )
