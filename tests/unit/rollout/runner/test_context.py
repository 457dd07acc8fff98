"""Which revision is deployed, and which one a rollback goes back to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.application import code
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.ledger.attempts import UNKNOWN
from gonogo.ledger.rows import Deployment
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.rollout.runner.context import RolloutContext, revisions


def latest(outcome: str) -> Deployment:
    """A deployment of `two` over `one` that ended so."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Deployment(
        id=1,
        environment="staging",
        revision="two",
        previous_revision="one",
        migrations_sha256="",
        criteria_sha256="",
        deployed_by="me",
        override_reason=None,
        schema_before=None,
        started_at=moment,
        finished_at=moment,
        outcome=outcome,
        rolled_back_at=None,
        rollback_mode=None,
        rollback_reason=None,
    )


@pytest.mark.parametrize(
    ("head", "deployed", "before", "previous"),
    [
        ("one", "two", None, "one"),
        ("two", "two", None, UNKNOWN),
        ("two", "three", "succeeded", "two"),
        ("two", "three", "failed", "one"),
        ("three", "three", "succeeded", "two"),
        ("one", "three", "rolled_back", "one"),
        ("hotfix", "three", "succeeded", "hotfix"),
    ],
)
def test_what_ran_before(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    head: str,
    deployed: str,
    before: str | None,
    previous: str,
) -> None:
    """HEAD before the checkout says it, unless that revision never came to run."""
    monkeypatch.setattr(code, "head", lambda *_: head)
    monkeypatch.setattr(code, "resolve", lambda *words: words[-1])
    section = {"cwd": tmp_path, "backup_dir": tmp_path, "git": True}
    config = RolloutConfig.model_validate(
        {"archive_dir": tmp_path, "environments": {"staging": section}}
    )
    database = DatabaseSettings("", "test")
    context = RolloutContext(
        Project(tmp_path), Environment.STAGING, config, database, {}, revision=deployed
    )
    known = latest(before) if before else None
    assert revisions(context, known) == (deployed, previous)
