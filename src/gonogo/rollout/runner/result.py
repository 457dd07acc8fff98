"""What a deployment or a rollback hands back, however it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from gonogo.errors import GonogoError
from gonogo.model.measurement import DatabaseIdentity
from gonogo.model.step import StepRecord
from gonogo.rollout.runner.report import Report

RollbackMode = Literal["revert", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a deployment or a rollback ended.

    Args:
        outcome: succeeded, failed, or unchanged: there was nothing to do.
        identity: Which database.
        facts: What a record says of it, in order.
        steps: What was done, in order; the last one failed when `outcome` says so.
        not_done: Titles of the steps that a failure left undone.
        started_at: When it began.
        finished_at: When it ended.
        log: The session's log.
        error: What failed.
        next_steps: What a person does now.
    """

    outcome: Literal["succeeded", "failed", "unchanged"]
    identity: DatabaseIdentity
    facts: Mapping[str, str]
    steps: tuple[StepRecord, ...]
    not_done: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    log: Path
    error: GonogoError | None = None
    next_steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackResult(Result):
    """How a rollback ended.

    Args:
        deployment_id: What was rolled back; None when there was nothing.
        mode: How the database was taken back.
        reason: Why, as it was given.
        report: The draft of the incident report; None when there was nothing to roll back, or
            nobody could be asked for it.
    """

    deployment_id: int | None
    mode: RollbackMode
    reason: str
    report: Report | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentResult(Result):
    """How a deployment ended; unchanged means that this revision and schema were deployed already.

    Args:
        deployment_id: Its number in the ledger.
        revision: What runs now, when it succeeded.
        previous_revision: What ran before.
        rollback: The rollback that a failed migration in production brought.
    """

    deployment_id: int
    revision: str
    previous_revision: str
    rollback: RollbackResult | None = None
