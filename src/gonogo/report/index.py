"""The archive's list: every record of every environment, their trend, and the soak at hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, zip_longest
from pathlib import Path
from urllib.parse import quote

from gonogo.errors import RecordError
from gonogo.model.kinds import Environment, Kind, State
from gonogo.model.record import Mark, Record
from gonogo.record.canonical import RECORD_FILE, SIGNATURES_PAGE, read_record, signoff_numbers
from gonogo.record.files import write_whole
from gonogo.record.listing import (
    RUNNING,
    UNREADABLE,
    ArchivedRecord,
    list_records,
    write_notes,
)
from gonogo.report.html import (
    attestation,
    render,
    render_template,
    renderer_sha256,
)
from gonogo.report.text import ABORTED, RESULTS, VERDICTS, Look, headline
from gonogo.report.timeline import SoakLook, Trend, continuity, line, of_this_soak, trends

INDEX_FILE = "index.html"
INDEX_TEMPLATE = "index.html.jinja"
SIGNATURES_TEMPLATE = "signatures.html.jinja"
PAGE_FILE = "record.html"
IS_RUNNING = Look("RUNNING", "dash", "quiet")
DAMAGED = Look("UNREADABLE", "question", "bad")
# A share of 1, as a rate's: five points of a hundred fill the height at the least.
MOST_POINTS = 100
# As many marks stand side by side on the line of time; more would hide each other.
MOST_MARKS = 50
WHOLE = 100.0
# Marks of 18 pixels on a laptop's page stand side by side; a long line moves closer together.
LEAST_APART = 2.0


def signatures_page(
    record: Record, name: str, signoffs: Sequence[object], templates_dir: Path
) -> str:
    """Render the page of who signed a record.

    Args:
        record: The record.
        name: Its directory.
        signoffs: As `gonogo.signing` shows them, in order; nobody has signed without one.
        templates_dir: The team's own templates and style sheet; may be missing.

    Raises:
        UsageError: A template is missing or wrong.
    """
    values = {
        "record": record,
        "headline": headline(record),
        "name": name,
        "signoffs": signoffs,
        "renderer_sha256": renderer_sha256(templates_dir),
    }
    return render_template(SIGNATURES_TEMPLATE, templates_dir, values)


@dataclass(frozen=True, slots=True)
class RecordPages:
    """What closing a record needs of this room: its page, and the archive's list.

    Args:
        templates_dir: The team's own templates; may be missing.
    """

    templates_dir: Path

    def renderer_sha256(self) -> str:
        """The hash of all that makes a page beside its record."""
        return renderer_sha256(self.templates_dir)

    def page(self, record: Record) -> str:
        """A record's page.

        Raises:
            UsageError: A template is missing or wrong.
        """
        return render(record, self.templates_dir)

    def signatures(self, record: Record) -> str:
        """The page of a record's signatures, while nobody has signed.

        Raises:
            UsageError: A template is missing or wrong.
        """
        return signatures_page(record, record.name, (), self.templates_dir)

    def attestation(self, record: Record) -> bytes | None:
        """What a record says, for other tools; None where it judges nothing that has a hash."""
        return attestation(record)

    def write_index(self, archive_dir: Path) -> None:
        """Write the archive's list anew; the caller holds the archive's lock.

        Raises:
            OSError: A file cannot be read or written.
            UsageError: A template is missing or wrong.
        """
        write_index(archive_dir, self.templates_dir)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list.

    Args:
        record: The archived record.
        look: Its verdict or result.
        href: Its page relative to the list; empty when it has none.
        at: Where it lies along the line of time, in percent; None for what is too old for it.
        signed: What people decided on it, in order; not proved here.
        signatures: The page of these relative to the list; empty when there is none.
    """

    record: ArchivedRecord
    look: Look
    href: str
    at: float | None
    signed: tuple[str, ...] = ()
    signatures: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What the list shows of one environment.

    Args:
        rows: Its records, the newest first.
        latest: The newest gate's or summary's row; None without one.
        trends: The main rates over its gates.
        score: The health score over its gates, as a path; empty with fewer than two.
        marks: The moments of the latest deployment's soak; empty when none is known.
    """

    rows: Sequence[Row]
    latest: Row | None
    trends: Sequence[Trend]
    score: str
    marks: Sequence[Mark]

    @property
    def strip(self) -> Sequence[Row]:
        """The rows that the line of time shows."""
        return [row for row in self.rows if row.at is not None]


def write_index(archive_dir: Path, templates_dir: Path) -> Path:
    """Write ``index.html``; a run that died gets a page that says so.

    Args:
        archive_dir: The archive, whose lock the caller holds.
        templates_dir: The templates.

    Raises:
        OSError: A file cannot be read or written.
        UsageError: A template is missing or wrong.
    """
    records = list_records(archive_dir, quick=True)
    write_notes(archive_dir, records)
    for record in records:
        if record.label == RUNNING and record.state is State.ABORTED:
            _bury(record, templates_dir)
    environments = {
        name: _section(name, list(group), archive_dir)
        for name, group in groupby(records, key=lambda record: record.environment)
    }
    index = archive_dir / INDEX_FILE
    page = render_template(INDEX_TEMPLATE, templates_dir, {"environments": environments})
    write_whole(index, page.encode())
    return index


def _section(name: str, records: Sequence[ArchivedRecord], archive_dir: Path) -> Section:
    along = places(record.moment for record in records[:MOST_MARKS])
    rows = [_row(r, archive_dir, at) for r, at in zip_longest(records, along)]
    gates = [record for record in reversed(records) if record.kind is Kind.GATE]
    # Of an archive of several databases, only one's figures make a line: the newest gate's.
    database = next((record.database for record in reversed(gates) if record.database), "")
    oldest_first = [record for record in gates if record.database == database]
    points = [record.points for record in oldest_first]
    score = line([None if one is None else one / MOST_POINTS for one in points])
    latest = next((row for row in rows if row.record.verdict), None)
    return Section(
        rows,
        latest,
        trends([record.rates for record in oldest_first]),
        score,
        _marks(name, records),
    )


def _marks(name: str, records: Sequence[ArchivedRecord]) -> Sequence[Mark]:
    if name not in set(Environment):
        return ()
    gates = of_this_soak(records, Environment(name))
    if not gates or gates[-1].deployed_at is None or gates[-1].as_of is None:
        return ()
    looks = [SoakLook(gate.as_of, gate.name) for gate in gates if gate.as_of]
    return continuity(Environment(name), gates[-1].deployed_at, gates[-1].as_of, looks)


def _bury(record: ArchivedRecord, templates_dir: Path) -> None:
    page = record.directory / PAGE_FILE
    if not page.exists():
        # A damaged one stays without a page; the list says of it what can be said.
        with suppress(RecordError):
            write_whole(page, render(read_record(record.directory), templates_dir).encode())


def _row(record: ArchivedRecord, archive_dir: Path, at: float | None) -> Row:
    for file in (PAGE_FILE, RECORD_FILE):
        path = record.directory / file
        if path.is_file():
            href = quote(path.relative_to(archive_dir).as_posix())
            signed = tuple(decisions(record.directory))
            page = record.directory / SIGNATURES_PAGE
            beside = quote(page.relative_to(archive_dir).as_posix()) if page.is_file() else ""
            return Row(record, _look(record), href, at, signed, beside)
    return Row(record, _look(record), "", at)


def decisions(directory: Path) -> Iterator[str]:
    """What the sign-offs beside a record say, such as ``go by ada``: read, not proved."""
    for number in sorted(signoff_numbers(directory)):
        try:
            signoff = json.loads((directory / f"signoff-{number}.json").read_bytes())
            yield f"{signoff['decision']} by {signoff['by']}"
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            yield f"signoff-{number}.json cannot be read"


def _look(record: ArchivedRecord) -> Look:
    if record.state == UNREADABLE:
        return DAMAGED
    if record.state is State.RUNNING:
        return IS_RUNNING
    if record.verdict:
        return VERDICTS[record.verdict]
    return RESULTS.get(f"{record.kind} {record.outcome}", ABORTED)


def places(moments: Iterable[datetime]) -> list[float]:
    """Where moments lie along a line of 100: by their time, but never upon each other.

    Args:
        moments: In any order.
    """
    given = list(moments)
    if not given:
        return []
    first, last = min(given), max(given)
    length = (last - first).total_seconds() or 1.0
    at: dict[datetime, float] = {}
    free_from = 0.0
    for moment in sorted(set(given)):
        at[moment] = max((moment - first).total_seconds() / length * WHOLE, free_from)
        free_from = at[moment] + LEAST_APART
    scale = min(WHOLE / max(at.values()), 1.0) if max(at.values()) else 1.0
    return [round(at[moment] * scale, 2) for moment in given]
