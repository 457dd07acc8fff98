"""What follows from the ledger's rows: which backups may go, which deployment is rolled back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.errors import UsageError
from gonogo.ledger.rows import Backup, Deployment, past_retention, to_roll_back, why_nothing

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def backup(
    directory: Path, age_days: float, *, verified: bool = True, there: bool = True
) -> Backup:
    """A backup of that age, and its file."""
    made_at = NOW - timedelta(days=age_days)
    path = directory / f"{age_days}.dump"
    if there:
        path.touch()
    return Backup(
        id=int(age_days),
        deployment_id=1,
        path=str(path),
        bytes=1,
        sha256="",
        tool_version="18",
        made_at=made_at,
        verified_at=made_at if verified else None,
        verified_by="restore" if verified else None,
    )


@pytest.mark.parametrize(
    ("retention_days", "listed"),
    [(90, ["100"]), (30, ["100", "31"]), (14, ["100", "31", "20"]), (0, ["100", "31", "20"])],
)
def test_what_is_older_is_listed_oldest_first(
    tmp_path: Path, retention_days: int, listed: list[str]
) -> None:
    """Never anything younger than two weeks, whatever was asked."""
    every = [backup(tmp_path, age) for age in (1, 13, 14, 20, 31, 100)]
    found = past_retention(every, retention_days, NOW)
    assert [Path(one.path).stem for one in found] == listed


def test_the_backup_that_a_restore_would_take_is_kept(tmp_path: Path) -> None:
    """However old; one that never verified is not it."""
    every = [backup(tmp_path, 40, verified=False), backup(tmp_path, 50), backup(tmp_path, 60)]
    found = past_retention(every, 30, NOW)
    assert [Path(one.path).stem for one in found] == ["60", "40"]


def test_what_is_not_on_this_machine_is_not_listed(tmp_path: Path) -> None:
    """Somebody else's disk is somebody else's to tidy."""
    every = [backup(tmp_path, 50, there=False), backup(tmp_path, 1)]
    assert past_retention(every, 30, NOW) == ()


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
