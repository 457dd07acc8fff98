"""How each word of a record is told apart without its colour: a mark, a tone, a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.model.kinds import Outcome, Role
from gonogo.model.record import Record
from gonogo.report.answers import Answer


@dataclass(frozen=True, slots=True)
class Look:
    """How a word is told apart without its colour.

    Args:
        word: What is written.
        symbol: The name of the mark before it.
        tone: The name of its colour.
        meaning: What it says, in a sentence; empty for an outcome.
    """

    word: str
    symbol: str
    tone: str
    meaning: str = ""


VERDICTS = {
    "GO": Look("GO", "check", "good", "Every criterion is met with evidence."),
    "HOLD": Look("HOLD", "pause", "open", "Not proven yet. Something is open: try again later."),
    "NO-GO": Look("NO-GO", "cross", "bad", "A criterion fails or a critical alert fires."),
    "ROLLBACK": Look("ROLLBACK", "back", "worst", "A rollback trigger fires: roll back now."),
}
OUTCOMES = {
    "fired": Look("Fires", "back", "worst"),
    "failed": Look("Failed", "cross", "bad"),
    "critical": Look("Critical", "cross", "bad"),
    "inconclusive": Look("Inconclusive", "question", "open"),
    "warning": Look("Warning", "bang", "warn"),
    "left_out": Look("Left out", "dash", "quiet"),
    "met": Look("Met", "check", "good"),
}
QUIET = Look("Quiet", "check", "good")
MARKS = {
    "present": Look("Looked at", "check", "good"),
    "missing": Look("Missing", "cross", "bad"),
    "due": Look("Due now", "question", "open"),
    "ahead": Look("Ahead", "dash", "quiet"),
}
EVENTS = {
    "deploying": Look("Deploying", "question", "open"),
    "deployed": Look("Deployed", "check", "good"),
    "deploy-failed": Look("Deploy failed", "cross", "bad"),
    "rolled-back": Look("Rolled back", "back", "worst"),
    "migration-failed": Look("Migration failed", "cross", "bad"),
    "incident": Look("Incident", "bang", "bad"),
    "complaint": Look("Complaint", "bang", "warn"),
    "closed": Look("Closed", "check", "quiet"),
}
BANDS = {"Excellent": "good", "Good": "fair", "Fair": "warn", "Poor": "bad"}
STEP_OUTCOMES = {
    "succeeded": Look("Done", "check", "good"),
    "failed": Look("Failed", "cross", "bad"),
    "skipped": Look("Skipped", "dash", "quiet"),
    "running": Look("Unfinished", "question", "open"),
}
ITEM_STATES = {
    "proved": Look("Proved", "check", "good"),
    "attested": Look("Attested", "check", "good"),
    "failed": Look("Failed", "cross", "bad"),
    "open": Look("Open", "question", "open"),
    "not due": Look("Not due", "dash", "quiet"),
}
RESULTS = {
    "deployment succeeded": Look("DEPLOYED", "check", "good", "No step failed."),
    "deployment failed": Look("DEPLOY FAILED", "cross", "bad", "A step failed."),
    "rollback succeeded": Look("ROLLED BACK", "check", "good", "No step failed."),
    "rollback failed": Look("ROLLBACK FAILED", "cross", "worst", "A step failed."),
    "smoke succeeded": Look("SMOKE PASSED", "check", "good", "Each request went through."),
    "smoke failed": Look("SMOKE FAILED", "cross", "bad", "Not each request went through."),
}
ABORTED = Look("ABORTED", "dash", "open", "This run never finished, so it decides nothing.")


def headline(record: Record) -> Look:
    """The word at the top."""
    if record.verdict is not None:
        return VERDICTS[record.verdict.kind]
    if record.outcome is not None:
        return look(RESULTS, f"{record.kind} {record.outcome}")
    return ABORTED


def look(looks: Mapping[str, Look], key: str) -> Look:
    """The look of a word; a word that we do not know reads as itself, and as open."""
    return looks.get(key) or Look(key, "question", "open")


def outcome_look(answer: Answer) -> Look:
    """The look of an answer; of a trigger that is "met" nobody must think that it fires."""
    if answer.outcome is Outcome.MET and answer.role is not Role.CRITERION:
        return QUIET
    return OUTCOMES[answer.outcome]
