"""What a gate run is asked, and what it saw: the values that the gate's rooms hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gonogo.checklist import Checklist
from gonogo.config import Endpoints
from gonogo.config.project import Project
from gonogo.criteria import Criteria, Metric
from gonogo.masking import Mask
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Role
from gonogo.model.measurement import DatabaseIdentity, LedgerEvent, Measurement, Window
from gonogo.model.window import DEFAULT_WINDOW
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners

LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line and in rollout.toml.

    Args:
        window: Length of the window; None takes the environment's default.
        as_of: The window's end; None is the snapshot's moment.
        environment: None takes NODE_ENV, else what the ledger says.
        without: Groups left out on purpose.
        deployed_at: The soak's start where no ledger tells.
        criteria: The criteria file; None takes the project's.
        strict: Whether a warning is NO-GO.
        manners: The time limits.
        json: Where a copy of record.json goes; ``-`` is the terminal.
        figures: Whether the terminal tells all figures before the verdict.
        endpoints: What the application answers over HTTP.
        archive_dir: Where records are kept; None takes the project's.
        migrations_dir: Where the migrations lie; None takes the project's.
        migrations_from: The first version that the ledger must know; None means all.
        allowed_signers: Who may attest items of the checklist; None where nobody is named.
    """

    window: timedelta | None = None
    as_of: datetime | None = None
    environment: Environment | None = None
    without: frozenset[str] = frozenset()
    deployed_at: datetime | None = None
    criteria: Path | None = None
    strict: bool = False
    manners: Manners = field(default_factory=Manners)
    json: str | None = None
    figures: bool = False
    endpoints: Endpoints = field(default_factory=Endpoints)
    archive_dir: Path | None = None
    migrations_dir: Path | None = None
    migrations_from: str | None = None
    allowed_signers: Path | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed before the first check runs.

    Args:
        project: Where things lie.
        options: What was asked.
        criteria: What is judged by.
        environment: Whose criteria apply.
        settings: Which database.
        checklist: What is proved or attested, phase by phase.
        simulated: Whether the ledger marks it as the sandbox.
        problem: Why the database cannot be asked; None when it can.
        mask: What every text of the database or an answer goes through.
    """

    project: Project
    options: Options
    criteria: Criteria
    environment: Environment
    settings: DatabaseSettings
    checklist: Checklist
    simulated: bool = False
    problem: str | None = None
    mask: Mask = field(default_factory=lambda: Mask({}))

    @property
    def window_asked(self) -> timedelta:
        """The length that was asked for, or the environment's default."""
        return self.options.window or DEFAULT_WINDOW[self.environment]

    @property
    def archive_dir(self) -> Path:
        """Where this run's record goes."""
        return self.options.archive_dir or self.project.root / "reports" / "archive"

    @property
    def expected(self) -> tuple[tuple[Role, Metric], ...]:
        """Every check of a full run."""
        return self.criteria.checks(self.environment)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one snapshot told.

    Args:
        window: What was judged.
        taken_at: The snapshot's moment by the server's clock (ours when it is out of reach).
        ledger: What the ledger says.
        identity: Which database it was; None when it is out of reach.
        measurements: By metric.
        findings: By id, one for every expected check.
        timeline: The rollout as the ledger tells it.
    """

    window: Window
    taken_at: datetime
    ledger: LedgerFacts
    identity: DatabaseIdentity | None
    measurements: Mapping[str, Measurement]
    findings: Mapping[str, Finding]
    timeline: tuple[LedgerEvent, ...] = ()
