"""How a deployment or rollback ended, told in the terminal; a failure ends the command."""

from __future__ import annotations

from pathlib import Path

from gonogo.cli.checklists import checklist_lines
from gonogo.report.narration import Narration
from gonogo.rollout.recording import REPORT, recorded
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import DeploymentResult, RollbackResult

TITLES = {
    ("deployment", "succeeded"): "Deployed",
    ("deployment", "unchanged"): "Deployed already: nothing was changed",
    ("deployment", "failed"): "The deployment failed",
    ("rollback", "succeeded"): "Rolled back",
    ("rollback", "unchanged"): "There was nothing to roll back: nothing was changed",
    ("rollback", "failed"): "The rollback failed",
}


def tell_deployment(
    narration: Narration, context: RolloutContext, result: DeploymentResult, record: Path
) -> None:
    """Tell how a deployment ended, and the rollback that its failure may have brought.

    Args:
        narration: Where.
        context: The deployment's circumstances.
        result: How it ended.
        record: Its ``record.html``.

    Raises:
        GonogoError: What failed.
    """
    _tell("deployment", narration, result, record)
    if (by_itself := result.rollback) is not None:
        # It is over already; the archive learns of it as of any other.
        _, page = recorded("rollback", context, narration, lambda _: by_itself)
        tell_rollback(narration, by_itself, page)
    if result.error:
        raise result.error


def tell_rollback(narration: Narration, result: RollbackResult, record: Path) -> None:
    """Tell how a rollback ended.

    Args:
        narration: Where.
        result: How it ended.
        record: Its ``record.html``.

    Raises:
        GonogoError: What failed.
    """
    _tell("rollback", narration, result, record)
    if result.report:
        _list(narration, "report", [str(record.with_name(REPORT.name))])
    if result.error:
        raise result.error


def _tell(
    kind: str, narration: Narration, result: DeploymentResult | RollbackResult, record: Path
) -> None:
    narration.chapter(TITLES[kind, result.outcome])
    if result.outcome == "failed":
        done = [step.title for step in result.steps if step.outcome == "succeeded"]
        _list(narration, "done", done)
        _list(narration, "not done", result.not_done)
    if result.outcome != "unchanged":
        _list(narration, "next", result.next_steps)
    if result.outcome == "succeeded":
        # After a rollback the other phases wait for the next deployment.
        phase = "rollback" if kind == "rollback" else ""
        _list(narration, "checklist", checklist_lines(record.with_name("record.json"), phase))
    if result.outcome == "failed":
        _list(narration, "log", [str(result.log)])
    _list(narration, "record", [str(record)])


def _list(narration: Narration, label: str, lines: tuple[str, ...] | list[str]) -> None:
    for place, line in enumerate(lines):
        narration.say(f"  {'' if place else label:<9} {line}")
