"""A deployment under way: the site, which deployment it is, and what its steps work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.application.commands import Commands
from gonogo.errors import StepError
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import Backup, Deployment
from gonogo.masking import Mask
from gonogo.postgres.identity import major_version
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.tools import Tools, find_tools
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.site import Site

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
