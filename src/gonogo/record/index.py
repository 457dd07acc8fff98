"""The archive's list: every record of every environment, the newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from gonogo.record.files import write_whole
from gonogo.record.html import render, render_template
from gonogo.record.listing import (
    RECORD_FILE,
    RUNNING,
    UNREADABLE,
    ArchivedRecord,
    list_records,
    load,
)
from gonogo.record.manifest import SIGNATURES_PAGE, SIGNOFF
from gonogo.record.page import ABORTED, RESULTS, VERDICTS, Look, look

INDEX_FILE = "index.html"
INDEX_TEMPLATE = "index.html.jinja"
PAGE_FILE = "record.html"
IS_RUNNING = Look("RUNNING", "dash", "quiet")
DAMAGED = Look("UNREADABLE", "question", "bad")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list.

    Args:
        record: What it tells of.
        look: Its verdict or result.
        href: Its page relative to the list; empty when it has none.
        signed: What people decided on it, in order; not proved here.
        signatures: The page of these relative to the list; empty when there is none.
    """

    record: ArchivedRecord
    look: Look
    href: str
    signed: tuple[str, ...] = ()
    signatures: str = ""


def write_index(archive_dir: Path, templates_dir: Path) -> Path:
    """Write ``index.html``; a run that died gets a page that says so.

    Args:
        archive_dir: The archive, whose lock the caller holds.
        templates_dir: The templates.

    Raises:
        OSError: A file cannot be read or written.
        UsageError: A template is missing or wrong.
    """
    records = list_records(archive_dir)
    for record in records:
        if record.label == RUNNING and record.state == "aborted":
            _bury(record, templates_dir)
    environments = {
        name: [_row(record, archive_dir) for record in group]
        for name, group in groupby(records, key=lambda record: record.environment)
    }
    index = archive_dir / INDEX_FILE
    page = render_template(INDEX_TEMPLATE, templates_dir, {"environments": environments})
    write_whole(index, page.encode())
    return index


def _bury(record: ArchivedRecord, templates_dir: Path) -> None:
    page = record.directory / PAGE_FILE
    document, _ = load(record.directory)
    if document and not page.exists():
        write_whole(page, render(document, templates_dir).encode())


def _row(record: ArchivedRecord, archive_dir: Path) -> Row:
    for file in (PAGE_FILE, RECORD_FILE):
        path = record.directory / file
        if path.is_file():
            href = quote(path.relative_to(archive_dir).as_posix())
            signed = tuple(decisions(record.directory))
            page = record.directory / SIGNATURES_PAGE
            beside = quote(page.relative_to(archive_dir).as_posix()) if page.is_file() else ""
            return Row(record, _look(record), href, signed, beside)
    return Row(record, _look(record), "")


def decisions(directory: Path) -> Iterator[str]:
    """What the sign-offs beside a record say, such as ``go by ada``: read, not proved."""
    numbers = sorted(
        int(match[1])
        for path in directory.iterdir()
        if (match := SIGNOFF.fullmatch(path.name)) and not match[2]
    )
    for number in numbers:
        try:
            told = json.loads((directory / f"signoff-{number}.json").read_bytes())
            yield f"{told['decision']} by {told['by']}"
        except (OSError, ValueError, KeyError, TypeError):
            yield f"signoff-{number}.json cannot be read"


def _look(record: ArchivedRecord) -> Look:
    if record.state == UNREADABLE:
        return DAMAGED
    if record.state == "running":
        return IS_RUNNING
    if record.verdict:
        return look(VERDICTS, record.verdict)
    return RESULTS.get((record.kind, record.outcome or "")) or ABORTED
