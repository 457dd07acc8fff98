"""Where a database stands: what its ledger says, who is at work, and what to do next.

It only reads, in one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gonogo.ledger.attempts import backup_before, taken_back, to_roll_back
from gonogo.ledger.deployer import Holder, holder
from gonogo.ledger.history import incidents
from gonogo.ledger.installation import version
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.rows import (
    Backup,
    Deployment,
    EnvironmentMark,
    Incident,
    MigrationRow,
    StepRow,
)
from gonogo.model.measurement import DatabaseIdentity
from gonogo.postgres.session import Connection, asking, pinned
from gonogo.postgres.snapshot import identify
from gonogo.rollout.migrations.revert import schemas_aside
from gonogo.rollout.restore.swap import PREPARATION, relatives
from gonogo.screen import command

RESTORE_AGAIN = (
    "the interrupted preparation of a restore changed nothing: fix what failed and run"
    f" {command('rollback', '--mode restore')} again, or leave it"
)
UNDONE = frozenset({"failed", "running"})
ROLL_BACK_AGAIN = f"run {command('rollback')} again: it goes on from there"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a database stands.

    Args:
        identity: Which database.
        has_ledger: Whether gonogo ever began to deploy to it; without, all below is empty.
        mark: Which environment it is.
        holder: Who holds the deployer's lock.
        deployments: Newest first.
        steps: Of the deployment at hand, in order, its rollback's included.
        migrations: Oldest first.
        backups: Newest first.
        incidents: Newest first.
        aside: Schemas in which lies what reverts moved aside.
        kept: Databases that a restore put this one in the place of.
        prepared: A new database of a restore that did not come to its end.
    """

    identity: DatabaseIdentity
    has_ledger: bool = False
    mark: EnvironmentMark | None = None
    holder: Holder | None = None
    deployments: tuple[Deployment, ...] = ()
    steps: tuple[StepRow, ...] = ()
    migrations: tuple[MigrationRow, ...] = ()
    backups: tuple[Backup, ...] = ()
    incidents: tuple[Incident, ...] = ()
    aside: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()

    @property
    def latest(self) -> Deployment | None:
        """The newest deployment."""
        return next(iter(self.deployments), None)

    @property
    def at_hand(self) -> Deployment | None:
        """The newest deployment, or the older one whose rollback was begun and not ended."""
        return _at_hand(self.deployments)

    @property
    def restored_from(self) -> int | None:
        """The number of the backup that a restore would take; None where it would take none."""
        meant = to_roll_back(self.deployments)
        if meant is None:
            return None
        base = taken_back(self.deployments, meant, self.migrations).base.id
        backup = backup_before(base, self.migrations, self.backups)
        return backup.id if backup else None

    def state(self, deployment: Deployment) -> str:
        """The state of a deployment, in words; the ledger says "running" of a killed run too."""
        outcome = deployment.outcome.replace("_", " ")
        if deployment is not self.at_hand:
            return outcome
        # The preparation of a restore that was not confirmed is no rollback yet.
        begun = [step for step in self.steps if step.name not in PREPARATION]
        last = begun[-1].procedure if begun else "deploy"
        if deployment.outcome in {"failed", "running"} and last == "rollback":
            return "being rolled back" if self.holder else "rollback stopped"
        if deployment.outcome == "running" and not self.holder:
            return "interrupted"
        return outcome

    @property
    def _preparation_failed(self) -> bool:
        """Whether the last step belongs to a restore's preparation and did not succeed."""
        last = self.steps[-1] if self.steps else None
        return last is not None and last.name in PREPARATION and last.outcome in UNDONE

    @property
    def advice(self) -> str:
        """What to do next; empty when there is nothing to do."""
        at_hand = self.at_hand
        if at_hand is None:
            return ""
        if self._preparation_failed and not self.holder:
            return RESTORE_AGAIN
        match self.state(at_hand):
            case "rollback stopped":
                return ROLL_BACK_AGAIN
            case "interrupted" | "failed":
                again = command(f"deploy {at_hand.environment}")
                return (
                    f"run {again} again: it goes on from there; or undo it: {command('rollback')}"
                )
        return ""


def read_standing(connection: Connection) -> Standing:
    """Read where a database stands.

    Args:
        connection: From `reach` or `connect`, outside a transaction.

    Raises:
        DatabaseError: The role may not read the ledger, or the database was lost.
    """
    with asking("the ledger cannot be read"):
        # Asked before and after the snapshot, so that neither one ending nor one beginning is
        # missed.
        with pinned(connection):
            before = holder(connection)
        with pinned(connection, snapshot=True):
            standing = _read(connection)
        with pinned(connection):
            after = holder(connection)
    return replace(standing, holder=before or after)


def _read(connection: Connection) -> Standing:
    identity = identify(connection)
    if not version(connection):
        return Standing(identity)
    ledger = Ledger(connection)
    deployments = ledger.deployments()
    kept, prepared = relatives(connection)
    at_hand = _at_hand(deployments)
    return Standing(
        identity,
        has_ledger=True,
        mark=ledger.environment(),
        deployments=deployments,
        steps=ledger.steps(at_hand.id) if at_hand else (),
        migrations=ledger.migrations(),
        backups=ledger.backups(),
        incidents=incidents(connection),
        aside=schemas_aside(connection),
        kept=kept,
        prepared=prepared,
    )


def _at_hand(deployments: Sequence[Deployment]) -> Deployment | None:
    return to_roll_back(deployments) or next(iter(deployments), None)
