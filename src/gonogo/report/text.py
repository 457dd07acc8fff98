"""How a record's values look: harmless visible text, and the terminal's colours.

Nothing here judges or recomputes: moments, durations, counts and shares are only spelt out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # These load pydantic, which a command that only escapes a text does without.
    from gonogo.model.measurement import Count
    from gonogo.model.record import Record
    from gonogo.model.step import Change, Migrated


MOST_CHARACTERS = 200
MOST_OF_A_BLOCK = 10_000
# A commit's name as a reader wants it.
SHORT_NAME = 12
# Controls, invisible marks (right-to-left among them), lone surrogates, odd line ends.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
LATIN_1 = 0xFF
BMP = 0xFFFF
MINUTE, HOUR, DAY = 60, 3600, 86400
DAYS_FROM = 3 * DAY
# The terminal's colours: each can be read on black as on white, which what a terminal makes of
# "yellow", "bright" or "dim" cannot.
GOOD, OPEN, BAD, QUIET = "#008800", "#b06000", "#ec0000", "#767676"
WORST = "bold #ffffff on #a3211b"
# PostgreSQL's table locks, the strongest first, and what each keeps others from.
BLOCKED = {
    "ACCESS EXCLUSIVE": "no reading and no writing meanwhile",
    "EXCLUSIVE": "no writing meanwhile",
    "SHARE ROW EXCLUSIVE": "no writing meanwhile",
    "SHARE": "no writing meanwhile",
    "SHARE UPDATE EXCLUSIVE": "reading and writing go on",
    "ROW EXCLUSIVE": "reading and writing go on",
    "ROW SHARE": "reading and writing go on",
    "ACCESS SHARE": "reading and writing go on",
}
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
    """A single JSON value in words: ``yes``, ``3``; a dash for nothing."""
    if value is None or value == "":
        return "-"
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


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


def counted(n: int, thing: str) -> str:
    """Such as ``2 commits``."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}" if n else f"no {thing}"


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


def deployment_of(record: Record) -> str:
    """Who deployed what is decided on, and when."""
    change, number = record.change, record.subject.deployment if record.subject else ""
    if change is None:
        return ""
    at = f", {moment(change.deployed_at)}" if change.deployed_at else ", not to its end"
    by = f", by {change.deployed_by}" if change.deployed_by else ""
    return f"deployment {number or 'unknown'}{at}{by}"


def signers_of(record: Record) -> str:
    """How many people must sign, and who must not; what a signature is worth where none must."""
    if record.verdict is None:
        return "No signature is asked for. Whoever has read this can say so:"
    if record.verdict.kind != "GO":
        return 'This is no GO: whoever signs "go" all the same must give a reason (--override).'
    if not record.signers:
        return ""
    but = ", not who deploys" if record.signer_is_not_deployer else ""
    return f"{'1 person' if record.signers == 1 else f'{record.signers} people'} must sign{but}."


def strongest_lock(migrations: Sequence[Migrated]) -> str:
    """The strongest lock of all, and what it keeps others from, as far as one is known."""
    held = [lock for one in migrations for lock in one.locks or ()]
    for mode, blocked in BLOCKED.items():
        if found := next((lock for lock in held if lock.startswith(f"{mode} on ")), None):
            return f"Strongest lock: {found} ({blocked})"
    return "The locks of each"


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


def commits(change: Change, kind: str) -> str:
    """How many commits were added, and taken back; a rollback takes back what was added."""
    done = ("taken back", "come back") if kind == "rollback" else ("added", "taken back")
    back = f", {counted(change.taken_back, 'commit')} {done[1]}" if change.taken_back else ""
    known = change.added or not change.unknown
    return f"{counted(change.added, 'commit')} {done[0]}{back}" if known else "Commits"


def locks(migrated: Migrated) -> str:
    """The locks that a migration takes."""
    held = None if migrated.locks is None else ", ".join(migrated.locks)
    return "locks not measured" if held is None else held or "no lock of a table that was there"
