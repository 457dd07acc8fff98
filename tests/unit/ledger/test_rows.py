"""What follows from the ledger's rows: which backups may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.ledger.rows import Backup, past_retention

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


def test_the_backup_of_the_first_attempt_is_kept(tmp_path: Path) -> None:
    """A restore would take it, although the newest is of a later attempt."""
    attempt = backup(tmp_path, 50)
    every = [backup(tmp_path, 1), backup(tmp_path, 40), attempt]
    found = past_retention(every, 30, NOW, attempt.id)
    assert [Path(one.path).stem for one in found] == ["40"]


def test_what_is_not_on_this_machine_is_not_listed(tmp_path: Path) -> None:
    """Somebody else's disk is somebody else's to tidy."""
    every = [backup(tmp_path, 50, there=False), backup(tmp_path, 1)]
    assert past_retention(every, 30, NOW) == ()
