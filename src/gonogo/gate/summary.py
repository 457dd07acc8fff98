"""The final report of a soak: read from the archive, and closed as one more record of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gonogo import __version__
from gonogo.checklist.entries import Desk
from gonogo.checklist.standing import checklist_block
from gonogo.errors import UsageError
from gonogo.model.finding import Verdict, VerdictReason
from gonogo.model.kinds import Environment, Kind, MarkState, State, VerdictKind, Why
from gonogo.model.measurement import Count, Window, format_duration
from gonogo.model.record import Mark, Record, Soak
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import read_record
from gonogo.record.files import refusal_explained
from gonogo.record.listing import SUMMARY, ArchivedRecord, list_records
from gonogo.report.answers import reasons, warnings
from gonogo.report.index import RecordPages
from gonogo.report.text import points, share
from gonogo.report.timeline import LENGTHS, SoakLook, continuity, of_this_soak, trends
from gonogo.screen import command

BAD = frozenset({VerdictKind.ROLLBACK, VerdictKind.NO_GO})


@dataclass(frozen=True, slots=True)
class SummedUp:
    """A final report.

    Args:
        record: What was closed.
        directory: Where it lies.
    """

    record: Record
    directory: Path

    @property
    def verdict(self) -> VerdictKind:
        """That of the newest record, where it judges the whole soak."""
        return self.record.verdict.kind if self.record.verdict else VerdictKind.HOLD

    @property
    def lines(self) -> tuple[str, ...]:
        """Why; the health score and the main rates over the soak; and what to know besides."""
        return (*reasons(self.record), *_figures(self.record), *warnings(self.record))


def sum_up(desk: Desk, environment: Environment, templates_dir: Path) -> SummedUp:
    """Sum up the soak of an environment's latest deployment, and archive that.

    Args:
        desk: Where the records and the checklist lie.
        environment: Whose.
        templates_dir: The team's own templates.

    Raises:
        UsageError: There is no record of it.
        RecordError: The newest record cannot be read.
        GonogoError: The archive cannot be read or written.
    """
    archive_dir, started_at = desk.archive_dir, datetime.now(UTC)
    with refusal_explained("the archive cannot be read"):
        records = list_records(archive_dir)
    gates = of_this_soak(records, environment)
    if not gates:
        raise UsageError(
            f"there is no record of {environment} in {archive_dir} that knows its deployment",
            f"run {command(f'monitor {environment}')} first",
        )
    newest = read_record(gates[-1].directory)
    head = Record(
        kind=Kind.SUMMARY,
        title=f"{environment.capitalize()}: final report, {format_duration(LENGTHS[environment])}",
        environment=environment,
        simulated=any(gate.simulated for gate in gates),
        started_at=started_at,
        gonogo=__version__,
        reproduce=command("final_report", environment),
    )
    running = RunningRecord.open(archive_dir, head)
    full = summary(head, gates, newest, _strangers(records, gates))
    block = checklist_block(desk, environment, (started_at, full))
    full = full.having(checklist=block, finished_at=datetime.now(UTC))
    return SummedUp(full, running.finish(full, SUMMARY, RecordPages(templates_dir)))


def _strangers(
    records: Iterable[ArchivedRecord], gates: Sequence[ArchivedRecord]
) -> tuple[ArchivedRecord, ...]:
    """The looks at another database since this soak began."""
    last, (begun, _) = gates[-1], _soak_of(gates[-1])
    return tuple(
        one
        for one in records
        if (one.environment == last.environment and one.is_look)
        and (one.as_of and one.as_of >= begun and one.database not in {"", last.database})
    )


def summary(
    head: Record,
    gates: Sequence[ArchivedRecord],
    newest: Record,
    strangers: Sequence[ArchivedRecord] = (),
) -> Record:
    """Everything that the final report shows but the checklist and what closing it adds.

    Args:
        head: What is known of the report itself.
        gates: From `of_this_soak`; not empty.
        newest: The last of them.
        strangers: Looks at another database in the same time.
    """
    length, (begun, end) = LENGTHS[head.environment], _soak_of(gates[-1])
    looks = [SoakLook(gate.as_of, gate.name) for gate in gates if gate.as_of]
    marks = continuity(head.environment, begun, end, looks)
    return head.having(
        state=State.COMPLETE,
        provenance=newest.provenance,
        # From what was not asked nothing can be signed for production: nor from the sum of it.
        without=newest.without,
        verdict=_verdict(gates, marks, length, strangers),
        window=Window(length, max(begun, end - length), end, begun),
        score=newest.score,
        timeline=newest.timeline,
        change=newest.change,
        soak=Soak(deployed_at=begun, end=end, marks=marks, hours=0, silent=()),
        records=tuple(filter(None, (gate.brief for gate in gates))),
    )


def _soak_of(gate: ArchivedRecord) -> tuple[datetime, datetime]:
    if gate.deployed_at is None or gate.as_of is None:
        raise ValueError("a gate of this soak knows its window")
    return gate.deployed_at, gate.as_of


def _verdict(
    gates: Sequence[ArchivedRecord],
    marks: Sequence[Mark],
    length: timedelta,
    strangers: Sequence[ArchivedRecord],
) -> Verdict:
    last, asked_s = gates[-1], int(length.total_seconds())
    kind = last.verdict or VerdictKind.HOLD
    reason = VerdictReason(Why.NEWEST_RECORD, last.name, verdict=kind)
    if kind is VerdictKind.GO and last.asked_s < asked_s:
        kind = VerdictKind.HOLD
        reason = VerdictReason(Why.WINDOW_TOO_SHORT, covered_s=last.asked_s, asked_s=asked_s)
    warned = tuple(_warnings(gates, marks))
    if strangers:
        count = Count(len(strangers), len(strangers) + len(gates))
        warned += (VerdictReason(Why.ANOTHER_DATABASE, count=count, at=last.deployed_at),)
    return Verdict(kind, (reason,), warnings=warned)


def _warnings(gates: Sequence[ArchivedRecord], marks: Sequence[Mark]) -> Iterator[VerdictReason]:
    for mark in marks:
        if mark.state is MarkState.MISSING:
            yield VerdictReason(Why.MOMENT_MISSED, mark.name)
    for gate in gates[:-1]:
        if gate.verdict in BAD:
            yield VerdictReason(Why.EARLIER_VERDICT, gate.name, verdict=gate.verdict, at=gate.as_of)


def _figures(record: Record) -> Iterator[str]:
    if score := record.score:
        yield f"health score {points(score.points)} of 100, {score.band}"
    for one in trends([summed.rates for summed in record.records]):
        lowest = f"{share(one.lowest)} at the lowest"
        yield f"{one.title}: {share(one.first)} at first, {lowest}, {share(one.last)} at last"
    marks, gates = record.soak.marks if record.soak else (), len(record.records)
    present = sum(mark.state is MarkState.PRESENT for mark in marks)
    yield f"{present} of {len(marks)} moments looked at, by {gates} record{'s' * (gates > 1)}"
