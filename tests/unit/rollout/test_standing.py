"""How a deployment stands follows from its outcome, its last step, and who is at work."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gonogo.ledger.deployer import Holder
from gonogo.ledger.rows import Deployment, StepRow
from gonogo.model.measurement import DatabaseIdentity
from gonogo.rollout.standing import Standing

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
IDENTITY = DatabaseIdentity("1", "app", "18.6", "owner")
SOMEBODY = Holder(1, "owner", "gonogo deploy", None, NOW)


def standing(outcome: str, *steps: str, holder: Holder | None = None) -> Standing:
    """A database with one deployment; each step is its procedure, its name and how it ended."""
    deployment = Deployment(
        1, "staging", "b", "a", "m", "c", "ada", None, None, NOW, NOW, outcome, None, None, None
    )
    rows = []
    for place, step in enumerate(steps):
        told, _, ended = step.partition(" ")
        procedure, _, name = told.partition(".")
        rows.append(StepRow(place, 1, procedure, name, NOW, NOW, ended or "succeeded", {}, None))
    return Standing(
        IDENTITY, has_ledger=True, holder=holder, deployments=(deployment,), steps=tuple(rows)
    )


@pytest.mark.parametrize(
    ("told", "state", "advice"),
    [
        (standing("succeeded", "deploy.admins"), "succeeded", ""),
        (standing("running", "deploy.migrate"), "interrupted", "deploy staging again"),
        (standing("running", "deploy.migrate", holder=SOMEBODY), "running", ""),
        (standing("failed", "deploy.migrate"), "failed", "deploy staging again"),
        (standing("failed", "deploy.x", "rollback.stop_app"), "rollback stopped", "rollback again"),
        (standing("failed", "deploy.x", "rollback.compare"), "failed", "deploy staging again"),
        (standing("succeeded", "deploy.x", "rollback.compare"), "succeeded", ""),
        (standing("succeeded", "rollback.restore_backup skipped"), "succeeded", ""),
        (
            standing("succeeded", "rollback.check_backup failed"),
            "succeeded",
            "--mode restore again",
        ),
        (standing("failed", "rollback.new_database running"), "failed", "--mode restore again"),
        (standing("succeeded", "rollback.compare running", holder=SOMEBODY), "succeeded", ""),
        (standing("failed", "rollback.close", holder=SOMEBODY), "being rolled back", ""),
    ],
)
def test_a_state_is_what_happened_and_what_is_next(told: Standing, state: str, advice: str) -> None:
    """A restore that was prepared and not agreed to is no rollback that stopped."""
    assert told.latest
    assert told.state(told.latest) == state
    assert advice in told.advice
    assert bool(told.advice) == bool(advice)
