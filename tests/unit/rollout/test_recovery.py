"""After a failure: what is stopped, since when, and what fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from gonogo.model.step import StepRecord
from gonogo.rollout.recovery import stopped_since

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)
Outcome = Literal["succeeded", "failed", "skipped"]


def record(name: str, outcome: Outcome = "succeeded", minute: int = 0) -> StepRecord:
    """A step that took a second."""
    return StepRecord(name, name, outcome, AT + timedelta(minutes=minute), 1.0, "")


STOPPED = record("stop_app")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("records", "since"),
    [
        ([], None),
        ([record("migrate", "failed")], None),
        ([STOPPED, record("migrate", "failed", 1)], AT + SECOND),
        ([STOPPED, record("start_app", "failed", 1)], AT + SECOND),
        ([record("stop_jobs"), record("stop_app", minute=1)], AT + SECOND),
        ([record("stop_jobs"), record("stop_app", "failed", 1)], AT + SECOND),
        ([STOPPED, record("start_app", minute=1)], None),
        ([STOPPED, record("start_app", minute=1), record("identity", "failed", 2)], None),
        ([record("stop_app", "skipped"), record("migrate", "failed")], None),
    ],
)
def test_what_was_stopped_and_not_started_is_down_since_its_stop(
    records: list[StepRecord], since: datetime | None
) -> None:
    """A stop that failed may have ended something too; a stop that was skipped ended nothing."""
    assert stopped_since(records) == since
