"""What a rollout is told before it begins."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gonogo.config import EnvironmentConfig, RolloutConfig
from gonogo.config.project import Project
from gonogo.ledger.migration import Migration, load
from gonogo.model.kinds import Environment
from gonogo.postgres.settings import DatabaseSettings
from gonogo.rollout.backup.order import BackupCheck


@dataclass(frozen=True, slots=True)
class RolloutContext:
    """One deployment's or rollback's circumstances.

    Args:
        project: Where migrations and criteria lie.
        environment: What is deployed to.
        config: How the team deploys.
        database: The application's database.
        environ: The session's variables; hold secrets, so they never appear in a repr.
        revision: What is to run; empty takes the repository's HEAD.
        previous_revision: What runs now; empty takes HEAD before the checkout, else the ledger's.
        bin_dir: Where PostgreSQL's client tools lie, when the caller knows.
        backup_check: How the backup is verified.
        staging_record: The signed record that lets it into production; None takes the newest.
        simulated: Marks the database as the sandbox's, whose soak lies ahead of the clock.
        log_dir: Where the session's log goes; by default the project's, by environment.
    """

    project: Project
    environment: Environment
    config: RolloutConfig
    database: DatabaseSettings
    environ: Mapping[str, str] = field(repr=False)
    revision: str = ""
    previous_revision: str = ""
    bin_dir: Path | None = None
    backup_check: BackupCheck = "restore"
    staging_record: Path | None = None
    simulated: bool = False
    log_dir: Path | None = None

    @property
    def section(self) -> EnvironmentConfig:
        """The environment's section of ``rollout.toml``."""
        return self.config.environment(self.environment)

    def migrations(self) -> tuple[Migration, ...]:
        """The files that are to be in place, lowest version first.

        Raises:
            MigrationError: As `migration.load` raises it.
        """
        directory = self.config.migrations_dir or self.project.migrations_dir
        return load(directory, first=self.config.migrations_from)

    @property
    def survey(self) -> str:
        """The query that proves the schema, object by object."""
        return (self.project.sql_dir / "schema_objects.sql").read_text(encoding="utf-8")

    @property
    def logs(self) -> Path:
        """The directory of the session's log."""
        return self.log_dir or self.project.logs_dir / self.environment

    @property
    def base_url(self) -> str:
        """Where the application answers."""
        return self.environ.get("WEBHOOK_BASE_URL", "").strip()

    @property
    def asks_endpoints(self) -> bool:
        """Whether the application can be asked from here."""
        return "endpoints" not in self.config.without

    @property
    def deployed_by(self) -> str:
        """Who does this: the system's name of the user."""
        return who()


def who() -> str:
    """Who does this: the system's name of the user, spelt so that a database can hold it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that nobody gave a name.
        return f"uid {os.getuid()}"
    return os.fsencode(name).decode("utf-8", "backslashreplace")
