"""A deployment under way: begun in the ledger or resumed, and carried out step by step.

The ledger says what an earlier run did. Only its last unbroken stretch counts: when a rollback was
begun after a deployment's steps, nothing of what those did can be relied upon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

import psycopg

from gonogo.application.commands import Commands
from gonogo.errors import StepError
from gonogo.ledger.attempts import TakenBack
from gonogo.ledger.migration import Migration, digest
from gonogo.ledger.rows import Backup, Deployment, NewDeployment, StepRow
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import application_schema, first_line, major_version
from gonogo.postgres.tools import Tools, find_tools
from gonogo.rollout.runner.context import RolloutContext, revisions
from gonogo.rollout.runner.site import Site
from gonogo.rollout.runner.steps import Evidence, HowItEnded, Procedure, Skipped, Step

ROWS_SUFFIX = ".rows.gz"
LONGEST_NAME = 150
STAMP = "%Y-%m-%d %H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Work:
    """What the steps of one deployment, or of its rollback, work with.

    Args:
        site: The database.
        deployment: The ledger's row.
        migrations: The files, lowest version first.
        schema: The application's schema.
        target: The revision that is to run in the end; empty takes the procedure's.
        back: For a rollback: what it takes back; None for a deployment.
    """

    site: Site
    deployment: Deployment
    migrations: tuple[Migration, ...]
    schema: str
    target: str = ""
    back: TakenBack | None = None

    @property
    def earlier(self) -> tuple[int, ...]:
        """The attempts before the deployment that its rollback takes back, newest first."""
        return self.back.ids[1:] if self.back else ()

    @property
    def base_id(self) -> int:
        """The deployment whose backup is of the state that is gone back to."""
        return self.back.base.id if self.back else self.deployment.id

    @property
    def context(self) -> RolloutContext:
        """The rollout's context."""
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
        revision, previous = self.deployment.revision, self.deployment.previous_revision
        going_back = self.site.runner.procedure == "rollback"
        target = self.target or (previous if going_back else revision)
        return self.context.commands(revision, previous, self.site.runner.output, target)

    @property
    def backup(self) -> Backup | None:
        """The newest verified backup of before the change that has its row hashes beside it."""
        made = self.site.ledger.backups(self.base_id)
        whole = (one for one in made if one.verified_at and self.rows_file(one).is_file())
        return next(whole, None)

    def rows_file(self, backup: Backup) -> Path:
        """The file of a backup's row hashes: beside it, or by its name among the backups."""
        if not backup.is_of_team:
            return Path(backup.path).with_suffix(ROWS_SUFFIX)
        name = re.sub(r"[^\w.-]", "_", backup.path)[-LONGEST_NAME:]
        section, environment = self.context.section, self.context.environment
        return section.backup_dir / f"snapshot_{environment}_{name}{ROWS_SUFFIX}"


def begin(site: Site, override_reason: str | None) -> Work:
    """Open a deployment in the ledger, or resume one that did not end.

    Args:
        site: The locked database.
        override_reason: Why production goes without a signed staging record.

    Returns:
        The work; its deployment's outcome is ``succeeded`` when there is nothing to do.
    """
    context, ledger = site.context, site.ledger
    schema = application_schema(site.connection, context.anchor)
    migrations = context.migrations()
    latest = ledger.latest_deployment(context.environment)
    revision, previous = revisions(context, latest)
    sha256 = digest(migrations)
    same = latest and (latest.revision, latest.migrations_sha256) == (revision, sha256)
    if latest and same and latest.outcome == "succeeded":
        return Work(site, latest, migrations, schema)
    if latest and same and _can_resume(site, latest):
        ledger.resume_deployment(latest.id)
        site.runner.note(f"deployment {latest.id} goes on where it ended")
        deployment_id = latest.id
    else:
        criteria, who = context.criteria_sha256, context.deployed_by
        environment = context.environment.value
        new = NewDeployment(environment, revision, previous, sha256, criteria, who, override_reason)
        deployment_id = ledger.open_deployment(new)
    return Work(site, reread(site, deployment_id), migrations, schema)


def _can_resume(site: Site, latest: Deployment) -> bool:
    """Whether it can go on: a deployment that was reverted in part has its tables aside."""
    rows = site.ledger.migrations()
    reverted = any(row.reverted_at for row in rows if row.deployment_id == latest.id)
    return latest.outcome in {"running", "failed"} and not reverted


def reread(site: Site, deployment_id: int) -> Deployment:
    """The ledger's row of a deployment.

    Raises:
        StepError: The row is gone.
    """
    deployment = site.ledger.deployment(deployment_id)
    if deployment is None:
        raise StepError(f"the ledger has lost deployment {deployment_id}", step="database")
    return deployment


def carry_out(steps: Iterable[Step[Work]], work: Work) -> None:
    """Run the steps of a deployment or rollback, except those that an earlier run did.

    Args:
        steps: From first to last.
        work: What they work on; its runner says of which procedure they are.

    Raises:
        GonogoError: A step failed, or the deployer's lock was lost; the later ones were not begun.
    """
    try:
        _carry_out(steps, work)
    except (psycopg.Error, OSError) as error:
        # Between two steps: the database was lost.
        raise StepError(first_line(error), "the log has the rest") from error


def _carry_out(steps: Iterable[Step[Work]], work: Work) -> None:
    runner, ledger, deployment_id = work.site.runner, work.site.ledger, work.deployment.id
    ledger.cut_short(deployment_id)
    earlier = last_stretch(ledger.steps(deployment_id), runner.procedure)
    for step in steps:
        row = earlier.get(step.name)
        if row is None or row.outcome == "skipped":
            pass
        elif row.outcome != "succeeded":
            ended: HowItEnded = "failed" if row.finished_at else "killed"
            how = f"failed {_at(row)}" if row.finished_at else f"was cut short (begun {_at(row)})"
            runner.note(f"{step.name} {how}: {step.resumption.cut_short}")
            step.resumption.undo(work, ended)
        elif step.resumption.stands(work):
            runner.stands(step, f"done {_at(row)}, not repeated", dict(row.evidence))
            continue
        else:
            runner.note(f"{step.name} succeeded {_at(row)}: {step.resumption.otherwise}")
        runner.run(_locked(step), work, ledger, deployment_id)


def _locked(step: Step[Work]) -> Step[Work]:
    """The same step, which refuses to begin where the deployer's lock was lost."""

    def run(work: Work, evidence: Evidence) -> str | Skipped:
        if lock := work.site.lock:
            lock.require()
        return step.run(work, evidence)

    return replace(step, run=run)


def last_stretch(rows: Sequence[StepRow], procedure: Procedure) -> Mapping[str, StepRow]:
    """The newest row of each step since the other procedure was last at work.

    Args:
        rows: The steps of one deployment, oldest first.
        procedure: deploy or rollback.
    """
    others = [place for place, row in enumerate(rows) if row.procedure != procedure]
    return {row.name: row for row in rows[others[-1] + 1 if others else 0 :]}


def _at(row: StepRow) -> str:
    return f"at {(row.finished_at or row.started_at).astimezone(UTC):{STAMP}}"
