"""A deployment's or a rollback's record: how it ended, every step, what each proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gonogo.record.archive import RunningRecord
from gonogo.rollout.context import RolloutContext
from gonogo.rollout.result import DeploymentResult, RollbackResult
from gonogo.rollout.steps import StepRecord
from gonogo.window import format_moment

Result = TypeVar("Result", DeploymentResult, RollbackResult)
Json = dict[str, object]
LABELS: Mapping[tuple[str, str], str] = {
    ("deployment", "succeeded"): "DEPLOYED",
    ("deployment", "unchanged"): "UNCHANGED",
    ("deployment", "failed"): "DEPLOY-FAILED",
    ("rollback", "succeeded"): "ROLLED-BACK",
    ("rollback", "unchanged"): "UNCHANGED",
    ("rollback", "failed"): "ROLLBACK-FAILED",
}


def recorded(
    kind: str, context: RolloutContext, carry_out: Callable[[], Result]
) -> tuple[Result, Path]:
    """Carry out a rollout with a record that is opened before its first step.

    Args:
        kind: deployment or rollback.
        context: The circumstances.
        carry_out: Does it.

    Returns:
        How it ended, and its ``record.html``.

    Raises:
        GonogoError: Something was wrong before the first step, or the database was lost: the
            record reads as aborted.
    """
    head: Json = {
        "kind": kind,
        "title": f"{context.environment.capitalize()} {kind}",
        "simulated": context.simulated,
        "started_at": format_moment(datetime.now(UTC)),
    }
    archive_dir, environment = context.config.archive_dir, context.environment.value
    running = RunningRecord.open(archive_dir, environment, head)
    try:
        result = carry_out()
    except BaseException:
        # What was interrupted reads as aborted; how far it got is known from the ledger.
        running.abandon()
        raise
    label = LABELS[kind, result.outcome]
    directory = running.finish(head | _told(result), label, context.project.templates_dir)
    return result, directory / "record.html"


def _told(result: DeploymentResult | RollbackResult) -> Json:
    facts = dict(result.facts)
    if isinstance(result, RollbackResult):
        facts["Reason"] = result.reason or "none given"
        facts["Mode"] = result.mode
    if result.not_done:
        facts["Not done"] = "; ".join(result.not_done)
    return {
        "state": "complete",
        "outcome": "failed" if result.outcome == "failed" else "succeeded",
        "started_at": format_moment(result.started_at),
        "finished_at": format_moment(result.finished_at),
        "steps": [_step(step) for step in result.steps],
        "facts": facts,
    }


def _step(step: StepRecord) -> Json:
    return {
        "name": step.name,
        "title": step.title,
        "outcome": step.outcome,
        "started_at": format_moment(step.started_at),
        "elapsed_s": round(step.elapsed_s, 3),
        "proved": step.proved,
        "evidence": dict(step.evidence),
        "error": step.error,
    }
