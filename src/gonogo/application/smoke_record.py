"""The smoke requests' record: which were sent to what runs now, and what each brought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.application.answers import AnswerKind
from gonogo.application.smoke import SmokeAnswer
from gonogo.checklist.block import Desk, checklist_block
from gonogo.masking import Mask
from gonogo.model.kinds import Environment
from gonogo.model.window import format_moment
from gonogo.record.archive import RunningRecord

Json = dict[str, object]
PASSED, FAILED = "SMOKE-PASSED", "SMOKE-FAILED"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the requests are sent to.

    Args:
        environment: Whose application.
        simulated: Whether it is a rehearsal.
        subject: What is deployed there, by its hashes.
        facts: What names the database.
    """

    environment: Environment
    simulated: bool
    subject: Mapping[str, str]
    facts: Mapping[str, str]


def smoke_recorded(
    occasion: Occasion,
    desk: Desk,
    templates_dir: Path,
    mask: Mask,
    send: Callable[[], Iterable[SmokeAnswer]],
) -> tuple[tuple[SmokeAnswer, ...], Path]:
    """Send the smoke requests with a record that is opened before the first.

    Args:
        occasion: What they are sent to.
        desk: Where the checklist and the archive are.
        templates_dir: The templates of the page.
        mask: Hides what is secret.
        send: Sends them.

    Returns:
        The answers, and the record's ``record.html``.

    Raises:
        GonogoError: The archive cannot be written. Before the first request, none is sent.
    """
    environment = occasion.environment
    head: Json = {
        "kind": "smoke",
        "title": f"{environment.capitalize()} smoke requests",
        "simulated": occasion.simulated,
        "started_at": format_moment(datetime.now(UTC)),
        "subject": dict(occasion.subject),
        "facts": dict(occasion.facts),
        "reproduce": f"./noxw -s verify -- --smoke --environment {environment}",
    }
    running = RunningRecord.open(desk.archive_dir, environment, head)
    # What was interrupted may have been sent.
    with running.carried_out(head, templates_dir, mask):
        answers = tuple(send())
    full = head | _told(answers, mask)
    full["checklist"] = checklist_block(desk, environment, (answers[0].sent_at, full))
    label = PASSED if full["outcome"] == "succeeded" else FAILED
    return answers, running.finish(full, label, templates_dir) / "record.html"


def _told(answers: Sequence[SmokeAnswer], mask: Mask) -> Json:
    passed = all(one.answer.kind is AnswerKind.OK for one in answers)
    return {
        "state": "complete",
        "outcome": "succeeded" if passed else "failed",
        "finished_at": format_moment(datetime.now(UTC)),
        "steps": [_step(one, mask) for one in answers],
    }


def _step(one: SmokeAnswer, mask: Mask) -> Json:
    """A request as a step: one that was not sent was skipped."""
    passed, reason = one.answer.kind is AnswerKind.OK, mask(one.answer.reason)
    failed = one.was_sent and not passed
    evidence = {"URL": mask(one.answer.url), "HTTP status": one.answer.status}
    return {
        "name": one.answer.name,
        "title": one.title,
        "outcome": "succeeded" if passed else "failed" if failed else "skipped",
        "started_at": format_moment(one.sent_at),
        "elapsed_s": round(one.took_s, 3),
        "proved": "" if failed else reason,
        "evidence": {name: value for name, value in evidence.items() if value is not None},
        "error": reason if failed else None,
    }
