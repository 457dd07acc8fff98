"""What a step is, what it tells while it runs, and what is kept of it.

A rollout is a tuple of steps that is run from first to last. Nothing here knows what they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

Procedure = Literal["deploy", "rollback", "preflight"]
HowItEnded = Literal["failed", "killed"]
Evidence = dict[str, object]
W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step had nothing to do.

    Args:
        reason: Why, in one line.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Resumption(Generic[W]):
    """What becomes of a step when a run that did not come to its end is taken up.

    Args:
        stands: Whether what the step did, when it succeeded, is still there: then it is not
            repeated.
        otherwise: Why one that succeeded is run again all the same.
        cut_short: What becomes of one that failed or was killed, as the end of a sentence.
        undo: Takes back what one that failed or was killed (it is told which) may have left, before
            it is run again.
    """

    stands: Callable[[W], bool] = lambda _: True
    otherwise: str = "what it did is no longer there"
    cut_short: str = "it is run again from its beginning"
    undo: Callable[[W, HowItEnded], None] = lambda *_: None


LOOKS: Resumption[Any] = Resumption(
    stands=lambda _: False, otherwise="it only looks, and what it saw is past"
)


@dataclass(frozen=True, slots=True)
class Step(Generic[W]):
    """One step.

    Args:
        name: Its name in the ledger.
        title: What it does, for the reader.
        run: Does it: takes the work and the evidence to fill, says in one line what it proved.
        resumption: What becomes of it in a run that is taken up.
    """

    name: str
    title: str
    run: Callable[[W, Evidence], str | Skipped]
    resumption: Resumption[W] = field(default_factory=Resumption)
