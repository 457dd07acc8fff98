"""What a deployment or a rollback hands back, however it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from gonogo.errors import GonogoError
from gonogo.ledger.rows import Deployment
from gonogo.model.step import Outage, Provenance, StepRecord, Subject
from gonogo.rollout.incident_report import IncidentReport
from gonogo.rollout.runner.site import Site

RollbackMode = Literal["revert", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a deployment or a rollback ended.

    Args:
        outcome: succeeded, failed, or unchanged: there was nothing to do.
        provenance: Which database, and what is deployed there.
        deployment: The ledger's row; None when there was nothing to roll back.
        steps: What was done, in order; the last one failed when `outcome` says so.
        not_done: Titles of the steps that a failure left undone.
        started_at: When it began.
        finished_at: When it ended.
        log: Its log.
        outage: How long it kept the application away; None where nothing was begun.
        error: What failed.
        next_steps: What a person does next.
    """

    outcome: Literal["succeeded", "failed", "unchanged"]
    provenance: Provenance
    deployment: Deployment | None
    steps: tuple[StepRecord, ...]
    not_done: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    log: Path
    outage: Outage | None = None
    error: GonogoError | None = None
    next_steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackResult(Result):
    """How a rollback ended.

    Args:
        deployment_id: What was rolled back; None when there was nothing.
        mode: How the database was rolled back.
        reason: Why, as it was given.
        reverted: The files of the migrations that are taken back, in the order of the ledger.
        stays: Those of what was rolled back that are still in place.
        report: The draft of the incident report; None when there was nothing to roll back, or the
            database could not be asked for it.
    """

    deployment_id: int | None
    mode: RollbackMode
    reason: str
    reverted: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    report: IncidentReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentResult(Result):
    """How a deployment ended; unchanged means that this revision and schema were deployed already.

    Args:
        deployment_id: Its number in the ledger.
        rollback: The automatic rollback that its failure triggered.
    """

    deployment_id: int
    rollback: RollbackResult | None = None


def provenance(site: Site, deployment: Deployment | None) -> Provenance:
    """What a record says of the database, and of what is deployed there."""
    subject = (
        None
        if deployment is None
        else Subject(
            deployment=str(deployment.id),
            revision=deployment.revision,
            migrations_sha256=deployment.migrations_sha256,
            criteria_sha256=deployment.criteria_sha256,
        )
    )
    return Provenance(
        connection=site.context.database.shown, database=site.identity, subject=subject
    )
