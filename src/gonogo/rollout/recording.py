"""A deployment's or a rollback's record: how it ended, every step, what each proved."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from gonogo.checklist.block import checklist_block
from gonogo.masking import Mask
from gonogo.model.step import StepEvent, StepKind, StepRecord, Tell
from gonogo.model.window import format_moment
from gonogo.record.archive import RunningRecord
from gonogo.record.files import told_plainly, write_whole
from gonogo.rollout.checklist import checklist_desk
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import DeploymentResult, RollbackResult

R = TypeVar("R", DeploymentResult, RollbackResult)
Json = dict[str, object]
NOX = ("./noxw", "-s")
REPORT = Path("incident-report.html")
OUTCOMES = {
    StepKind.FINISHED: "succeeded",
    StepKind.SKIPPED: "skipped",
    StepKind.FAILED: "failed",
}
LABELS: Mapping[tuple[str, str], str] = {
    ("deployment", "succeeded"): "DEPLOYED",
    ("deployment", "unchanged"): "UNCHANGED",
    ("deployment", "failed"): "DEPLOY-FAILED",
    ("rollback", "succeeded"): "ROLLED-BACK",
    ("rollback", "unchanged"): "UNCHANGED",
    ("rollback", "failed"): "ROLLBACK-FAILED",
}


def recorded(
    kind: str, context: RolloutContext, tell: Tell, carry_out: Callable[[Tell], R]
) -> tuple[R, Path]:
    """Carry out a rollout with a record that is opened before its first step.

    Args:
        kind: deployment or rollback.
        context: The rollout's context.
        tell: Shows an event.
        carry_out: Does it, and tells what it is given.

    Returns:
        How it ended, and its ``record.html``.

    Raises:
        GonogoError: Something was wrong before the first step, or the database was lost: the
            record reads as aborted, with the steps that ended.
        CancelledError: A person said no: there is no record.
    """
    head: Json = {
        "kind": kind,
        "title": f"{context.environment.capitalize()} {kind}",
        "simulated": context.simulated,
        "started_at": format_moment(datetime.now(UTC)),
        "reproduce": _reproduce(kind, context),
    }
    # What is wrong with the checklist is told now, not when all is done.
    desk = checklist_desk(context.project, context.config)
    archive_dir, environment = context.config.archive_dir, context.environment.value
    running = RunningRecord.open(archive_dir, environment, head)
    ended: list[Json] = []
    head["steps"] = ended
    with running.carried_out(head, context.project.templates_dir, Mask.of(context.environ)):
        result = carry_out(_noting(tell, ended))
    label = LABELS[kind, result.outcome]
    full = head | _told(result) | {"reproduce": _reproduce(kind, context, _mode(result))}
    # That nothing was changed is no new evidence.
    current = None if result.outcome == "unchanged" else (result.started_at, full)
    full["checklist"] = checklist_block(desk, context.environment, current)
    _write_report(running.directory, result, context.project.templates_dir)
    directory = running.finish(full, label, context.project.templates_dir)
    return result, directory / "record.html"


def _noting(tell: Tell, ended: list[Json]) -> Tell:
    """Tell, and keep each step that ended: of a run without a result it is all there is."""

    def note(event: StepEvent) -> None:
        if outcome := OUTCOMES.get(event.kind):
            ended.append(_step_of(event, outcome))
        tell(event)

    return note


def _step_of(event: StepEvent, outcome: str) -> Json:
    failed, began = outcome == "failed", datetime.now(UTC) - timedelta(seconds=event.elapsed_s)
    return {
        "name": event.step,
        "title": event.title,
        "outcome": outcome,
        "started_at": format_moment(began),
        "elapsed_s": round(event.elapsed_s, 3),
        "proved": "" if failed else event.proved,
        "evidence": {},
        "error": event.proved if failed else None,
    }


def _reproduce(kind: str, context: RolloutContext, mode: str = "") -> str:
    """The command that does the same once more."""
    if kind == "rollback":
        told = ("--mode", mode) if mode else ()
        return shlex.join(
            (*NOX, "rollback", "--", "--environment", context.environment.value, *told)
        )
    revision = ("--", "--revision", context.revision) if context.revision else ()
    return shlex.join((*NOX, f"deploy_{context.environment}", *revision))


def _mode(result: DeploymentResult | RollbackResult) -> str:
    return result.mode if isinstance(result, RollbackResult) else ""


def _write_report(
    directory: Path, result: DeploymentResult | RollbackResult, templates_dir: Path
) -> None:
    """Lay the draft of a rollback's incident report into a record that is about to be closed."""
    from gonogo.report.html import render_template  # noqa: PLC0415  # loads jinja2

    report = result.report if isinstance(result, RollbackResult) else None
    if report is None:
        return
    page = render_template("incident.html.jinja", templates_dir, {"report": report})
    with told_plainly("the incident report cannot be written"):
        write_whole(directory / REPORT.with_suffix(".md"), report.markdown.encode())
        write_whole(directory / REPORT.with_suffix(".html"), page.encode())


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
        "subject": _subject(result.facts),
        "facts": facts,
    }


def _subject(facts: Mapping[str, str]) -> Json | None:
    """What was deployed, by its hashes; None where there was nothing to roll back."""
    if "Deployment" not in facts:
        return None
    return {
        "deployment": facts["Deployment"],
        "revision": facts["Revision"],
        "migrations_sha256": facts["Migrations sha256"],
        "criteria_sha256": facts["Criteria sha256"],
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
