"""Which deployment a rollback is of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gonogo.errors import UsageError
from gonogo.ledger.rows import Deployment
from gonogo.ledger.target import to_roll_back, why_nothing

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)


def deployments(*outcomes: str) -> list[Deployment]:
    """Deployments as the ledger hands them out, newest first; a ``*`` has a rollback begun."""
    every = []
    for number, outcome in enumerate(outcomes, start=1):
        plain, mode = outcome.rstrip("*"), "revert" if outcome.endswith("*") else None
        asked = ("staging", "b", "a", "m", "c", "ada", None, None)
        every.append(Deployment(number, *asked, NOW, NOW, plain, None, mode, None))
    return every[::-1]


@pytest.mark.parametrize(
    ("outcomes", "number", "meant"),
    [
        ((), None, None),
        (("succeeded",), None, 1),
        (("failed", "succeeded"), None, 2),
        (("succeeded", "failed"), None, 2),
        (("succeeded", "rolled_back"), None, None),
        (("failed", "rolled_back"), None, None),
        (("failed*", "rolled_back"), None, 1),
        (("succeeded*", "rolled_back"), None, None),
        (("succeeded", "rolled_back"), 1, 1),
        (("succeeded", "succeeded"), 2, 2),
        (("succeeded", "rolled_back"), 2, None),
        (("rolled_back", "rolled_back"), None, None),
    ],
)
def test_a_rollback_goes_back_one_deployment_and_further_only_by_number(
    outcomes: tuple[str, ...], number: int | None, meant: int | None
) -> None:
    """The newest; an older one when it is named, or when its rollback was begun."""
    found = to_roll_back(deployments(*outcomes), number)
    assert (found.id if found else None) == meant


@pytest.mark.parametrize(
    ("number", "said"), [(1, "deployment 2 came after deployment 1 and stands"), (7, "knows no")]
)
def test_a_deployment_below_one_that_stands_is_refused(number: int, said: str) -> None:
    """So is one that nobody knows; nothing is guessed."""
    with pytest.raises(UsageError, match=said):
        to_roll_back(deployments("succeeded", "succeeded"), number)


def test_what_stands_is_named_where_there_is_nothing_to_roll_back() -> None:
    """Nobody is left without the way on: the number of the deployment that stands is told."""
    assert why_nothing([]) == "none was begun"
    assert why_nothing(deployments("rolled_back")) == "deployment 1 is rolled back already"
    assert "--deployment 1 takes it back" in why_nothing(deployments("succeeded", "rolled_back"))
