"""Which deployment a rollback is of: pure, over what the ledger holds."""

from __future__ import annotations

from collections.abc import Sequence

from gonogo.errors import UsageError
from gonogo.ledger.rows import Deployment

ROLLED_BACK = "rolled_back"
UNFINISHED = frozenset({"failed", "running"})


def to_roll_back(deployments: Sequence[Deployment], number: int | None = None) -> Deployment | None:
    """The newest deployment; one before it only by its number, when all after it are rolled back.

    Run again after it ended, a rollback must do nothing: it never goes further back by itself. One
    of an older deployment that was begun goes on without its number.

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
            "./noxw -s status lists them",
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
