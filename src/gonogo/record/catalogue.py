"""What a listing read of each closed record, noted so that the next one need not read it again.

Thousands of records make an archive whose every closing would read them all. A note stands for a
file that is still the very same by all that the system tells of it; it proves nothing, and is never
asked where something is to be proved. Whoever removes the file loses nothing but time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gonogo.model.kinds import Role
from gonogo.record.canonical import canonical_json, sha256_hex
from gonogo.record.files import write_whole

if TYPE_CHECKING:
    from gonogo.record.archived import ArchivedRecord

CATALOGUE = ".catalogue.json"
Json = dict[str, Any]
Notes = Mapping[str, Any]


def read_notes(archive_dir: Path) -> Notes:
    """What was noted, by environment and name; nothing where it cannot be read or was of others.

    Args:
        archive_dir: The archive.
    """
    try:
        told = json.loads((archive_dir / CATALOGUE).read_bytes())
        notes = told["notes"] if told["by"] == _writer() else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}


def noted(notes: Notes, file: Path) -> tuple[Mapping[str, object], str] | None:
    """What was noted of a record.json, and its sha256; None when it is another now, or unknown.

    Args:
        notes: From `read_notes`.
        file: The record.json.
    """
    note = notes.get(_key(file))
    try:
        if isinstance(note, dict) and note["is"] == _looks(file):
            document, digest = note["document"], note["sha256"]
            if isinstance(document, dict) and isinstance(digest, str):
                return document, digest
    except (OSError, LookupError):
        pass
    return None


def write_notes(archive_dir: Path, records: Iterable[ArchivedRecord], file_name: str) -> None:
    """Note what was read; that it cannot be written costs time, no more.

    Args:
        archive_dir: The archive, whose lock the caller holds.
        records: The closed ones.
        file_name: What a record's document is called.
    """
    notes: Json = {}
    for record in records:
        file = record.directory / file_name
        with suppress(OSError):
            notes[_key(file)] = {
                "is": _looks(file),
                "sha256": record.sha256,
                "document": _essence(record),
            }
    with suppress(OSError):
        write_whole(archive_dir / CATALOGUE, canonical_json({"by": _writer(), "notes": notes}))


def _key(file: Path) -> str:
    return f"{file.parent.parent.name}/{file.parent.name}"


def _looks(file: Path) -> list[int]:
    """All that changes with a file's content, and whatever else changes."""
    found = file.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _writer() -> str:
    """Whose notes they are: what reads a record may read it in another way tomorrow."""
    here = Path(__file__)
    return sha256_hex(here.read_bytes() + here.with_name("archived.py").read_bytes())


def _essence(record: ArchivedRecord) -> Json:
    """The parts of a document that a listing reads, as it reads them."""
    return {
        "state": record.state,
        "kind": record.kind,
        "title": record.title,
        "verdict": {"kind": record.verdict},
        "outcome": record.outcome,
        "score": {"points": record.points, "band": record.band},
        "simulated": record.simulated,
        "finished_at": record.finished_at,
        "previous": {"record": record.previous},
        "window": {
            "asked_s": record.asked_s,
            "end": record.as_of and record.as_of.isoformat(),
            "deployed_at": record.deployed_at and record.deployed_at.isoformat(),
        },
        "findings": [
            {
                "role": Role.CRITERION.value,
                "metric": rate.metric,
                "title": rate.title,
                "count": {"k": rate.k, "n": rate.n},
                "interval": {"noted": True},
            }
            for rate in record.rates
        ],
    }
