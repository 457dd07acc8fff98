"""What stands behind the items: the newest records of an environment, and who ticked what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gonogo.signing.document import said_at

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A record that stands behind an item.

    Args:
        name: What it is called in the evidence.
        moment: When it began.
        document: What it holds.
    """

    name: str
    moment: datetime
    document: Json


@dataclass(frozen=True, slots=True)
class StepTold:
    """How a step of a deployment or rollback ended.

    Args:
        outcome: succeeded, failed or skipped.
        line: What it proved, or why not.
        source: Where that is written.
    """

    outcome: str
    line: str
    source: str


@dataclass(frozen=True, slots=True)
class Attested:
    """Somebody's word on an item.

    Args:
        by: Who.
        at: When they signed.
        source: The sign-off.
        about: When the record that they signed began.
    """

    by: str
    at: datetime
    source: str
    about: datetime

    @property
    def line(self) -> str:
        """As evidence."""
        return f"attested by {self.by}, {said_at(self.at)} ({self.source})"


@dataclass(frozen=True, slots=True)
class Sources:
    """What an environment's records show.

    Args:
        steps: Of the newest deployment, rollback and smoke requests, as ``deploy.backup``.
        deployment: The newest deployment; None when there was none.
        rollback: The rollback that came after it; None when there was none.
        gate: The newest gate.
        smoke: The newest smoke requests; None when none were sent.
        summary: The newest summary of a whole soak.
        deployments: How many records of deployments there are.
        rollbacks: How many records of rollbacks there are.
        old_backups: Backups past their retention; None where nobody asked the ledger.
    """

    steps: Mapping[str, StepTold] = field(default_factory=dict)
    deployment: Told | None = None
    rollback: Told | None = None
    gate: Told | None = None
    smoke: Told | None = None
    summary: Told | None = None
    deployments: int = 0
    rollbacks: int = 0
    old_backups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """What an environment's ledger says, where the database answers.

    Args:
        deployment: The latest; None when there was none.
        rollback: Its rollback; None when it stands.
        steps: Of the latest deployment and its rollback, as ``deploy.backup``.
        old_backups: Backups past their retention.
    """

    deployment: Told | None = None
    rollback: Told | None = None
    steps: Mapping[str, StepTold] = field(default_factory=dict)
    old_backups: tuple[str, ...] = ()

    def added_to(self, sources: Sources) -> Sources:
        """The records' word, with what only the ledger knows."""
        known = sources.deployment
        return replace(
            sources,
            deployment=known or self.deployment,
            rollback=sources.rollback or (self.rollback if self._is_newer(known) else None),
            steps={**self.steps, **sources.steps},
            old_backups=self.old_backups,
        )

    def _is_newer(self, known: Told | None) -> bool:
        return bool(self.rollback and (known is None or self.rollback.moment >= known.moment))
