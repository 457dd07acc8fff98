"""The smoke requests' record: which were sent to what runs now, and what each brought."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo import __version__
from gonogo.application.exchange import AnswerKind
from gonogo.application.smoke import SmokeAnswer
from gonogo.checklist.entries import Desk
from gonogo.checklist.standing import checklist_block
from gonogo.command_line import command
from gonogo.masking import Mask
from gonogo.model.kinds import Environment, Kind, State
from gonogo.model.record import Provenance, Record
from gonogo.model.step import StepRecord
from gonogo.record.archive import Pages, RunningRecord

PASSED, FAILED = "SMOKE-PASSED", "SMOKE-FAILED"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the requests are sent to.

    Args:
        environment: Whose application.
        simulated: Whether it is a rehearsal.
        provenance: Which database was asked, and what is deployed there.
    """

    environment: Environment
    simulated: bool
    provenance: Provenance


def smoke_recorded(
    occasion: Occasion,
    desk: Desk,
    pages: Pages,
    mask: Mask,
    send: Callable[[], Iterable[SmokeAnswer]],
) -> tuple[tuple[SmokeAnswer, ...], Path]:
    """Send the smoke requests with a record that is opened before the first.

    Args:
        occasion: What they are sent to.
        desk: Where the checklist and the archive are.
        pages: What makes the page.
        mask: Hides what is secret.
        send: Sends them.

    Returns:
        The answers, and the record's ``record.html``.

    Raises:
        GonogoError: The archive cannot be written. Before the first request, none is sent.
    """
    environment = occasion.environment
    head = Record(
        kind=Kind.SMOKE,
        title=f"{environment.capitalize()} smoke requests",
        environment=environment,
        simulated=occasion.simulated,
        started_at=datetime.now(UTC),
        gonogo=__version__,
        provenance=occasion.provenance,
        reproduce=command("verify", "--smoke", "--environment", environment),
    )
    running = RunningRecord.open(desk.archive_dir, head)
    # What was interrupted may have been sent.
    with running.carried_out(lambda: head, pages, mask):
        answers = tuple(send())
    passed = all(one.answer.kind is AnswerKind.OK for one in answers)
    full = head.having(
        state=State.COMPLETE,
        outcome="succeeded" if passed else "failed",
        finished_at=datetime.now(UTC),
        steps=tuple(_step(one, mask) for one in answers),
    )
    full = full.having(checklist=checklist_block(desk, environment, (answers[0].sent_at, full)))
    return answers, running.finish(full, PASSED if passed else FAILED, pages) / "record.html"


def _step(one: SmokeAnswer, mask: Mask) -> StepRecord:
    """A request as a step: one that was not sent was skipped."""
    passed, reason = one.answer.kind is AnswerKind.OK, mask(one.answer.reason)
    failed = one.was_sent and not passed
    status = one.answer.status
    return StepRecord(
        name=one.answer.name,
        title=one.title,
        outcome="succeeded" if passed else "failed" if failed else "skipped",
        started_at=one.sent_at,
        elapsed_s=round(one.took_s, 3),
        proved="" if failed else reason,
        evidence={"URL": mask(one.answer.url)}
        | ({} if status is None else {"HTTP status": status}),
        error=reason if failed else None,
    )
