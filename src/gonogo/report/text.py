"""How a record's values and words look: harmless visible text, and a mark and tone for each word.

Nothing here judges or recomputes: moments, durations, counts and shares are only spelt out. The
marks distinguish the words without their colours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gonogo.model.kinds import Outcome, Role

if TYPE_CHECKING:
    # These load pydantic, which a command that only escapes a text does without.
    from gonogo.model.measurement import Count
    from gonogo.model.record import Record
    from gonogo.report.answers import Answer


MOST_CHARACTERS = 200
MOST_OF_A_BLOCK = 10_000
# Controls, invisible marks (right-to-left among them), lone surrogates, odd line ends.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
LATIN_1 = 0xFF
BMP = 0xFFFF
MINUTE, HOUR, DAY = 60, 3600, 86400
DAYS_FROM = 3 * DAY
# strftime's names follow the reader's locale; a record's bytes must not.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def visible(text: object) -> str:
    """The text with every control or invisible character escaped."""
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(map(_visible_character, shown))


def cut(text: object, most: int = MOST_CHARACTERS) -> str:
    """`visible`, of the first `most` characters; says how long the text was when it was longer."""
    whole = str(text)
    if len(whole) <= most:
        return visible(whole)
    return f"{visible(whole[:most])}… ({len(whole):,} characters)"


def lines(text: object) -> str:
    """`visible`, line by line, the first of many: for text set as a block, such as SQL."""
    whole = str(text)
    shown = whole[:MOST_OF_A_BLOCK].replace("\t", "    ").splitlines()
    if len(whole) > MOST_OF_A_BLOCK:
        shown.append(f"… ({len(whole):,} characters)")
    return "\n".join(map(visible, shown))


def plain(value: object) -> str:
    """A JSON value in words: ``yes``, ``a, b``, ``users: 3; events: (new: 1; changed: 2)``."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_inner(one)}" for name, one in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        shown = [_inner(one) for one in value]
        return ("; " if any("," in one or ";" in one for one in shown) else ", ").join(
            shown
        ) or "none"
    return str(value)


def _inner(value: object) -> str:
    shown = plain(value)
    return f"({shown})" if isinstance(value, (Mapping, list, tuple)) and value else shown


def moment(at: datetime | None) -> str:
    """A moment as people write it, such as ``23 Nov 2026, 14:15:07 UTC``."""
    if at is None:
        return "unknown"
    at = at.astimezone(UTC)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S} UTC"


def minute(at: datetime) -> str:
    """A moment within a chart, such as ``24 Nov 03:00``."""
    return f"{at.day} {MONTHS[at.month - 1]} {at:%H:%M}"


def clock(at: datetime | None) -> str:
    """The time of day of a moment, such as ``14:15:07``."""
    return f"{at.astimezone(UTC):%H:%M:%S}" if at else "unknown"


def span(length: timedelta | float) -> str:
    """A length of time in its two largest units, such as ``47 h 12 min``; days from three on."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s" if seconds == whole else f"{seconds:.1f} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < DAYS_FROM:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "d", HOUR, "h")


def whole_number(number: int) -> str:
    """A count with its thousands apart: ``12,345``."""
    return f"{number:,}"


def share(count: Count) -> str:
    """K of n as a share, such as ``97.5 %``; cut off, so that 94.99 % never reads as 95.0 %."""
    if not count.n:
        return "-"
    tenths = count.k * 1000 // count.n
    return f"{tenths // 10}.{tenths % 10} %"


def of(count: Count) -> str:
    """K of n, such as ``195 of 200``."""
    return f"{count.k:,} of {count.n:,}"


def points(score: float) -> str:
    """A health score without a needless decimal: ``100``, ``97.3``."""
    return f"{score:g}"


def percent(number: float) -> str:
    """A share in 0..1 with one decimal: ``95.2``."""
    return f"{number * 100:.1f}"


def _visible_character(character: str) -> str:
    if character in SHORT:
        return SHORT[character]
    if unicodedata.category(character) not in INVISIBLE:
        return character
    code = ord(character)
    if code <= LATIN_1:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= BMP else f"\\U{code:08x}"


def _two(seconds: int, size: int, unit: str, smaller: int, smaller_unit: str) -> str:
    rest = seconds % size // smaller
    return f"{seconds // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")


@dataclass(frozen=True, slots=True)
class Look:
    """How a word looks.

    Args:
        word: The text.
        symbol: The name of the mark before it.
        tone: The name of its colour.
        meaning: A sentence that explains it; empty for an outcome.
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
FLOWS = Look("Flows", "check", "good")
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
    "smoke not asked": Look("SMOKE NOT ASKED", "question", "open", "A request was not sent."),
}
ABORTED = Look("ABORTED", "dash", "open", "This run never finished, so it decides nothing.")


def headline(record: Record) -> Look:
    """The look of the word at the top of a record's page."""
    if record.verdict is not None:
        return VERDICTS[record.verdict.kind]
    if record.outcome is not None:
        return look(RESULTS, f"{record.kind} {record.outcome}")
    return ABORTED


def look(looks: Mapping[str, Look], key: str) -> Look:
    """The look of a word; an unknown word is shown as it is, in the tone of what is open."""
    return looks.get(key) or Look(key, "question", "open")


def outcome_look(answer: Answer) -> Look:
    """The look of an answer; an alert or trigger that is met is quiet, a stream flows."""
    if answer.outcome is Outcome.MET and answer.role is Role.PRESENCE:
        return FLOWS
    if answer.outcome is Outcome.MET and answer.role is not Role.CRITERION:
        return QUIET
    return OUTCOMES[answer.outcome]
