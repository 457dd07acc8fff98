"""Findings → Verdict. Pure. An expected check without an answer is never a pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from gonogo.model.finding import Finding, Verdict, VerdictReason
from gonogo.model.kinds import Outcome, VerdictKind, Why
from gonogo.model.measurement import Count, Window

# Leaving out these on purpose is stated in the record; leaving out anything else caps at HOLD.
MAY_BE_LEFT_OUT = frozenset({"endpoints", "ledger"})
MINUTE = timedelta(minutes=1)


def decide(
    expected: Sequence[str],
    findings: Iterable[Finding],
    window: Window | None,
    *,
    strict: bool = False,
    hold: Sequence[VerdictReason] = (),
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
    given = [answers[name] for name in expected if name in answers]
    warnings = _findings(given, Outcome.WARNING)
    if fired := _findings(given, Outcome.FIRED):
        return Verdict(VerdictKind.ROLLBACK, fired, not_run, warnings)
    failed = _findings(given, Outcome.FAILED) + _findings(given, Outcome.CRITICAL)
    if strict:
        # Past critical, but of too few to be so: that is past the warning level all the same.
        failed += warnings + tuple(_finding(finding) for finding in given if finding.warned)
    if failed:
        return Verdict(VerdictKind.NO_GO, failed, not_run, warnings)
    undecided = _findings(given, Outcome.INCONCLUSIVE) + _unfinished(window) + tuple(hold)
    if not_run:
        undecided += (VerdictReason(Why.NOT_ANSWERED, count=Count(len(not_run), len(expected))),)
    if not any(finding.outcome is Outcome.MET for finding in given):
        undecided += (VerdictReason(Why.NONE_MET),)
    if undecided:
        return Verdict(VerdictKind.HOLD, undecided, not_run, warnings)
    return Verdict(VerdictKind.GO, (VerdictReason(Why.ALL_MET),), (), warnings)


def _findings(findings: Iterable[Finding], outcome: Outcome) -> tuple[VerdictReason, ...]:
    return tuple(_finding(finding) for finding in findings if finding.outcome is outcome)


def _finding(finding: Finding) -> VerdictReason:
    return VerdictReason(Why.FINDING, finding.id)


def _unfinished(window: Window | None) -> tuple[VerdictReason, ...]:
    if window is None:
        return (VerdictReason(Why.NOTHING_MEASURED),)
    if window.complete:
        return ()
    covered, asked = (int(length.total_seconds()) for length in (window.covered, window.asked))
    why = Why.SOAK_INCOMPLETE if window.covered >= MINUTE else Why.SOAK_BEGUN
    return (VerdictReason(why, covered_s=covered, asked_s=asked),)
