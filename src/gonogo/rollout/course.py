"""What is known of a rollback when its incident report is drafted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gonogo.ledger.rows import Deployment, Incident, StepRow
from gonogo.model.step import StepRecord
from gonogo.postgres.session import Connection
from gonogo.report.text import moment

OPEN = "to be filled in"


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of a rollback when its report is drafted.

    Args:
        deployment: What was rolled back.
        mode: revert or restore.
        reason: Why, as it was given.
        rolled_back_by: Who did it.
        records: The steps of this run, with what each proved.
        steps: The ledger's rows of the deployment, its rollback's included.
        connection: To the ledger.
        schema: The application's schema.
        archive_dir: Where the gate's records are.
        simulated: Whether it is a rehearsal.
        anchor: The table of the application that says how large it is.
    """

    deployment: Deployment
    mode: str
    reason: str
    rolled_back_by: str
    records: Sequence[StepRecord]
    steps: Sequence[StepRow]
    connection: Connection
    schema: str
    archive_dir: Path
    simulated: bool = False
    anchor: str | None = None


def concerns(one: Incident, since: datetime) -> bool:
    """Whether an incident was open at any time since, and was one.

    Args:
        one: The incident.
        since: When the deployment began.
    """
    return not one.void and (one.closed_at is None or one.closed_at >= since)


def at(when: datetime) -> str:
    """A moment as a report tells it."""
    return moment(when)
