"""The final report of a soak: read from the archive, and closed as one more record of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.checklist.block import Desk, checklist_block
from gonogo.errors import UsageError
from gonogo.model.finding import Verdict
from gonogo.model.kinds import Environment, VerdictKind
from gonogo.model.window import format_moment
from gonogo.record.archive import RunningRecord
from gonogo.record.archived import SUMMARY, load
from gonogo.record.files import told_plainly
from gonogo.record.listing import list_records
from gonogo.report.soak import PRESENT
from gonogo.report.summary import of_this_soak, summary
from gonogo.report.text import points, share
from gonogo.report.trends import trends


@dataclass(frozen=True, slots=True)
class SummedUp:
    """A final report.

    Args:
        title: What it is called.
        verdict: That of the newest record, where it judges the whole soak.
        figures: The health score, the main rates over the soak, and how often it was looked at.
        directory: Where it lies.
    """

    title: str
    verdict: Verdict
    figures: tuple[str, ...]
    directory: Path


def sum_up(desk: Desk, environment: Environment, templates_dir: Path) -> SummedUp:
    """Sum up the soak of an environment's latest deployment, and archive that.

    Args:
        desk: Where the records and the checklist lie.
        environment: Whose.
        templates_dir: The templates.

    Raises:
        UsageError: There is no record of it.
        GonogoError: The archive cannot be read or written.
    """
    archive_dir, started_at = desk.archive_dir, datetime.now(UTC)
    with told_plainly("the archive cannot be read"):
        gates = of_this_soak(list_records(archive_dir), environment)
    if not gates:
        raise UsageError(
            f"there is no record of {environment} in {archive_dir} that knows its deployment",
            f"run ./noxw -s monitor_{environment} first",
        )
    newest, _ = load(gates[-1].directory)
    told = summary(gates, newest, environment)
    told["started_at"] = format_moment(started_at)
    head = {key: told[key] for key in ("kind", "title", "simulated", "started_at")}
    running = RunningRecord.open(archive_dir, environment, head)
    told["checklist"] = checklist_block(desk, environment, (started_at, told))
    told["finished_at"] = format_moment(datetime.now(UTC))
    directory = running.finish(told, SUMMARY, templates_dir)
    verdict = told["verdict"]
    reasons, warnings = tuple(verdict["reasons"]), tuple(verdict["warnings"])
    decided = Verdict(VerdictKind(verdict["kind"]), reasons, warnings=warnings)
    return SummedUp(told["title"], decided, tuple(_figures(told)), directory)


def _figures(told: Mapping[str, Any]) -> Iterator[str]:
    if score := told["score"]:
        yield f"health score {points(score['points'])} of 100, {score['band']}"
    for one in trends([record["rates"] for record in told["records"]]):
        lowest = f"{share(one.lowest)} at the lowest"
        yield f"{one.title}: {share(one.first)} at first, {lowest}, {share(one.last)} at last"
    marks, gates = told["soak"]["marks"], len(told["records"])
    present = sum(mark["state"] == PRESENT for mark in marks)
    yield f"{present} of {len(marks)} moments looked at, by {gates} record{'s' * (gates > 1)}"
