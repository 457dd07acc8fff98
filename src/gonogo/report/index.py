"""The archive's list: every record of every environment, their trend, and the soak at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
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
from gonogo.report.html import attestation, render, render_template, renderer_sha256
from gonogo.report.sentences import ABORTED, RESULTS, VERDICTS, Look, headline
from gonogo.report.timeline import SoakLook, Trend, continuity, line, of_this_soak, trends

INDEX_FILE = "index.html"
INDEX_TEMPLATE = "index.html.jinja"
SIGNATURES_TEMPLATE = "signatures.html.jinja"
PAGE_FILE = "record.html"
IS_RUNNING = Look("RUNNING", "dash", "quiet")
DAMAGED = Look("UNREADABLE", "question", "bad")
# A share of 1, as a rate's: five points of a hundred fill the height at the least.
MOST_POINTS = 100
# Of the verdicts of one deployment side by side; the table below has every one.
MOST_MARKS = 50


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

    def page(self, record: Record, sha256: str = "") -> str:
        """A record's page.

        Args:
            record: The record.
            sha256: Of its ``record.json``; empty where it is not written yet.

        Raises:
            UsageError: A template is missing or wrong.
        """
        return render(record, self.templates_dir, sha256)

    def signatures(self, record: Record) -> str:
        """The page of a record's signatures, while nobody has signed.

        Raises:
            UsageError: A template is missing or wrong.
        """
        return signatures_page(record, record.name, (), self.templates_dir)

    def attestation(self, record: Record, sha256: str) -> bytes | None:
        """What a record says, for other tools; None where it judges nothing that has a hash."""
        return attestation(record, sha256)

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
        signed: What people decided on it, in order; not proved here.
        signatures: The page of these relative to the list; empty when there is none.
    """

    record: ArchivedRecord
    look: Look
    href: str
    signed: tuple[str, ...] = ()
    signatures: str = ""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The records of one deployment.

    Args:
        anchor: Where the list has it; a link there shows it alone.
        number: In the ledger; empty where no record knows one.
        revision: What was deployed; empty where no record knows it.
        by: Who deployed it; likewise.
        rows: Its records, the newest first.
    """

    anchor: str
    number: str
    revision: str
    by: str
    rows: Sequence[Row]

    @property
    def strip(self) -> Sequence[Row]:
        """Its newest verdicts and results, the oldest first."""
        return self.rows[:MOST_MARKS][::-1]


@dataclass(frozen=True, slots=True)
class Section:
    """What the list shows of one environment.

    Args:
        deployments: Its records by deployment, the newest first.
        latest: The newest gate's or summary's row; None without one.
        trends: The main rates over its gates.
        score: The health score over its gates, as a path; empty with fewer than two.
        marks: The moments of the latest deployment's soak; empty when none is known.
    """

    deployments: Sequence[Deployed]
    latest: Row | None
    trends: Sequence[Trend]
    score: str
    marks: Sequence[Mark]

    @property
    def total(self) -> int:
        """How many records there are."""
        return sum(len(one.rows) for one in self.deployments)


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
    rows = [_row(record, archive_dir) for record in records]
    gates = [record for record in reversed(records) if record.kind is Kind.GATE]
    # Of an archive of several databases, only one's figures make a line: the newest gate's.
    database = next((record.database for record in reversed(gates) if record.database), "")
    oldest_first = [record for record in gates if record.database == database]
    points = [record.points for record in oldest_first]
    score = line([None if one is None else one / MOST_POINTS for one in points])
    latest = next((row for row in rows if row.record.verdict), None)
    return Section(
        list(_by_deployment(name, rows)),
        latest,
        trends([record.rates for record in oldest_first]),
        score,
        _marks(name, records),
    )


def _by_deployment(name: str, rows: Sequence[Row]) -> Iterator[Deployed]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.record.database, row.record.deployment), []).append(row)
    for place, ((_, number), group) in enumerate(found.items(), 1):
        known = [row.record for row in group]
        revision = next((one.revision for one in known if one.revision), "")
        by = next((one.deployed_by for one in known if one.deployed_by), "")
        yield Deployed(f"{name}-{place}", number, revision, by, group)


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
