"""What many looks came to, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gonogo.judge.evidence import wilson
from gonogo.model.kinds import VerdictKind
from gonogo.model.measurement import Count

PASSED, WAS_GO = "old GO", "GO before"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at some traffic.

    Args:
        verdict: The gate's.
        passed: Whether the old monitors let it pass.
        was_go: Whether it was GO before the gate searched for falls.
    """

    verdict: VerdictKind
    passed: bool
    was_go: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How often each verdict was given.

    Args:
        runs: How many looks.
        counts: By verdict; `PASSED` is how often the old rule let it pass, `WAS_GO` how often it
            was GO before.
    """

    runs: int
    counts: Counter[str]

    @classmethod
    def of(cls, looks: Iterable[Look]) -> Tally:
        """Count what they said."""
        counts: Counter[str] = Counter()
        runs = 0
        for look in looks:
            runs += 1
            counts[look.verdict.value] += 1
            counts[PASSED] += look.passed
            counts[WAS_GO] += look.was_go
        return cls(runs, counts)

    def share(self, *verdicts: str) -> Count:
        """How many of the looks ended in one of these."""
        return Count(sum(self.counts[verdict] for verdict in verdicts), self.runs)

    @property
    def red(self) -> Count:
        """How many were NO-GO or ROLLBACK."""
        return self.share(VerdictKind.NO_GO, VerdictKind.ROLLBACK)


def percent(count: Count) -> str:
    """A simulated share as one reads it: none of many is not nothing."""
    share = count.k / count.n
    if not count.k:
        return f"< {wilson(count).high * 100:.2g} %"
    return f"{share * 100:.2g} %" if share < TENTH else f"{share * 100:.0f} %"


TENTH = 0.1
