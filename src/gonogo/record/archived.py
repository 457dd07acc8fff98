"""One record as it lies in an archive: its name and its record.json, read leniently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.model.kinds import Role, VerdictKind
from gonogo.model.window import parsed
from gonogo.record.canonical import sha256_hex
from gonogo.record.catalogue import Notes, noted
from gonogo.record.locking import is_alive

RUNNING = "RUNNING"
SUMMARY = "SUMMARY"
RECORD_FILE = "record.json"
STEM_FORMAT = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"(?P<moment>\d{8}T\d{6}Z)(?:-(?P<twin>\d+))?_(?P<label>[A-Z][A-Z0-9-]*)")
UNREADABLE = "unreadable"
GATE_LABELS = frozenset(kind.value for kind in VerdictKind)


@dataclass(frozen=True, slots=True)
class MainRate:
    """A success criterion's rate, k of n, as one record has it."""

    metric: str
    title: str
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """One record, as far as a list tells.

    Args:
        directory: Where it lies.
        environment: Whose it is, by its place.
        label: What its directory's name says: GO, DEPLOYED, RUNNING, …
        moment: When the run began, to the second.
        state: running, complete, aborted or unreadable.
        kind: gate, deployment, rollback, smoke or summary.
        title: Its title.
        verdict: GO, NO-GO, HOLD, ROLLBACK; None without one.
        outcome: succeeded or failed, where there is no verdict; None without one.
        points: The health score; None without one.
        band: What the score is called; empty without one.
        simulated: Whether it is of a rehearsal.
        finished_at: When the run ended, as written; empty when it did not.
        previous: The name of the record before it in its environment; empty for the first.
        sha256: Of record.json as it lies there.
        asked_s: Length of the window that was asked for, in seconds; 0 without one.
        as_of: The window's end; None without one.
        deployed_at: The deployment's end that the window knows; None without one.
        rates: The success criteria that are rates.
    """

    directory: Path
    environment: str
    label: str
    moment: datetime
    state: str
    kind: str = ""
    title: str = ""
    verdict: str | None = None
    outcome: str | None = None
    points: float | None = None
    band: str = ""
    simulated: bool = False
    finished_at: str = ""
    previous: str = ""
    sha256: str = ""
    asked_s: int = 0
    as_of: datetime | None = None
    deployed_at: datetime | None = None
    rates: tuple[MainRate, ...] = ()

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.directory.name

    @property
    def order(self) -> tuple[datetime, int]:
        """Oldest first; runs of the same second in the order in which they began."""
        match = NAME.fullmatch(self.name)
        return self.moment, int(match["twin"] or 1) if match else 1


def read_record(directory: Path) -> ArchivedRecord | None:
    """One record, by what lies there; None where the directory is not named like one."""
    match = NAME.fullmatch(directory.name)
    return read_named(directory, match, {}) if match else None


def load(directory: Path) -> tuple[Mapping[str, object], str]:
    """A record's document, empty when it cannot be read, and its file's sha256."""
    try:
        content = (directory / RECORD_FILE).read_bytes()
    except OSError:
        return {}, ""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    return document if isinstance(document, dict) else {}, sha256_hex(content)


def read_named(directory: Path, match: re.Match[str], notes: Notes) -> ArchivedRecord:
    """A record whose directory is named like one.

    Args:
        directory: Where it lies.
        match: Of `NAME`.
        notes: What an earlier listing noted; none reads the record itself.
    """
    known = None if match["label"] == RUNNING else noted(notes, directory / RECORD_FILE)
    document, digest = known or load(directory)
    verdict, score = _part(document, "verdict"), _part(document, "score")
    points, window = score.get("points"), _part(document, "window")
    return ArchivedRecord(
        directory=directory,
        environment=directory.parent.name,
        label=match["label"],
        moment=_moment(match["moment"]),
        state=_state(directory, match["label"], document),
        kind=_text(document, "kind"),
        title=_text(document, "title"),
        verdict=_text(verdict, "kind") or None,
        outcome=_text(document, "outcome") or None,
        points=_number(points),
        band=_text(score, "band"),
        simulated=document.get("simulated") is True,
        finished_at=_text(document, "finished_at"),
        previous=_text(_part(document, "previous"), "record"),
        sha256=digest,
        asked_s=asked if isinstance(asked := window.get("asked_s"), int) else 0,
        as_of=parsed(_text(window, "end")),
        deployed_at=parsed(_text(window, "deployed_at")),
        rates=tuple(_rates(document)),
    )


def _rates(document: Mapping[str, object]) -> Iterator[MainRate]:
    """Read as leniently as all else: what is not as we write it is left out."""
    findings = document.get("findings")
    for found in findings if isinstance(findings, list) else ():
        if not isinstance(found, dict) or found.get("role") != Role.CRITERION:
            continue
        k, n = (_part(found, "count").get(key) for key in ("k", "n"))
        if found.get("interval") and isinstance(k, int) and isinstance(n, int) and n > 0:
            yield MainRate(_text(found, "metric"), _text(found, "title"), k, n)


def _state(directory: Path, label: str, document: Mapping[str, object]) -> str:
    if label == RUNNING:
        return "running" if is_alive(directory) else "aborted"
    return _text(document, "state") or UNREADABLE


def _moment(stem: str) -> datetime:
    try:
        return datetime.strptime(stem, STEM_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _number(value: object) -> float | None:
    with suppress(OverflowError):
        return float(value) if isinstance(value, int | float) else None
    return None


def _part(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""
