"""Smoke requests: those that change something, sent once, by a person's wish, never by the gate.

None is repeated: what did not answer may have been done all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from gonogo import __version__
from gonogo.application.endpoints import ask_once
from gonogo.application.exchange import AnswerKind, EndpointAnswer, problem_of, without_secrets
from gonogo.checklist.entries import Desk
from gonogo.checklist.standing import checklist_block
from gonogo.config.application import EndpointConfig, Endpoints
from gonogo.masking import Mask
from gonogo.model.kinds import Environment, Kind, State
from gonogo.model.record import Record
from gonogo.model.step import Provenance, StepRecord
from gonogo.record.archive import Pages, RunningRecord
from gonogo.screen import command

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class SmokeAnswer:
    """What one request brought.

    Args:
        title: What the request is for.
        answer: What came back; without an attempt where it was not sent.
        sent_at: When it was sent, or would have been.
        took_s: How long the answer took, in seconds.
    """

    title: str
    answer: EndpointAnswer
    sent_at: datetime
    took_s: float

    @property
    def was_sent(self) -> bool:
        """Whether it left us: then what it asks for may have been done, whatever came back."""
        return self.answer.attempts > 0


def send_smoke(endpoints: Endpoints, environ: Mapping[str, str]) -> Iterator[SmokeAnswer]:
    """Send every smoke request, one when the answer to the one before was taken.

    Args:
        endpoints: What rollout.toml says of the application.
        environ: The session's variables.

    Yields:
        An answer each; inconclusive where a variable is missing or malformed, and nothing was sent.
    """
    base_url = environ.get(endpoints.base_url or "", "").strip()
    for one in endpoints.asked_by("smoke"):
        sent_at, began = datetime.now(UTC), time.monotonic()
        if missing := _missing(endpoints, one, environ):
            answer = _unsent(base_url, one, missing)
        else:
            answer = ask_once(base_url, one, environ, timeout_s=TIMEOUT_S)
        yield SmokeAnswer(one.title, answer, sent_at, time.monotonic() - began)


def _missing(endpoints: Endpoints, one: EndpointConfig, environ: Mapping[str, str]) -> str:
    """Why a request cannot be sent; empty when it can."""
    for name in filter(None, (endpoints.base_url, *one.variables)):
        text = environ.get(name, "").strip()
        if not text:
            return f"{name} is not set"
        if problem := problem_of(endpoints.form_of(name), text):
            return f"{name} {problem}"
    return ""


def _unsent(base_url: str, one: EndpointConfig, missing: str) -> EndpointAnswer:
    shown = without_secrets(base_url.rstrip("/") + one.path)
    unsent = f"not sent: {missing}"
    return EndpointAnswer(one.name, shown, AnswerKind.INCONCLUSIVE, unsent, attempts=0)


LABELS = {
    "succeeded": "SMOKE-PASSED",
    "failed": "SMOKE-FAILED",
    "not asked": "SMOKE-NOT-ASKED",
}


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
    outcome = _outcome(answers)
    full = head.having(
        state=State.COMPLETE,
        outcome=outcome,
        finished_at=datetime.now(UTC),
        steps=tuple(_step(one, mask) for one in answers),
    )
    full = full.having(checklist=checklist_block(desk, environment, (answers[0].sent_at, full)))
    return answers, running.finish(full, LABELS[outcome], pages) / "record.html"


def _outcome(answers: Iterable[SmokeAnswer]) -> Literal["succeeded", "failed", "not asked"]:
    """How the requests went; "not asked" when one was not sent, and none that was sent failed."""
    wrong = [one for one in answers if one.answer.kind is not AnswerKind.OK]
    if not wrong:
        return "succeeded"
    return "failed" if any(one.was_sent for one in wrong) else "not asked"


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
