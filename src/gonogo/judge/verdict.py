"""Findings → Verdict. Pure. An expected check without an answer is never a pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from gonogo.model.finding import Finding, Verdict
from gonogo.model.kinds import Outcome, VerdictKind
from gonogo.model.measurement import Window
from gonogo.model.window import format_duration

# Leaving out these on purpose is stated in the record; leaving out anything else caps at HOLD.
MAY_BE_LEFT_OUT = frozenset({"endpoints", "ledger"})
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def decide(
    expected: Sequence[str],
    findings: Iterable[Finding],
    window: Window | None,
    *,
    strict: bool = False,
    hold: Sequence[str] = (),
) -> Verdict:
    """Decide what the evidence allows.

    Args:
        expected: Ids of every check of the environment, known before the first one ran.
        findings: The answers of the checks that ran.
        window: What was judged; None when nothing could be.
        strict: Whether a warning is NO-GO.
        hold: Further reasons why this run cannot be GO.
    """
    answers = {finding.id: finding for finding in findings}
    not_run = tuple(name for name in expected if name not in answers)
    told = [answers[name] for name in expected if name in answers]
    warnings = _reasons(told, Outcome.WARNING)
    fired = _reasons(told, Outcome.FIRED)
    if fired:
        return Verdict(VerdictKind.ROLLBACK, fired, not_run, warnings)
    failed = _reasons(told, Outcome.FAILED) + _reasons(told, Outcome.CRITICAL)
    if strict:
        # Past critical, but of too few to be so: that is past the warning level all the same.
        past = (f"{finding.metric}: {finding.reason}" for finding in told if finding.warned)
        failed += warnings + tuple(past)
    if failed:
        return Verdict(VerdictKind.NO_GO, failed, not_run, warnings)
    open_reasons = _reasons(told, Outcome.INCONCLUSIVE) + _unfinished(window) + tuple(hold)
    if not_run:
        open_reasons += (f"{len(not_run)} of {len(expected)} checks gave no answer",)
    if not any(finding.outcome is Outcome.MET for finding in told):
        open_reasons += ("no check was met",)
    if open_reasons:
        return Verdict(VerdictKind.HOLD, open_reasons, not_run, warnings)
    return Verdict(VerdictKind.GO, (_tally(told),), (), warnings)


def _reasons(findings: Iterable[Finding], outcome: Outcome) -> tuple[str, ...]:
    told = (f"{f.metric}: {f.reason}" for f in findings if f.outcome is outcome)
    return tuple(dict.fromkeys(told))


def _tally(told: Sequence[Finding]) -> str:
    named = {
        Outcome.MET: "checks met with evidence",
        Outcome.WARNING: "with a warning",
        Outcome.LEFT_OUT: "left out",
    }
    counts = Counter(finding.outcome for finding in told)
    return ", ".join(
        f"{counts[outcome]} {name}" for outcome, name in named.items() if counts[outcome]
    )


def _unfinished(window: Window | None) -> tuple[str, ...]:
    if window is None:
        return ("nothing could be measured",)
    if window.complete:
        return ()
    # Cut off to whole hours, or minutes while there is no hour: 47 h 59 min never reads 48 h.
    unit = HOUR if window.covered >= HOUR else MINUTE
    covered = window.covered // unit * unit
    if not covered:
        return (f"the soak has just begun: nothing of {format_duration(window.asked)} is covered",)
    asked = format_duration(window.asked)
    return (f"the soak is not complete: {format_duration(covered)} of {asked} covered",)
