"""The work of a rollback: what it takes back, and the files as they were applied."""

from __future__ import annotations

from dataclasses import replace

from gonogo.application import code
from gonogo.errors import StepError, UsageError
from gonogo.ledger import history
from gonogo.ledger.attempts import UNKNOWN, TakenBack, taken_back, to_roll_back, why_nothing
from gonogo.ledger.migration import Migration
from gonogo.ledger.rows import Deployment, MigrationRow
from gonogo.postgres.session import application_schema
from gonogo.rollout.runner.site import Site
from gonogo.rollout.runner.work import Work


def to_be_rolled_back(site: Site, number: int | None = None) -> Work | None:
    """The deployment to roll back; None when there is none, or it is rolled back already.

    Args:
        site: The database.
        number: Which one is meant; None takes the latest.

    Raises:
        UsageError: Another one must be rolled back first, or the revision before it is unknown.
    """
    meant = to_roll_back(site.ledger.deployments(site.context.environment), number)
    if meant is None:
        return None
    work = going_back(site, meant)
    meant, section = work.deployment, site.context.section
    command = section.commands.revert_code
    by_revision = command is not None and any("{previous_revision}" in word for word in command.run)
    if meant.previous_revision == UNKNOWN and (by_revision or (not command and section.repository)):
        raise UsageError(
            f"it is not recorded which revision ran before deployment {meant.id}; nothing was done",
            "set a revert_code in rollout.toml that names it",
        )
    # A command will see it, and the ledger is but a table.
    code.plain(meant.previous_revision)
    return work


def span(site: Site, meant: Deployment) -> TakenBack:
    """What a rollback of a deployment takes back.

    Args:
        site: The database.
        meant: The deployment.
    """
    return taken_back(
        site.ledger.deployments(site.context.environment), meant, site.ledger.migrations()
    )


def going_back(site: Site, meant: Deployment) -> Work:
    """The work of a rollback of a deployment, and of the attempts since the last that served.

    Its deployment has the revision and the schema's fingerprint of the state that is gone back to.

    Args:
        site: The database.
        meant: The ledger's row.
    """
    back = span(site, meant)
    schema = application_schema(site.connection, site.context.anchor)
    meant = replace(
        meant,
        previous_revision=back.previous_revision,
        schema_before=back.base.schema_before,
    )
    return Work(site, meant, _applied(site, back), schema, back=back)


def _applied(site: Site, back: TakenBack) -> tuple[Migration, ...]:
    """The files as they were applied, of the newest revision that has each so."""
    files = {one.version: one for one in _files(site, back.deployment)}
    rows = history.of_deployments(site.connection, back.ids[1:])
    lacking = {row.version: row for row in rows if not _is_of(files.get(row.version), row)}
    for attempt in back.earlier if lacking else ():
        for one in _files(site, attempt):
            if one.version in lacking and _is_of(one, lacking[one.version]):
                files[one.version] = one
                del lacking[one.version]
    return tuple(sorted(files.values(), key=lambda one: one.number))


def _is_of(migration: Migration | None, row: MigrationRow) -> bool:
    return migration is not None and migration.sha256 == row.sha256


def _files(site: Site, meant: Deployment) -> tuple[Migration, ...]:
    """The files of a deployment's revision; none where it is gone: a restore needs none."""
    # A command will see it too.
    code.plain(meant.revision)
    try:
        return site.context.migrations(meant.revision)
    except StepError as error:
        site.runner.note(f"the migrations of deployment {meant.id} cannot be read: {error}")
        return ()


def why_none(site: Site, number: int | None = None) -> str:
    """Why `to_be_rolled_back` finds nothing.

    Args:
        site: The database.
        number: Which one was meant.
    """
    return why_nothing(site.ledger.deployments(site.context.environment), number)
