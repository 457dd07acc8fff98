"""The project's checklist, which knows the names of the rollout's steps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gonogo.checklist import Checklist, load
from gonogo.checklist.block import Desk
from gonogo.checklist.entries import Known
from gonogo.checklist.sources import Book, Run, StepRun
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.criteria import load as load_criteria
from gonogo.ledger.rows import past_retention
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    from gonogo.rollout.standing import Standing

# The names are written down here so that a checklist can be read without importing the steps.
# Before there is a ledger to write to.
BEFORE = ("environment", "database", "permission")
DEPLOY = (
    "preflight",
    "backup",
    "checkout",
    "install",
    "build",
    "lint",
    "typecheck",
    "migrate",
    "verify_schema",
    "test",
    "stop_jobs",
    "stop_app",
    "start_app",
    "start_jobs",
    "wait_healthy",
    "endpoints",
    "grants",
    "admins",
)
ROLLBACK = (
    "stop_jobs",
    "stop_app",
    "revert",
    "revert_code",
    "reinstall",
    "rebuild",
    "start_app",
    "start_jobs",
    "wait_healthy",
    "old_endpoints",
    "prove",
)


def known_steps(smoke: Collection[str]) -> frozenset[str]:
    """Every step or smoke request that an item may name, as ``deploy.backup``.

    Args:
        smoke: The smoke requests of rollout.toml.
    """
    deployed = (f"deploy.{name}" for name in (*BEFORE, *DEPLOY))
    taken_back = (f"rollback.{name}" for name in ROLLBACK)
    return frozenset({*deployed, *taken_back, *(f"smoke.{name}" for name in smoke)})


def load_checklist(project: Project, metrics: Collection[str], smoke: Collection[str]) -> Checklist:
    """Read the project's checklist.

    Args:
        project: Where it lies.
        metrics: The metrics that its items may name.
        smoke: The smoke requests that they may name.

    Raises:
        ConfigError: It is missing, or says something that cannot be meant.
    """
    return load(project.checklist_file, Known(metrics, known_steps(smoke)))


def checklist_desk(project: Project, config: RolloutConfig) -> Desk:
    """Where the project's checklist and its evidence lie.

    Args:
        project: The checkout.
        config: Its rollout.toml.

    Raises:
        ConfigError: Checklist or criteria are missing, or say something that cannot be meant.
    """
    metrics = load_criteria(project.criteria_file, project.sql_dir).metrics
    checklist = load_checklist(project, metrics, config.http.smoke_names)
    return Desk(checklist, config.archive_dir, config.allowed_signers)


def book_of(standing: Standing, config: RolloutConfig, now: datetime) -> dict[Environment, Book]:
    """What a database's ledger says, of the environment that it is.

    Args:
        standing: Where the database stands.
        config: How long backups are kept.
        now: The moment.
    """
    if standing.mark is None or standing.latest is None:
        return {}
    environment, latest = Environment(standing.mark.name), standing.latest
    name = f"the ledger, deployment {latest.id}"
    taken_back = latest.rolled_back_at
    steps = {
        f"{row.procedure}.{row.name}": StepRun(row.outcome, row.error or row.outcome, name)
        for row in standing.steps
    }
    book = Book(
        Run(name, latest.started_at),
        Run(name, taken_back) if taken_back else None,
        steps,
        tuple(_old_backups(standing, config, environment, now)),
    )
    return {environment: book}


def _old_backups(
    standing: Standing, config: RolloutConfig, environment: Environment, now: datetime
) -> Iterator[str]:
    days = config.environment(environment).retention_days
    for backup in past_retention(standing.backups, days, now):
        yield f"{Path(backup.path).name} ({(now - backup.made_at).days} days old)"
