"""Which deployment a rollback is of, and which attempts before it are taken back with it.

An attempt is a deployment that did not come to its end. A rollback goes back to the last state that
was proved to serve, so it takes back every attempt since: code and schema are of one state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gonogo.errors import UsageError
from gonogo.ledger.rows import Backup, Deployment, MigrationRow
from gonogo.screen import command

SERVED = "succeeded"
ROLLED_BACK = "rolled_back"
UNFINISHED = frozenset({"failed", "running"})
# What the ledger calls a revision that nobody knows.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What one rollback takes back.

    Args:
        deployment: The deployment that it is of.
        earlier: The attempts since the last deployment that served, newest first.
        base: The first of all these that changed the schema: its backup and its fingerprint are
            those of the state that is gone back to.
    """

    deployment: Deployment
    earlier: tuple[Deployment, ...]
    base: Deployment

    @property
    def every(self) -> tuple[Deployment, ...]:
        """All that is taken back, newest first."""
        return (self.deployment, *self.earlier)

    @property
    def ids(self) -> tuple[int, ...]:
        """Their numbers, newest first."""
        return tuple(one.id for one in self.every)

    @property
    def previous_revision(self) -> str:
        """The revision that ran before the oldest of them, as far as one is known."""
        known = [one.previous_revision for one in self.every if one.previous_revision != UNKNOWN]
        return known[-1] if known else UNKNOWN


def taken_back(
    deployments: Sequence[Deployment], meant: Deployment, rows: Sequence[MigrationRow]
) -> TakenBack:
    """What a rollback of a deployment takes back.

    Args:
        deployments: Of the environment, newest first.
        meant: Which one is rolled back.
        rows: Every migration that was ever applied or adopted.
    """
    earlier = tuple(attempts(one for one in deployments if one.id < meant.id))
    # What the rollback itself has reverted already was in place when it began.
    changed = {
        row.deployment_id
        for row in rows
        if not row.adopted and (row.reverted_at is None or row.reverted_at >= meant.started_at)
    }
    oldest_first = (*reversed(earlier), meant)
    bases = (one for one in oldest_first if one.id in changed and one.schema_before)
    return TakenBack(meant, earlier, next(bases, meant))


def backup_before(
    deployment_id: int, rows: Iterable[MigrationRow], backups: Iterable[Backup]
) -> Backup | None:
    """The newest verified backup of a deployment from before its first change.

    Args:
        deployment_id: Which.
        rows: Every migration that was ever applied or adopted.
        backups: In any order.
    """
    own = (one for one in rows if one.deployment_id == deployment_id and not one.adopted)
    first = min((one.applied_at for one in own), default=None)
    of_it = (one for one in backups if one.deployment_id == deployment_id and one.verified_at)
    before = (one for one in of_it if first is None or one.made_at <= first)
    return max(before, key=lambda one: one.made_at, default=None)


def attempts(deployments: Iterable[Deployment]) -> Iterator[Deployment]:
    """The attempts since the newest deployment that served, newest first.

    Args:
        deployments: Newest first.
    """
    for one in deployments:
        if one.outcome == SERVED:
            return
        if one.outcome in UNFINISHED:
            yield one


def taken_lines(back: TakenBack) -> Iterator[str]:
    """The attempts that a rollback takes back with its deployment, a line each.

    Args:
        back: What it takes back.
    """
    for one in back.earlier:
        yield (
            f"deployment {one.id} ({one.outcome}, revision {one.revision}) is taken back too: it"
            " came before this one and never came to its end"
        )


def staying_lines(back: TakenBack, rows: Iterable[MigrationRow]) -> Iterator[str]:
    """What a revert leaves in place, and why.

    Args:
        back: What it takes back.
        rows: The migrations in place.
    """
    there = tuple(rows)
    adopted = [row for row in there if row.adopted]
    served = [row for row in there if not row.adopted and row.deployment_id not in back.ids]
    if adopted:
        yield f"stay, because they were adopted: {_named(adopted)}"
    if served:
        yield f"stay, because a deployment that served applied them: {_named(served)}"


def adopted_since(back: TakenBack, rows: Iterable[MigrationRow]) -> str:
    """What was adopted after the fingerprint of the state that is gone back to; else empty.

    Args:
        back: What a rollback takes back.
        rows: The migrations in place.
    """
    later = {one.id for one in back.every if one.id > back.base.id}
    return _named([row for row in rows if row.adopted and row.deployment_id in later])


def _named(rows: Sequence[MigrationRow]) -> str:
    return ", ".join(f"{row.version}_{row.name}" for row in rows)


def to_roll_back(deployments: Sequence[Deployment], number: int | None = None) -> Deployment | None:
    """Which deployment a rollback is of: the newest, or an older one by its number.

    An older one can be rolled back only when all after it are. A rollback that is run again after
    it ended does nothing: it never goes further back by itself. One of an older deployment that was
    begun is resumed without its number.

    Args:
        deployments: Newest first.
        number: Which one is meant; None leaves it to the rule.

    Returns:
        The deployment; None when there is none, or it is rolled back already.

    Raises:
        UsageError: There is none of that number, or one after it stands.
    """
    stands = _standing(deployments)
    if number is None:
        newest = bool(deployments) and stands is deployments[0]
        return stands if stands and (newest or _is_begun(stands)) else None
    meant = next((one for one in deployments if one.id == number), None)
    if meant is None:
        raise UsageError(
            f"the ledger knows no deployment {number}; nothing was done",
            f"{command('status')} lists them",
        )
    if meant.outcome == ROLLED_BACK:
        return None
    if stands is not None and meant is not stands:
        raise UsageError(
            f"deployment {stands.id} came after deployment {number} and stands; nothing was done",
            f"roll back deployment {stands.id} first",
        )
    return meant


def why_nothing(deployments: Sequence[Deployment], number: int | None = None) -> str:
    """Why there is nothing to roll back, and what could be.

    Args:
        deployments: Newest first.
        number: Which one was meant.
    """
    if not deployments:
        return "none was begun"
    done = f"deployment {number or deployments[0].id} is rolled back already"
    stands = _standing(deployments)
    if stands is None:
        return done
    return f"{done} (what stands is deployment {stands.id}: --deployment {stands.id} takes it back)"


def _standing(deployments: Sequence[Deployment]) -> Deployment | None:
    return next((one for one in deployments if one.outcome != ROLLED_BACK), None)


def _is_begun(deployment: Deployment) -> bool:
    return deployment.rollback_mode is not None and deployment.outcome in UNFINISHED
