"""A deployment under way: the site, which deployment it is, and what its steps work with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.database.identity import major_version
from gonogo.database.session import application_schema
from gonogo.errors import StepError, UsageError
from gonogo.ledger.rows import Backup, Deployment, NewDeployment
from gonogo.ledger.target import to_roll_back
from gonogo.masking import Mask
from gonogo.migrations.migration import Migration, digest
from gonogo.procedure.context import RolloutContext
from gonogo.procedure.site import Site
from gonogo.programs import code
from gonogo.programs.commands import Commands
from gonogo.programs.tools import Tools, find_tools
from gonogo.settings import DatabaseSettings

UNKNOWN = "unknown"
ROWS_SUFFIX = ".rows.gz"


@dataclass(frozen=True, slots=True)
class Work:
    """What the steps of one deployment, or of its rollback, work with.

    Args:
        site: The database.
        deployment: The ledger's row.
        migrations: The files, lowest version first.
        schema: The application's schema.
    """

    site: Site
    deployment: Deployment
    migrations: tuple[Migration, ...]
    schema: str

    @property
    def context(self) -> RolloutContext:
        """The circumstances."""
        return self.site.context

    @property
    def database(self) -> DatabaseSettings:
        """The application's database."""
        return self.site.context.database

    @property
    def tools(self) -> Tools:
        """PostgreSQL's client tools.

        Raises:
            BackupError: There are none of the server's version.
        """
        major = major_version(self.site.connection)
        return find_tools(major, self.context.environ, self.context.bin_dir)

    @property
    def commands(self) -> Commands:
        """The team's commands."""
        previous = self.deployment.previous_revision
        going_back = self.site.narrator.procedure == "rollback"
        return Commands(
            self.context.environment,
            self.context.section,
            self.context.environ,
            self.deployment.revision,
            previous,
            Mask.of(self.context.environ),
            self.site.narrator.output,
            target_revision=previous if going_back else "",
        )

    @property
    def backup(self) -> Backup | None:
        """The deployment's newest verified backup that has its row hashes beside it."""
        made = self.site.ledger.backups(self.deployment.id)
        whole = (one for one in made if one.verified_at and rows_file(Path(one.path)).is_file())
        return next(whole, None)

    @property
    def survey(self) -> str:
        """The query that proves the schema, object by object."""
        return self.context.survey


def rows_file(backup: Path) -> Path:
    """Where the row hashes of a backup's moment lie."""
    return backup.with_suffix(ROWS_SUFFIX)


def begin(site: Site, override_reason: str | None) -> Work:
    """Open a deployment in the ledger, or take up one that did not come to its end.

    Args:
        site: The locked database.
        override_reason: Why production goes without a signed staging record.

    Returns:
        The work; its deployment's outcome is ``succeeded`` when there is nothing to do.
    """
    context, ledger = site.context, site.ledger
    schema = application_schema(site.connection)
    migrations = context.migrations()
    latest = ledger.latest_deployment(context.environment)
    revision, previous = revisions(context, latest)
    sha256 = digest(migrations)
    same = latest and (latest.revision, latest.migrations_sha256) == (revision, sha256)
    if latest and same and latest.outcome == "succeeded":
        return Work(site, latest, migrations, schema)
    if latest and same and _can_resume(site, latest):
        ledger.resume_deployment(latest.id)
        site.narrator.note(f"deployment {latest.id} goes on where it ended")
        deployment_id = latest.id
    else:
        criteria = hashlib.sha256(context.project.criteria_file.read_bytes()).hexdigest()
        who, environment = context.deployed_by, context.environment.value
        new = NewDeployment(environment, revision, previous, sha256, criteria, who, override_reason)
        deployment_id = ledger.open_deployment(new)
    return Work(site, reread(site, deployment_id), migrations, schema)


def take_up(site: Site, number: int | None = None) -> Work | None:
    """The deployment to be rolled back; None when there is none, or it was already.

    Args:
        site: The database.
        number: Which one is meant; None takes the meant.

    Raises:
        UsageError: It is not that one's turn, or nobody knows which revision ran before it.
    """
    here = site.context.environment
    every = [one for one in site.ledger.deployments() if one.environment == here]
    meant = to_roll_back(every, number)
    if meant is None:
        return None
    section = site.context.section
    command = section.commands.revert_code
    by_revision = command is not None and any("{previous_revision}" in word for word in command.run)
    if meant.previous_revision == UNKNOWN and (by_revision or (not command and section.repository)):
        raise UsageError(
            f"nobody recorded which revision ran before deployment {meant.id}; nothing was done",
            "set a revert_code in rollout.toml that names it",
        )
    # A command will see them, and the ledger is but a table.
    code.plain(meant.revision)
    code.plain(meant.previous_revision)
    migrations = site.context.migrations()
    return Work(site, meant, migrations, application_schema(site.connection))


def wanted_revision(context: RolloutContext) -> str:
    """The revision that is to run: git's full name of it, where the code is in git.

    Raises:
        UsageError: Nobody said which.
        CommandError: git does not know it.
    """
    repository, revision = context.section.repository, context.revision
    if repository:
        revision = code.resolve(repository, context.environ, revision or "HEAD")
    if not revision:
        raise UsageError("nobody said which revision is deployed", "pass it, or set git = true")
    return code.plain(revision)


def reread(site: Site, deployment_id: int) -> Deployment:
    """The ledger's row of a deployment.

    Raises:
        StepError: The row is gone.
    """
    deployment = site.ledger.deployment(deployment_id)
    if deployment is None:
        raise StepError(f"the ledger has lost deployment {deployment_id}", step="database")
    return deployment


def facts(site: Site, deployment: Deployment | None, log: Path) -> Mapping[str, str]:
    """What a record says of the run as a whole, in the order in which it is shown."""
    identity = site.identity
    told = {
        "Database": identity.database,
        "Address": site.context.database.shown,
        "Server": identity.server_version,
        "Role": identity.role,
        "System identifier": identity.system_identifier,
    }
    if deployment:
        told |= {
            "Deployment": str(deployment.id),
            "Revision": deployment.revision,
            "Previous revision": deployment.previous_revision,
            "Deployed by": deployment.deployed_by,
            "Migrations sha256": deployment.migrations_sha256,
            "Criteria sha256": deployment.criteria_sha256,
        }
        if deployment.override_reason:
            told["Override"] = deployment.override_reason
    return {**told, "Log": str(log)}


def _can_resume(site: Site, latest: Deployment) -> bool:
    """A deployment that was taken back in part has its tables aside: it cannot go on."""
    rows = site.ledger.migrations()
    taken_back = any(row.reverted_at for row in rows if row.deployment_id == latest.id)
    return latest.outcome in {"running", "failed"} and not taken_back


def revisions(context: RolloutContext, latest: Deployment | None) -> tuple[str, str]:
    """What is to run, and what runs now.

    Args:
        context: The circumstances.
        latest: The newest deployment that the ledger knows.

    Raises:
        UsageError: Nobody said what is to run.
        CommandError: git does not know it.
    """
    repository = context.section.repository
    revision = wanted_revision(context)
    now = code.head(repository, context.environ) if repository else ""
    if latest is None:
        ran = now if now != revision else ""
    elif now in {"", revision, latest.revision}:
        # What failed or was taken back never came to run.
        ran = latest.revision if latest.outcome == "succeeded" else latest.previous_revision
    else:
        ran = now
    named = context.previous_revision
    if named and repository:
        named = code.resolve(repository, context.environ, named)
    return revision, code.plain(named or ran or UNKNOWN)
