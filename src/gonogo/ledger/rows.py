"""The ledger's rows, and which of the backups are old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

# What a rollback may still want is never listed, whatever a team's file says.
SHORTEST_DAYS = 14
# How a backup was verified that the team's own commands made and proved.
BY_TEAM = "team"


@dataclass(frozen=True, slots=True)
class EnvironmentMark:
    """Which environment a database is.

    Args:
        name: staging or production.
        simulated: Whether it is a sandbox, whose soak is ahead of the clock.
    """

    name: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """What is known of a deployment when it begins.

    Args:
        environment: staging or production.
        revision: The application's revision that is to run.
        previous_revision: The one that runs now, which a rollback goes back to.
        migrations_sha256: Hash of the migration files.
        criteria_sha256: Hash of the criteria file.
        deployed_by: Who deploys.
        override_reason: Why production goes without a signed staging record.
    """

    environment: str
    revision: str
    previous_revision: str
    migrations_sha256: str
    criteria_sha256: str
    deployed_by: str
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment.

    Args:
        id: Its number.
        outcome: running, succeeded, failed or rolled_back.
        finished_at: When the soak began; None while it runs.
        schema_before: The schema's fingerprint before the first change.
    """

    id: int
    environment: str
    revision: str
    previous_revision: str
    migrations_sha256: str
    criteria_sha256: str
    deployed_by: str
    override_reason: str | None
    schema_before: str | None
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    rolled_back_at: datetime | None
    rollback_mode: str | None
    rollback_reason: str | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a deployment or rollback.

    Args:
        procedure: deploy or rollback.
        outcome: running, succeeded, failed or skipped.
        evidence: What it proved.
    """

    id: int
    deployment_id: int
    procedure: str
    name: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    evidence: Mapping[str, Any]
    error: str | None


@dataclass(slots=True)
class Step:
    """A step that is under way: the body writes what it proves.

    Args:
        id: Its row.
        evidence: Becomes the row's evidence; must be JSON.
        skipped: Whether there was nothing to do.
    """

    id: int
    evidence: dict[str, Any] = field(default_factory=dict)
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class MigrationRow:
    """One migration that was applied or adopted.

    Args:
        xid: The 64-bit id of the transaction that made it.
        duration_ms: How long its statements took, in milliseconds.
        adopted: Its objects were there already.
        completed_at: None while its part outside the transaction is outstanding.
    """

    deployment_id: int
    version: str
    name: str
    sha256: str
    xid: str
    applied_at: datetime
    duration_ms: int
    adopted: bool
    completed_at: datetime | None
    reverted_at: datetime | None


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One try at a statement outside a transaction.

    Args:
        place: The statement's place in that part of the file, counted from 1.
        outcome: running, succeeded or failed.
        indexes_before: Every index that was there when it began, by oid.
    """

    id: int
    place: int
    outcome: str
    indexes_before: Sequence[int]


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    Args:
        path: The file; of a backup by the team's own commands, the name that they gave it.
        bytes: Its size.
        verified_by: restore or read; `BY_TEAM` where the team's commands made and proved it; None
            until it is verified.
    """

    id: int
    deployment_id: int
    path: str
    bytes: int
    sha256: str
    tool_version: str
    made_at: datetime
    verified_at: datetime | None
    verified_by: str | None

    @property
    def is_of_team(self) -> bool:
        """Whether the team's own commands made it: gonogo cannot restore it."""
        return self.verified_by == BY_TEAM

    @property
    def is_here(self) -> bool:
        """Whether it is there, as far as this machine can tell."""
        return self.is_of_team or Path(self.path).is_file()


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Args:
        kind: critical or complaint.
        void: It was a false alarm, and does not count.
        closed_by: Who closed it; None where it is open, or the ledger did not keep it.
        voided_by: Who declared it void.
    """

    id: int
    title: str
    kind: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    void: bool
    closed_by: str | None
    voided_by: str | None


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """How far an environment's chain in the archive went when a deployment or rollback had ended.

    Args:
        lines: Lines of its ``chain.sha256``.
        sha256: Of these.
    """

    deployment_id: int
    environment: str
    lines: int
    sha256: str


def past_retention(
    backups: Sequence[Backup], retention_days: int, now: datetime, needed: int | None = None
) -> tuple[Backup, ...]:
    """The backups of this machine that are older than their retention, oldest first.

    A team's own are not gonogo's to list. The newest verified one is never among them, nor is what
    a restore would take.

    Args:
        backups: From the ledger.
        retention_days: How long they are kept, in days; never counted as less than two weeks.
        now: The moment that ages are counted from.
        needed: The backup that a restore would take, by its number.
    """
    kept = timedelta(days=max(retention_days, SHORTEST_DAYS))
    newest = max((one.made_at for one in backups if one.verified_at), default=now)
    old = [one for one in backups if now - one.made_at > kept and not one.is_of_team]
    old = [one for one in old if one.made_at != newest and one.id != needed]
    return tuple(sorted((one for one in old if Path(one.path).is_file()), key=_made_at))


def _made_at(backup: Backup) -> datetime:
    return backup.made_at
