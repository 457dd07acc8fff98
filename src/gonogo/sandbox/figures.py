"""What a rehearsed rollout took, beside the limits that it must keep."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gonogo.config import CommandsConfig
from gonogo.model.step import StepEvent, StepKind, StepRecord, Tell

# What the team's own programs take is theirs: the commands, and the service until it is up.
NOT_OURS = frozenset({*CommandsConfig.model_fields, "wait_healthy"})
ENDINGS = frozenset({StepKind.FINISHED, StepKind.SKIPPED, StepKind.FAILED})


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured.

    Args:
        what: It, in words.
        took_s: How long it took, in seconds.
        limit_s: How long it may take, in seconds.
    """

    what: str
    took_s: float
    limit_s: float

    @property
    def is_kept(self) -> bool:
        """Whether the limit is."""
        return self.took_s <= self.limit_s

    def __str__(self) -> str:
        word = "within" if self.is_kept else "PAST"
        return f"{self.what:<46} {self.took_s:6.2f} s  {word} the limit of {self.limit_s:g} s"


@dataclass(slots=True)
class Stopwatch:
    """Hands on what it is told, and takes the time of one step.

    Args:
        step: The step.
        tell: Where events go.
        began: When it began, by the monotonic clock, in seconds.
        ended: When it ended.
    """

    step: str
    tell: Tell
    began: float = field(default=0.0, init=False)
    ended: float = field(default=0.0, init=False)

    def __call__(self, event: StepEvent) -> None:
        """Take an event."""
        if event.step == self.step and event.kind is StepKind.STARTED:
            self.began = time.monotonic()
        if event.step == self.step and event.kind in ENDINGS:
            self.ended = time.monotonic()
        self.tell(event)

    @property
    def took_s(self) -> float:
        """How long the step took, in seconds."""
        return self.ended - self.began


def deployment_figure(steps: Sequence[StepRecord]) -> Figure:
    """How long a deployment took, beside the team's own programs.

    Args:
        steps: All that it did.
    """
    ours = sum(step.elapsed_s for step in steps if step.name not in NOT_OURS)
    return Figure("deployment, beside commands and service start", ours, 10.0)


def rollback_figures(revert_s: float, outage_s: float) -> Iterator[Figure]:
    """How long a revert took, and how long a client waited meanwhile.

    Args:
        revert_s: The revert's step, in seconds.
        outage_s: The client's longest wait, in seconds.
    """
    yield Figure("revert of the database", revert_s, 2.0)
    yield Figure("longest wait of a client of users meanwhile", outage_s, 0.5)
