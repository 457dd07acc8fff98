"""The events that a step of a rollout shows while it runs, and the record kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from gonogo.model.limit import STRICT, Json, Moment


class StepKind(StrEnum):
    """The kind of a `StepEvent`."""

    STARTED = "started"
    FINISHED = "finished"
    SKIPPED = "skipped"
    FAILED = "failed"
    NOTE = "note"
    OUTPUT = "output"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class StepEvent:
    """Something to show while a rollout goes on.

    Args:
        kind: Its kind.
        step: The step's name.
        title: What happens now; for notes and output, the line.
        elapsed_s: How long the step has taken, in seconds; 0 at its start.
        proved: What it proved, why it was skipped, or why it failed, in one line.
        share: For progress: how much is done, 0 to 1; None when it is unknown.
    """

    kind: StepKind
    step: str
    title: str
    elapsed_s: float = 0.0
    proved: str = ""
    share: float | None = None


Tell = Callable[[StepEvent], None]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step that has ended, as records show it.

    Args:
        name: Its name in the ledger.
        title: What it does.
        outcome: succeeded, failed or skipped.
        started_at: When it began.
        elapsed_s: How long it took, in seconds.
        proved: One line.
        evidence: Figures and names behind that line; JSON.
        error: Why it failed; None when it did not.
    """

    __pydantic_config__ = STRICT

    name: str
    title: str
    outcome: Literal["succeeded", "failed", "skipped"]
    started_at: Moment
    elapsed_s: float
    proved: str
    evidence: Mapping[str, Json] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """Something that the ledger tells of the rollout.

    Args:
        at: When.
        kind: deployed, deploy-failed, deploying, rolled-back, migration-failed, incident, complaint
            or closed.
        title: What, in a few words; an incident's is as a person wrote it.
        note: Whatever else there is to say; empty when nothing.
    """

    __pydantic_config__ = STRICT

    at: Moment
    kind: str
    title: str
    note: str = ""
