"""What lies in an archive: ``<environment>/<UTC time>_<label>/record.json``.

A listing of thousands of records must not read them all: what it read of each closed one is noted
for the next. A note stands for a file that is still the very same by all that the system says of
it; it proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError

from gonogo.errors import RecordError
from gonogo.model.kinds import Kind, Role, State, VerdictKind
from gonogo.model.limit import STRICT, Moment
from gonogo.model.record import Record
from gonogo.model.step import MainRate, SummedRecord
from gonogo.record.canonical import (
    RECORD_FILE,
    canonical_json,
    database_of,
    parsed_record,
    read_plain,
    sha256_hex,
)
from gonogo.record.files import NAME, is_alive, moment_of, named, write_whole

RUNNING = "RUNNING"
SUMMARY = "SUMMARY"
UNREADABLE: Literal["unreadable"] = "unreadable"
GATE_LABELS = frozenset(kind.value for kind in VerdictKind)
NOTES_FILE = ".catalogue.json"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a list shows of a record's content.

    Args:
        sha256: Of record.json as it lies there; empty when there is none.
        state: How far the run came; or that the record cannot be read.
        kind: What it is of.
        title: Its title.
        verdict: The decision; None without one.
        outcome: How it ended, where there is no verdict; None without one.
        points: The health score; None without one.
        band: What the score is called; empty without one.
        simulated: Whether it is of a rehearsal.
        database: What tells its database from every other; empty where none was asked.
        finished_at: When the run ended; None when it did not.
        previous: The name of the record before it in its environment; empty for the first.
        asked_s: Length of the window that was asked for, in seconds; 0 without one.
        as_of: The window's end; None without one.
        deployed_at: The deployment's end that the window knows; None without one.
        rates: The success criteria that are rates.
        deployment: The deployment's number; empty where it is unknown, as the next two.
        revision: What is deployed.
        deployed_by: By whom.
    """

    __pydantic_config__ = STRICT

    sha256: str = ""
    state: State | Literal["unreadable"] = UNREADABLE
    kind: Kind | None = None
    title: str = ""
    verdict: VerdictKind | None = None
    outcome: Literal["succeeded", "failed", "not asked"] | None = None
    points: float | None = None
    band: str = ""
    simulated: bool = False
    database: str = ""
    finished_at: Moment | None = None
    previous: str = ""
    asked_s: int = 0
    as_of: Moment | None = None
    deployed_at: Moment | None = None
    rates: tuple[MainRate, ...] = ()
    deployment: str = ""
    revision: str = ""
    deployed_by: str = ""

    @classmethod
    def of(cls, record: Record, sha256: str) -> Self:
        """What a list shows of a record."""
        score, window, subject = record.score, record.window, record.subject
        return cls(
            sha256=sha256,
            state=record.state,
            kind=record.kind,
            title=record.title,
            verdict=record.verdict.kind if record.verdict else None,
            outcome=record.outcome,
            points=score.points if score else None,
            band=score.band if score else "",
            simulated=record.simulated,
            database=database_of(record.provenance),
            finished_at=record.finished_at,
            previous=record.previous.record if record.previous else "",
            asked_s=int(window.asked.total_seconds()) if window else 0,
            as_of=window.end if window else None,
            deployed_at=window.deployed_at if window else None,
            rates=tuple(main_rates(record)),
            deployment=subject.deployment if subject else "",
            revision=subject.revision if subject else "",
            deployed_by=record.change.deployed_by if record.change else "",
        )


@dataclass(frozen=True, kw_only=True)
class ArchivedRecord(Note):
    """One record, as a list shows it.

    Args:
        directory: Where it lies.
        environment: Whose it is, by its place.
        label: What its directory's name says: GO, DEPLOYED, RUNNING, …
        moment: When the run began, to the second.
    """

    directory: Path
    environment: str
    label: str
    moment: datetime

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.directory.name

    @property
    def order(self) -> tuple[datetime, int]:
        """Oldest first; runs of the same second in the order in which they began."""
        match = NAME.fullmatch(self.name)
        return self.moment, int(match["twin"] or 1) if match else 1

    @property
    def is_look(self) -> bool:
        """Whether it is a whole run of the gate, with a verdict: an aborted one is no look."""
        return self.kind is Kind.GATE and self.state is State.COMPLETE and self.verdict is not None

    @property
    def brief(self) -> SummedRecord | None:
        """A look in brief; None for what is none."""
        if not self.is_look or self.as_of is None or self.verdict is None:
            return None
        return SummedRecord(
            record=self.name,
            sha256=self.sha256,
            at=self.as_of,
            asked_s=self.asked_s,
            verdict=self.verdict,
            points=self.points,
            band=self.band,
            rates=self.rates,
        )


@dataclass(frozen=True)
class Noted:
    """A note, and the file that it describes: inode, size, and both of its times."""

    __pydantic_config__ = STRICT

    file: tuple[int, int, int, int]
    note: Note


@dataclass(frozen=True)
class Notes:
    """What was noted, by environment and name, by which version of this module."""

    __pydantic_config__ = STRICT

    by: str
    notes: Mapping[str, Noted]


NOTES = TypeAdapter(Notes)


def list_records(archive_dir: Path, *, quick: bool = False) -> tuple[ArchivedRecord, ...]:
    """All records: by environment, the newest first. One that cannot be read is listed as such.

    Args:
        archive_dir: The archive; none there is an empty one.
        quick: Whether an earlier listing's notes stand for files that did not change; never where
            something is decided or proved by it.

    Raises:
        OSError: A directory could not be read.
    """
    if not archive_dir.is_dir():
        return ()
    records: list[ArchivedRecord] = []
    notes = _read_notes(archive_dir) if quick else {}
    for place in sorted(path for path in archive_dir.iterdir() if path.is_dir()):
        here = [_archived(directory, match, notes) for directory, match in named(place)]
        records += sorted(here, key=lambda record: record.order, reverse=True)
    return tuple(records)


def archived(directory: Path) -> ArchivedRecord | None:
    """One record, by what lies there; None where the directory is not named like one."""
    match = NAME.fullmatch(directory.name)
    return _archived(directory, match, {}) if match else None


def write_notes(archive_dir: Path, records: Iterable[ArchivedRecord]) -> None:
    """Note what was read of closed records; that it cannot be written costs time, no more.

    Args:
        archive_dir: The archive, whose lock the caller holds.
        records: What was listed.
    """
    notes: dict[str, Noted] = {}
    names = Note.__dataclass_fields__
    for record in records:
        if record.label != RUNNING:
            with suppress(OSError):
                note = Note(**{name: getattr(record, name) for name in names})
                notes[_key(record.directory)] = Noted(_looks(record.directory), note)
    with suppress(OSError):
        content = NOTES.dump_python(Notes(_writer(), notes), mode="json")
        write_whole(archive_dir / NOTES_FILE, canonical_json(content))


def _archived(directory: Path, match: re.Match[str], notes: Mapping[str, Noted]) -> ArchivedRecord:
    running = match["label"] == RUNNING
    note = (None if running else _noted(notes, directory)) or _read_note(directory)
    known = dict(vars(note))
    if running:
        known["state"] = State.RUNNING if is_alive(directory) else State.ABORTED
    return ArchivedRecord(
        directory=directory,
        environment=directory.parent.name,
        label=match["label"],
        moment=moment_of(match["moment"]),
        **known,
    )


def _read_note(directory: Path) -> Note:
    try:
        content = read_plain(file := directory / RECORD_FILE)
    except OSError:
        return Note()
    digest = sha256_hex(content)
    try:
        return Note.of(parsed_record(content, file), digest)
    except RecordError:
        return Note(sha256=digest)


def main_rates(record: Record) -> Iterator[MainRate]:
    """The success criteria of a record that are rates."""
    for found in record.findings:
        count, entry = record.measurements[found.metric].count, record.metrics[found.metric]
        if found.role is Role.CRITERION and found.interval and count and count.n:
            yield MainRate(found.metric, entry.title, count)


def _read_notes(archive_dir: Path) -> Mapping[str, Noted]:
    """What was noted; nothing where it cannot be read, or another version of this wrote it."""
    try:
        found = NOTES.validate_json((archive_dir / NOTES_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}
    return found.notes if found.by == _writer() else {}


def _noted(notes: Mapping[str, Noted], directory: Path) -> Note | None:
    """What was noted of a record.json; None when it is another now, or unknown."""
    known = notes.get(_key(directory))
    with suppress(OSError):
        if known and known.file == _looks(directory):
            return known.note
    return None


def _key(directory: Path) -> str:
    return f"{directory.parent.name}/{directory.name}"


def _looks(directory: Path) -> tuple[int, int, int, int]:
    """All that changes with a file's content, and whatever else changes."""
    found = (directory / RECORD_FILE).stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _writer() -> str:
    """Whose notes they are: what reads a record may read it in another way tomorrow."""
    return sha256_hex(Path(__file__).read_bytes())
