"""A deployment's or a rollback's record: how it ended, every step, what each proved."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar

from gonogo import __version__
from gonogo.application.code import change
from gonogo.checklist.entries import checklist_desk
from gonogo.checklist.standing import checklist_block
from gonogo.errors import CancelledError, GonogoError
from gonogo.masking import Mask
from gonogo.model.kinds import Kind, State
from gonogo.model.limit import Json
from gonogo.model.record import Record, Rollout
from gonogo.model.step import Change, Migrated, StepEvent, StepKind, StepRecord, Tell
from gonogo.record.archive import RunningRecord
from gonogo.record.files import refusal_explained, write_whole
from gonogo.report.index import RecordPages
from gonogo.rollout.anchors import keep
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import DeploymentResult, RollbackResult
from gonogo.screen import command

R = TypeVar("R", DeploymentResult, RollbackResult)
REPORT = Path("incident-report.html")
Outcome = Literal["succeeded", "failed", "skipped"]
OUTCOMES: Mapping[StepKind, Outcome] = {
    StepKind.FINISHED: "succeeded",
    StepKind.SKIPPED: "skipped",
    StepKind.FAILED: "failed",
}
LABELS: Mapping[tuple[Kind, str], str] = {
    (Kind.DEPLOYMENT, "succeeded"): "DEPLOYED",
    (Kind.DEPLOYMENT, "unchanged"): "UNCHANGED",
    (Kind.DEPLOYMENT, "failed"): "DEPLOY-FAILED",
    (Kind.ROLLBACK, "succeeded"): "ROLLED-BACK",
    (Kind.ROLLBACK, "unchanged"): "UNCHANGED",
    (Kind.ROLLBACK, "failed"): "ROLLBACK-FAILED",
}


def recorded(
    what: Literal["deployment", "rollback"],
    context: RolloutContext,
    tell: Tell,
    carry_out: Callable[[Tell], R],
) -> tuple[R, Path]:
    """Carry out a rollout with a record that is opened before its first step.

    Args:
        what: Which of the two.
        context: The rollout's context.
        tell: Shows an event.
        carry_out: Carries it out, and shows each event by what it is given.

    Returns:
        How it ended, and its ``record.html``.

    Raises:
        GonogoError: Something was wrong before the first step, or the database was lost: the
            record reads as aborted, with the steps that ended.
        CancelledError: A person said no: there is no record.
    """
    kind, of = Kind(what), f" of the database {context.member}" if context.member else ""
    head = Record(
        kind=kind,
        title=f"{context.environment.capitalize()} {kind}{of}",
        environment=context.environment,
        simulated=context.simulated,
        started_at=datetime.now(UTC),
        gonogo=__version__,
        reproduce=_reproduce(kind, context),
    )
    # A mistake in the checklist is reported now, not when all is done.
    desk = checklist_desk(context.project, context.config)
    templates_dir = context.project.templates_dir
    pages = RecordPages(templates_dir)
    # And so is one in a template.
    pages.page(head)
    running = RunningRecord.open(desk.archive_dir, head)
    ended: list[StepRecord] = []
    mask = Mask.of(context.environ)
    try:
        with running.carried_out(lambda: head.having(steps=tuple(ended)), pages, mask):
            result = carry_out(_noting(tell, ended))
    except GonogoError as error:
        # What was refused before the first step is its operator's alone to know.
        if ended and not isinstance(error, CancelledError):
            lost = head.having(state=State.ABORTED, steps=tuple(ended), ended_by=mask(str(error)))
            for line in _notified(lost, running.directory, context):
                error.add_note(line)
        raise
    full = _full(head, context, result)
    # That nothing was changed is no new evidence.
    current = None if result.outcome == "unchanged" else (result.started_at, full)
    full = full.having(checklist=checklist_block(desk, context.environment, current))
    with _said_first(result.error):
        _write_report(running.directory, result, templates_dir)
        directory = running.finish(full, LABELS[kind, result.outcome], pages)
    if result.deployment and result.outcome != "unchanged":
        keep(context, result.deployment.id, tell)
    for line in _notified(full, directory, context):
        tell(StepEvent(StepKind.NOTE, "notify", line))
    return result, directory / "record.html"


@contextmanager
def _said_first(error: GonogoError | None) -> Iterator[None]:
    """Where no record can be written, say first what failed, and last what is down.

    Args:
        error: What failed before; None where nothing did.
    """
    try:
        yield
    except GonogoError as lost:
        if error is None:
            raise
        error.add_note(str(lost))
        raise error from lost


def _notified(record: Record, directory: Path, context: RolloutContext) -> Iterable[str]:
    """Tell whom rollout.toml names; what could not be delivered, a line each."""
    if not context.config.notifications:
        return ()
    from gonogo.report.notification import notify  # noqa: PLC0415  # few ask for it

    return notify(record, directory, context.config.notifications, context.environ)


def _noting(tell: Tell, ended: list[StepRecord]) -> Tell:
    """Show each event and keep each step that ended: a run without a result has nothing else."""

    def note(event: StepEvent) -> None:
        if outcome := OUTCOMES.get(event.kind):
            ended.append(_step_of(event, outcome))
        tell(event)

    return note


def _step_of(event: StepEvent, outcome: Outcome) -> StepRecord:
    failed, began = outcome == "failed", datetime.now(UTC) - timedelta(seconds=event.elapsed_s)
    return StepRecord(
        name=event.step,
        title=event.title,
        outcome=outcome,
        started_at=began,
        elapsed_s=round(event.elapsed_s, 3),
        proved="" if failed else event.proved,
        error=event.proved if failed else None,
    )


def _reproduce(kind: Kind, context: RolloutContext, mode: str = "") -> str:
    """The command that does the same once more."""
    if kind is Kind.ROLLBACK:
        options = ("--mode", mode) if mode else ()
        return command("rollback", "--environment", context.environment.value, *options)
    revision = ("--revision", shlex.quote(context.revision)) if context.revision else ()
    return Mask.of(context.environ)(command(f"deploy {context.environment}", *revision))


def _write_report(
    directory: Path, result: DeploymentResult | RollbackResult, templates_dir: Path
) -> None:
    """Lay the draft of a rollback's incident report into a record that is about to be closed."""
    from gonogo.report.html import render_template  # noqa: PLC0415  # loads jinja2

    report = result.report if isinstance(result, RollbackResult) else None
    if report is None:
        return
    page = render_template("incident.html.jinja", templates_dir, {"report": report})
    with refusal_explained("the incident report cannot be written"):
        write_whole(directory / REPORT.with_suffix(".md"), report.markdown.encode())
        write_whole(directory / REPORT.with_suffix(".html"), page.encode())


def _full(
    head: Record, context: RolloutContext, result: DeploymentResult | RollbackResult
) -> Record:
    """The record of a rollout that came to its end, whichever that is."""
    mode = result.mode if isinstance(result, RollbackResult) else ""
    return head.having(
        state=State.COMPLETE,
        outcome="failed" if result.outcome == "failed" else "succeeded",
        started_at=result.started_at,
        finished_at=result.finished_at,
        steps=tuple(replace(one, elapsed_s=round(one.elapsed_s, 3)) for one in result.steps),
        provenance=result.provenance,
        rollout=_rollout(result, context.member),
        change=_change(context, result),
        reproduce=_reproduce(head.kind, context, mode),
    )


def _change(context: RolloutContext, result: DeploymentResult | RollbackResult) -> Change | None:
    """What was deployed, or taken back: the commits of git, the migrations with their locks."""
    one = result.deployment
    if one is None:
        return None
    repository = context.section.repository
    found = change(repository, context.environ, one.previous_revision, one.revision)
    back = result if isinstance(result, RollbackResult) else None
    applied = _migrated({step.name: step.evidence for step in result.steps})
    return replace(
        found,
        migrations=tuple(Migrated(name, None) for name in back.reverted)
        if back
        else tuple(applied),
        stays=back.stays if back else (),
        deployed_by=Mask.of(context.environ)(one.deployed_by),
        # Of a deployment that has just ended, the row was read before it did.
        deployed_at=result.finished_at if _has_deployed(result) else one.finished_at,
    )


def _has_deployed(result: DeploymentResult | RollbackResult) -> bool:
    return isinstance(result, DeploymentResult) and result.outcome == "succeeded"


def _migrated(evidence: Mapping[str, Mapping[str, Json]]) -> Iterator[Migrated]:
    """What the step applied, with the locks that the preflight measured."""
    ended = evidence.get("migrate", {}).get("migrations")
    locks = evidence.get("preflight", {}).get("locks")
    for one in ended if isinstance(ended, Sequence) else ():
        if isinstance(one, Mapping) and one.get("outcome") == "applied":
            name = f"{one.get('version')}_{one.get('name')}.sql"
            held = locks.get(name) if isinstance(locks, Mapping) else None
            yield Migrated(name, tuple(map(str, held)) if isinstance(held, Sequence) else None)


def _rollout(result: DeploymentResult | RollbackResult, database: str) -> Rollout:
    deployment = result.deployment
    back = result if isinstance(result, RollbackResult) else None
    return Rollout(
        previous_revision=deployment.previous_revision if deployment else None,
        deployed_by=deployment.deployed_by if deployment else None,
        override=deployment.override_reason if deployment else None,
        log=str(result.log),
        reason=back.reason if back else None,
        mode=back.mode if back else None,
        not_done=result.not_done,
        outage=result.outage,
        database=database,
    )
