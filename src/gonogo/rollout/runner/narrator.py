"""Runs steps: told as they go, logged, and written to the ledger before and after."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import psycopg

from gonogo.errors import GonogoError, StepError
from gonogo.ledger.ledger import Ledger
from gonogo.masking import Mask
from gonogo.model.step import StepEvent, StepKind, StepRecord, Tell
from gonogo.postgres.connection import first_line
from gonogo.rollout.runner.session_log import SessionLog
from gonogo.rollout.runner.steps import Evidence, Procedure, Skipped, Step

W = TypeVar("W")


@dataclass(slots=True)
class Narrator:
    """Runs steps; tells, logs and keeps what became of each.

    Args:
        procedure: deploy or rollback.
        tell: Shows an event.
        log: The session's log.
        records: The steps that have ended, in order.
    """

    procedure: Procedure
    tell: Tell
    log: SessionLog
    records: list[StepRecord] = field(default_factory=list)
    current: str = ""

    def run(
        self, step: Step[W], work: W, ledger: Ledger | None = None, deployment_id: int = 0
    ) -> None:
        """Run one step to its end.

        Args:
            step: What to run.
            work: What it works on.
            ledger: Where it is written down; None before there is a ledger.
            deployment_id: The deployment's number in it.

        Raises:
            GonogoError: It failed; the record of that is kept.
        """
        evidence: Evidence = {}
        self.current = step.name
        self._say(StepEvent(StepKind.STARTED, step.name, step.title))
        started_at, started = datetime.now(UTC), time.monotonic()
        try:
            with _translated(step.name):
                result = self._recorded(step, work, evidence, ledger, deployment_id)
        except BaseException as error:
            self._keep(step, "failed", _told(error), started_at, started, evidence)
            raise
        if isinstance(result, Skipped):
            self._keep(step, "skipped", result.reason, started_at, started, evidence)
        else:
            self._keep(step, "succeeded", result, started_at, started, evidence)

    def stands(self, step: Step[W], why: str, evidence: Evidence) -> None:
        """Keep a step that an earlier run did, and tell why it is not done again.

        Args:
            step: What stands.
            why: In one line.
            evidence: The earlier run's.
        """
        self.current = step.name
        self._keep(step, "succeeded", why, datetime.now(UTC), time.monotonic(), evidence)

    def note(self, line: str) -> None:
        """Tell something beside the current step's beginning and end."""
        self._say(StepEvent(StepKind.NOTE, self.current, line))

    def output(self, command: str, line: str) -> None:
        """Tell a line of a command's output."""
        self._say(StepEvent(StepKind.OUTPUT, command, line))

    def progress(self, title: str, done: int, total: int) -> None:
        """Tell how far the current step is; this alone does not go to the log."""
        share = min(done / total, 1.0) if total else None
        self.tell(StepEvent(StepKind.PROGRESS, self.current, title, share=share))

    def _recorded(
        self,
        step: Step[W],
        work: W,
        evidence: Evidence,
        ledger: Ledger | None,
        deployment_id: int,
    ) -> str | Skipped:
        if ledger is None:
            return self._masked(step, work, evidence)
        with ledger.step(deployment_id, self.procedure, step.name) as written:
            result = self._masked(step, work, evidence)
            written.skipped = isinstance(result, Skipped)
            written.evidence.update(evidence)
            return result

    def _masked(self, step: Step[W], work: W, evidence: Evidence) -> str | Skipped:
        """Run it; what it says, proves or fails with holds no secret, wherever it is told."""
        mask = self.log.mask
        try:
            result = step.run(work, evidence)
        except GonogoError as error:
            error.problem = mask(error.problem)
            raise
        except (psycopg.Error, OSError) as error:
            raise StepError(mask(first_line(error)), "the log has the rest") from error
        finally:
            clean = mask.scrub(evidence)
            evidence.clear()
            evidence.update(clean)
        if isinstance(result, Skipped):
            return Skipped(mask(result.reason))
        return mask(result)

    def _keep(
        self,
        step: Step[W],
        outcome: Literal["succeeded", "failed", "skipped"],
        line: str,
        started_at: datetime,
        started: float,
        evidence: Evidence,
    ) -> None:
        elapsed_s = time.monotonic() - started
        failed, line = outcome == "failed", self.log.mask(line)
        self.records.append(
            StepRecord(
                step.name,
                step.title,
                outcome,
                started_at,
                elapsed_s,
                "" if failed else line,
                evidence,
                line if failed else None,
            )
        )
        kind = StepKind.FINISHED if outcome == "succeeded" else StepKind(outcome)
        self._say(StepEvent(kind, step.name, step.title, elapsed_s, line), evidence)

    def _say(self, event: StepEvent, evidence: Evidence | None = None) -> None:
        mask = self.log.mask
        event = replace(event, title=mask(event.title), proved=mask(event.proved))
        fields: dict[str, object] = {"step": event.step, "title": event.title}
        if event.kind not in {StepKind.STARTED, StepKind.NOTE, StepKind.OUTPUT}:
            fields |= {"elapsed_s": round(event.elapsed_s, 3), "proved": event.proved}
        if evidence:
            fields["evidence"] = evidence
        self.log.write(event.kind, **fields)
        self.tell(event)


@contextmanager
def _translated(step: str) -> Iterator[None]:
    """What the driver or the system says becomes a `StepError`; ours learn the step's name."""
    try:
        yield
    except StepError as error:
        error.step = error.step or step
        raise
    except psycopg.Error as error:
        raise StepError(first_line(error), "the log has the rest", step) from error
    except OSError as error:
        raise StepError(str(error), "the log has the rest", step) from error


def _told(error: BaseException) -> str:
    if isinstance(error, GonogoError):
        return str(error)
    name = type(error).__name__
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{name}: {first_line(error)}"


@contextmanager
def narrated(
    procedure: Procedure, tell: Tell, logs: Path, environ: Mapping[str, str]
) -> Iterator[Narrator]:
    """A narrator with a log of its own; an error that ends the run learns where the log is.

    Args:
        procedure: deploy or rollback.
        tell: Shows an event.
        logs: The directory of the log.
        environ: Whose secrets are masked.

    Raises:
        UsageError: The log cannot be written.
    """
    with SessionLog.open(logs, procedure, Mask.of(environ)) as log:
        try:
            yield Narrator(procedure, tell, log)
        except GonogoError as error:
            error.add_note(f"log: {log.path}")
            raise
