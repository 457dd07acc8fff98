"""What lies in an archive: ``<environment>/<UTC time>_<label>/record.json``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from gonogo.record.archived import (
    GATE_LABELS,
    NAME,
    RUNNING,
    STEM_FORMAT,
    ArchivedRecord,
    load,
    read_named,
)
from gonogo.record.catalogue import read_notes


def list_records(archive_dir: Path, *, quick: bool = False) -> tuple[ArchivedRecord, ...]:
    """All records: by environment, the newest first.

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
    notes = read_notes(archive_dir) if quick else {}
    for place in sorted(path for path in archive_dir.iterdir() if path.is_dir()):
        here = [read_named(directory, match, notes) for directory, match in named(place)]
        records += sorted(here, key=lambda record: record.order, reverse=True)
    return tuple(records)


def gates_since(archive_dir: Path, environment: str, moment: datetime) -> int:
    """How often the gate was asked: the runs begun at `moment` or later, the current one too.

    Args:
        archive_dir: The archive; none there is an empty one.
        environment: Whose gates.
        moment: From when on, to the second; UTC.

    Raises:
        OSError: A directory could not be read.
    """
    place, first = archive_dir / environment, moment.astimezone(UTC).strftime(STEM_FORMAT)
    return sum(
        match["moment"] >= first and _is_gate(directory, match["label"])
        for directory, match in named(place)
    )


def head_of(records: Iterable[ArchivedRecord], environment: str) -> ArchivedRecord | None:
    """The end of an environment's chain: the closed record that no other one names.

    Where several are at an end (two archives were put together), the last one closed.
    """
    closed = [r for r in records if r.environment == environment and r.label != RUNNING]
    named_before = {record.previous for record in closed}
    ends = [record for record in closed if record.name not in named_before]
    return max(ends, key=lambda record: (record.finished_at, record.order), default=None)


def named(place: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    """The directories below `place` that are named like a record.

    Raises:
        OSError: `place` could not be read.
    """
    if not place.is_dir():
        return
    for directory in place.iterdir():
        match = NAME.fullmatch(directory.name)
        if match and directory.is_dir():
            yield directory, match


def _is_gate(directory: Path, label: str) -> bool:
    return label in GATE_LABELS or (label == RUNNING and load(directory)[0].get("kind") == "gate")
