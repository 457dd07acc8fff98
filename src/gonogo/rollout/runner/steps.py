"""What a step is, and the runner that runs, shows, logs and writes down each one.

A rollout is a tuple of steps, run from first to last. Nothing here knows what they do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import psycopg

from gonogo.application.outage import Watch
from gonogo.errors import GonogoError, StepError, UnreadyError
from gonogo.ledger.ledger import Ledger
from gonogo.masking import Mask
from gonogo.model.limit import Json
from gonogo.model.step import StepEvent, StepKind, StepRecord, Tell
from gonogo.postgres.session import first_line
from gonogo.record.files import Log

Procedure = Literal["deploy", "rollback", "preflight", "restart"]
HowItEnded = Literal["failed", "killed"]
Evidence = dict[str, Json]
W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Skipped:
    """The result of a step that had nothing to do.

    Args:
        reason: Why, in one line.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Resumption(Generic[W]):
    """How a resumed run treats a step that an earlier run began.

    Args:
        stands: Whether the effect of a step that succeeded is still in place: then it is not
            repeated.
        otherwise: Why a step that succeeded is run again all the same.
        cut_short: How a step that failed or was killed is continued, as the end of a sentence.
        undo: Takes back what a step that failed or was killed may have left, before it is run
            again; gets which of the two it was.
    """

    stands: Callable[[W], bool] = lambda _: True
    otherwise: str = "what it did is no longer there"
    cut_short: str = "it is run again from its beginning"
    undo: Callable[[W, HowItEnded], None] = lambda *_: None


LOOKS: Resumption[Any] = Resumption(
    stands=lambda _: False, otherwise="it only checks, and must check anew"
)


@dataclass(frozen=True, slots=True)
class Step(Generic[W]):
    """One step.

    Args:
        name: Its name in the ledger.
        title: What it does, for the reader.
        run: Takes the work and the evidence to fill, returns in one line what it proved.
        resumption: How a resumed run treats it.
    """

    name: str
    title: str
    run: Callable[[W, Evidence], str | Skipped]
    resumption: Resumption[W] = field(default_factory=Resumption)


@dataclass(slots=True)
class Runner:
    """Runs steps; shows, logs and keeps the outcome of each.

    Args:
        procedure: Which procedure the steps belong to.
        tell: Shows an event.
        log: The procedure's log.
        records: The steps that have ended, in order.
        current: The name of the running step.
        watch: Measures the outage from before the stop to after the start; None at other times.
        down: What the run leaves down, for the last line; empty where nothing.
    """

    procedure: Procedure
    tell: Tell
    log: Log
    records: list[StepRecord] = field(default_factory=list)
    current: str = ""
    watch: Watch | None = None
    down: str = ""

    def run(
        self, step: Step[W], work: W, ledger: Ledger | None = None, deployment_id: int = 0
    ) -> None:
        """Run one step to its end.

        Args:
            step: What to run.
            work: What it works on.
            ledger: Where the step is written down; None before there is a ledger.
            deployment_id: The deployment's number in the ledger.

        Raises:
            GonogoError: The step failed; its record is kept.
        """
        evidence: Evidence = {}
        self.current = step.name
        self._say(StepEvent(StepKind.STARTED, step.name, step.title))
        started_at, started = datetime.now(UTC), time.monotonic()
        try:
            with _translated(step.name):
                result = self._recorded(step, work, evidence, ledger, deployment_id)
        except BaseException as error:
            self._keep(step, "failed", _described(error), started_at, started, evidence)
            raise
        if isinstance(result, Skipped):
            self._keep(step, "skipped", result.reason, started_at, started, evidence)
        else:
            self._keep(step, "succeeded", result, started_at, started, evidence)

    def stands(self, step: Step[W], why: str, evidence: Evidence) -> None:
        """Keep a step that an earlier run did, and say why it is not repeated.

        Args:
            step: The step.
            why: The reason, in one line.
            evidence: The earlier run's evidence.
        """
        self.current = step.name
        self._keep(step, "succeeded", why, datetime.now(UTC), time.monotonic(), evidence)

    def end_watch(self) -> float | None:
        """The outage that was measured, in seconds; None where none was, or it goes on."""
        watch, self.watch = self.watch, None
        return watch.end() if watch else None

    def note(self, line: str) -> None:
        """Show and log a line while a step runs."""
        self._say(StepEvent(StepKind.NOTE, self.current, line))

    def output(self, command: str, line: str) -> None:
        """Show and log a line of a command's output."""
        self._say(StepEvent(StepKind.OUTPUT, command, line))

    def progress(self, title: str, done: int, total: int) -> None:
        """Show how far the current step is; this alone does not go to the log."""
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
        """Run the step; its result, evidence and error hold no secret."""
        mask = self.log.mask
        try:
            result = step.run(work, evidence)
        except GonogoError as error:
            error.problem = mask(error.problem)
            if isinstance(error, UnreadyError):
                error.problems = tuple(map(mask, error.problems))
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
        # The rollback of a deployment that failed goes to the deployment's log.
        fields: Evidence = {
            "procedure": self.procedure,
            "step": event.step,
            "title": event.title,
        }
        if event.kind not in {StepKind.STARTED, StepKind.NOTE, StepKind.OUTPUT}:
            fields |= {"elapsed_s": round(event.elapsed_s, 3), "proved": event.proved}
        if evidence:
            fields["evidence"] = evidence
        was_whole = not self.log.lost
        self.log.write(event.kind, **fields)
        self.tell(event)
        if was_whole and self.log.lost:
            said = f"the log cannot be written, the run goes on without it: {self.log.lost}"
            self.tell(StepEvent(StepKind.NOTE, self.current, said))


@contextmanager
def _translated(step: str) -> Iterator[None]:
    """Turn an error of the driver or the system into a `StepError`, and name the step."""
    try:
        yield
    except StepError as error:
        error.step = error.step or step
        raise
    except psycopg.Error as error:
        raise StepError(first_line(error), "the log has the rest", step) from error
    except OSError as error:
        raise StepError(str(error), "the log has the rest", step) from error


def _described(error: BaseException) -> str:
    if isinstance(error, GonogoError):
        return str(error)
    name = type(error).__name__
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{name}: {first_line(error)}"


@contextmanager
def running(
    procedure: Procedure, tell: Tell, logs: Path, environ: Mapping[str, str]
) -> Iterator[Runner]:
    """A runner with a log of its own; an error that ends the run gets a note that names the log.

    Args:
        procedure: Which procedure is run.
        tell: Shows an event.
        logs: The directory of the log.
        environ: The variables whose secrets are masked.

    Raises:
        UsageError: The log cannot be written.
    """
    with Log.open(logs, procedure, Mask.of(environ)) as log:
        runner = Runner(procedure, tell, log)
        try:
            yield runner
        except GonogoError as error:
            error.add_note(f"log: {log.path}")
            error.down = error.down or runner.down
            raise
        except (psycopg.Error, OSError) as error:
            # In a cleanup: the database was lost, a file cannot be written.
            lost = StepError(first_line(error), "the log has the rest", down=runner.down)
            lost.add_note(f"log: {log.path}")
            raise lost from error
        finally:
            runner.end_watch()
