"""A deployment begun in the ledger, or one taken up: to its end, or to be taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gonogo.application import code
from gonogo.errors import UsageError
from gonogo.ledger.migration import digest
from gonogo.ledger.rows import Deployment, NewDeployment, to_roll_back, why_nothing
from gonogo.postgres.session import application_schema
from gonogo.rollout.runner.revisions import UNKNOWN, revisions
from gonogo.rollout.runner.site import Site
from gonogo.rollout.runner.work import Work, reread


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
    meant = to_roll_back(_deployments(site), number)
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


def why_none(site: Site, number: int | None = None) -> str:
    """Why `take_up` finds nothing to be rolled back.

    Args:
        site: The database.
        number: Which one was meant.
    """
    return why_nothing(_deployments(site), number)


def _deployments(site: Site) -> Sequence[Deployment]:
    """The environment's own, newest first."""
    here = site.context.environment
    return [one for one in site.ledger.deployments() if one.environment == here]


def _can_resume(site: Site, latest: Deployment) -> bool:
    """A deployment that was taken back in part has its tables aside: it cannot go on."""
    rows = site.ledger.migrations()
    taken_back = any(row.reverted_at for row in rows if row.deployment_id == latest.id)
    return latest.outcome in {"running", "failed"} and not taken_back
