"""Which deployment a rollback is of, and which attempts are taken back with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.errors import UsageError
from gonogo.ledger.attempts import (
    UNKNOWN,
    TakenBack,
    adopted_since,
    backup_before,
    staying_lines,
    taken_back,
    taken_lines,
    to_roll_back,
    why_nothing,
)
from gonogo.ledger.rows import Backup, Deployment, MigrationRow

NOW = datetime(2026, 11, 23, tzinfo=UTC)


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
    """The number of the deployment that stands is said, so there is a way on."""
    assert why_nothing([]) == "none was begun"
    assert why_nothing(deployments("rolled_back")) == "deployment 1 is rolled back already"
    assert "--deployment 1 takes it back" in why_nothing(deployments("succeeded", "rolled_back"))


def migration(
    version: str, deployment_id: int, *, adopted: bool = False, reverted_h: float | None = None
) -> MigrationRow:
    """A migration's row; reverted that many hours after the deployments began."""
    reverted_at = None if reverted_h is None else NOW + timedelta(hours=reverted_h)
    return MigrationRow(deployment_id, version, "x", "", "1", NOW, 1, adopted, NOW, reverted_at)


def back(every: list[Deployment], *rows: MigrationRow) -> TakenBack:
    """What a rollback of the newest takes back."""
    return taken_back(every, every[0], rows)


@pytest.mark.parametrize(
    ("outcomes", "ids"),
    [
        (("succeeded",), (1,)),
        (("succeeded", "succeeded"), (2,)),
        (("succeeded", "failed", "succeeded"), (3, 2)),
        (("succeeded", "failed", "failed"), (3, 2)),
        (("succeeded", "running", "failed*", "succeeded"), (4, 3, 2)),
        (("succeeded", "failed", "rolled_back", "failed"), (4, 2)),
        (("succeeded", "rolled_back", "succeeded"), (3,)),
        (("failed", "rolled_back", "succeeded"), (3, 1)),
        (("failed", "failed"), (2, 1)),
    ],
)
def test_every_attempt_since_the_last_that_served_is_taken_back(
    outcomes: tuple[str, ...], ids: tuple[int, ...]
) -> None:
    """Those that are rolled back already are not rolled back twice."""
    assert back(deployments(*outcomes)).ids == ids


def with_schema(every: list[Deployment], *ids: int) -> list[Deployment]:
    """The same deployments, some of which took a fingerprint before their first change."""
    return [
        replace(one, schema_before=f"before {one.id}" if one.id in ids else None) for one in every
    ]


@pytest.mark.parametrize(
    ("rows", "base"),
    [
        ((), 3),
        ((migration("038", 2), migration("039", 3)), 2),
        ((migration("038", 2),), 2),
        ((migration("038", 3),), 3),
        ((migration("038", 2, adopted=True), migration("039", 3)), 3),
        ((migration("038", 2, reverted_h=1), migration("039", 3)), 2),
        ((migration("038", 2, reverted_h=-1), migration("039", 3)), 3),
    ],
)
def test_the_base_is_the_first_attempt_that_changed_the_schema(
    rows: tuple[MigrationRow, ...], base: int
) -> None:
    """What was adopted changed nothing, nor what was reverted before the newest began."""
    every = with_schema(deployments("succeeded", "failed", "succeeded"), 1, 2, 3)
    assert back(every, *rows).base.id == base


def test_the_base_does_not_move_while_a_rollback_goes_on() -> None:
    """A rollback that is run again after its revert is measured by the same state."""
    every = with_schema(deployments("succeeded", "failed", "succeeded"), 1, 2, 3)
    rows = (migration("038", 2), migration("039", 3))
    reverted = (migration("038", 2, reverted_h=1), migration("039", 3, reverted_h=1))
    assert back(every, *rows).base == back(every, *reverted).base


@pytest.mark.parametrize(
    ("revisions", "previous"),
    [
        (("b", "b"), "b"),
        (("a", "b"), "a"),
        ((UNKNOWN, "b"), "b"),
        ((UNKNOWN, UNKNOWN), UNKNOWN),
    ],
)
def test_the_code_goes_back_to_what_ran_before_the_oldest_attempt(
    revisions: tuple[str, str], previous: str
) -> None:
    """Unless nobody knows it: then to what ran before the next one."""
    newest, oldest, served = deployments("succeeded", "failed", "succeeded")
    every = [
        replace(newest, previous_revision=revisions[1]),
        replace(oldest, previous_revision=revisions[0]),
        served,
    ]
    assert back(every).previous_revision == previous


def test_what_is_taken_back_and_what_stays_is_said() -> None:
    """Each attempt by its number; what was adopted, and what a deployment that served applied."""
    every = deployments("succeeded", "failed", "succeeded")
    rows = (migration("038", 1), migration("039", 2, adopted=True), migration("040", 2))
    found = back(every, *rows)
    assert [line.split(" is ")[0] for line in taken_lines(found)] == [
        "deployment 2 (failed, revision b)"
    ]
    assert list(staying_lines(found, rows)) == [
        "stay, because they were adopted: 039_x",
        "stay, because a deployment that served applied them: 038_x",
    ]


def test_what_was_adopted_after_the_fingerprint_is_named() -> None:
    """It stays, so the schema cannot be equal to the fingerprint."""
    every = with_schema(deployments("succeeded", "failed", "succeeded"), 2, 3)
    rows = (
        migration("038", 2),
        migration("039", 2, adopted=True),
        migration("040", 3, adopted=True),
    )
    assert adopted_since(back(every, *rows), rows) == "040_x"
    assert adopted_since(back(every, *rows[1:]), rows[1:]) == ""


def test_a_backup_from_after_the_first_change_is_not_what_a_restore_takes() -> None:
    """Nor one that never verified, nor another deployment's."""

    def backup(number: int, deployment: int, hours: int, by: str | None = "restore") -> Backup:
        made_at = NOW + timedelta(hours=hours)
        return Backup(number, deployment, "b", 1, "", "18", made_at, made_at if by else None, by)

    made = [backup(5, 2, -1), backup(4, 1, 1), backup(3, 1, -1, None), backup(2, 1, -2, "team")]
    found = backup_before(1, [migration("038", 1)], [*made, backup(1, 1, -3)])
    assert found == made[-1]
    assert backup_before(1, [migration("038", 1, adopted=True)], made) == made[1]
    assert backup_before(3, [], made) is None
