"""What a rollout works with from its beginning, and which revisions it is about."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gonogo.application import code, release
from gonogo.application.commands import Commands
from gonogo.config.environments import EnvironmentConfig
from gonogo.config.project import Project, judged_by
from gonogo.config.sections import RolloutConfig
from gonogo.errors import UsageError
from gonogo.ledger.attempts import UNKNOWN
from gonogo.ledger.migration import Migration, load, read
from gonogo.ledger.rows import Deployment
from gonogo.masking import Mask
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.rollout.backup.order import BackupCheck

# A deployment asks this survey by its name, whether or not a metric does.
SCHEMA_SURVEY = "schema_objects.sql"


@dataclass(frozen=True, slots=True)
class RolloutContext:
    """The context of one deployment or rollback.

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
        staging_record: The signed record of staging; None takes the newest.
        simulated: Marks the database as the sandbox's, whose soak lies ahead of the clock.
        log_dir: Where the log goes; by default the project's, by environment.
        member: Which database of a fleet it is; empty where the environment is none.
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
    member: str = ""

    @property
    def section(self) -> EnvironmentConfig:
        """The environment's section of ``rollout.toml``; each database has backups of its own."""
        section = self.config.environment(self.environment)
        if not self.member:
            return section
        return section.model_copy(update={"backup_dir": section.backup_dir / self.member})

    @property
    def place(self) -> str:
        """What is deployed to, in words: the environment, and which database of a fleet."""
        return f"{self.environment}, database {self.member}" if self.member else self.environment

    def migrations(self, revision: str = "") -> tuple[Migration, ...]:
        """The files of a revision, lowest version first.

        Where they lie in the application's repository, git has them, whatever is checked out.

        Args:
            revision: Whose; empty takes the one that is to run.

        Raises:
            MigrationError: As `migration.read` raises it.
            CommandError: git does not know the revision.
        """
        directory = self.config.migrations_dir or self.project.migrations_dir
        first, last = self.config.migrations_from, self.config.migrations_to
        repository = self.section.repository
        wanted = revision or self.revision or "HEAD"
        holder = repository and code.holder(repository, self.environ, wanted, directory)
        if not holder:
            return load(directory, first=first, last=last)
        holding, meant, place = holder
        files = code.files_at(holding, self.environ, meant, place)
        named = f"{directory.name}/ of the revision {code.short(meant)}"
        return read(files, named, first=first, last=last)

    def commands(
        self,
        revision: str,
        previous_revision: str,
        on_line: Callable[[str, str], None],
        target_revision: str = "",
    ) -> Commands:
        """The team's commands.

        Args:
            revision: What is deployed.
            previous_revision: What ran before.
            on_line: Called with a command's name and each line of its output.
            target_revision: What is to run in the end; empty takes `revision`.
        """
        return Commands(
            self.environment,
            self.section,
            self.environ,
            revision,
            previous_revision,
            Mask.of(self.environ),
            on_line,
            target_revision,
            database=self.member,
        )

    @property
    def survey(self) -> str:
        """The query that proves the schema, object by object; empty where there is none."""
        file = self.project.sql_dir / SCHEMA_SURVEY
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def criteria_sha256(self) -> str:
        """The hash of all that the rollout is judged by."""
        return judged_by(self.project, self.config)

    @property
    def is_backed_up_by_team(self) -> bool:
        """Whether the team's own commands make the backup, and gonogo makes none."""
        return self.section.commands.make_backup is not None

    @property
    def logs(self) -> Path:
        """The directory of the log."""
        return self.log_dir or self.project.logs_dir / self.environment / self.member

    @property
    def base_url(self) -> str:
        """The application's address."""
        return self.environ.get(self.config.application.base_url or "", "").strip()

    @property
    def anchor(self) -> str | None:
        """The table whose schema is the application's."""
        return self.config.application.anchor

    @property
    def asks_endpoints(self) -> bool:
        """Whether the application can be asked from here."""
        return "endpoints" not in self.config.without

    @property
    def deployed_by(self) -> str:
        """Who does this: as the variable says that `[admission]` names, else the system's user."""
        return who(self.environ.get(self.config.admission.deployer or "", "").strip())


def who(named: str = "") -> str:
    """Who does this, spelt so that a database can hold it, and without a secret.

    Args:
        named: What a variable says; empty takes the system's user.
    """
    try:
        name = named or getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that nobody gave a name.
        return f"uid {os.getuid()}"
    return Mask.of(os.environ)(os.fsencode(name).decode("utf-8", "backslashreplace"))


def wanted_revision(context: RolloutContext) -> str:
    """The revision that is to run: git's full name of it, where the code is in git.

    Raises:
        UsageError: No revision was given.
        CommandError: git does not know it.
    """
    repository, revision = context.section.repository, context.revision
    if repository:
        revision = code.resolve(repository, context.environ, revision or "HEAD")
    if not revision:
        raise UsageError("no revision was given", "pass --revision, or set git = true")
    return code.plain(revision)


def revisions(context: RolloutContext, latest: Deployment | None) -> tuple[str, str]:
    """The revision that is to run, and the one that runs now.

    Args:
        context: The rollout's context.
        latest: The newest deployment that the ledger knows.

    Raises:
        UsageError: No revision was given.
        CommandError: git does not know it.
    """
    repository = context.section.repository
    revision = wanted_revision(context)
    now = code.head(repository, context.environ) if repository else ""
    if context.section.releases:
        now = release.running(context.section)
    if latest is None:
        ran = now if now != revision else ""
    elif now in {"", revision, latest.revision}:
        # A deployment that failed or was rolled back never came to run.
        ran = latest.revision if latest.outcome == "succeeded" else latest.previous_revision
    else:
        ran = now
    named = context.previous_revision
    if named and repository:
        named = code.resolve(repository, context.environ, named)
    return revision, code.plain(named or ran or UNKNOWN)
