"""A soak summed up from an archive: one more record, and what the terminal tells of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.checklist.entries import Checklist, Desk, Item, Phase
from gonogo.errors import UsageError
from gonogo.gate.summary import sum_up
from gonogo.model.kinds import Environment, State
from gonogo.model.measurement import Count, Window
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import read_record
from gonogo.report.index import RecordPages
from gonogo.signing.verification import verify_record
from record_examples import gate, provenance
from record_schema import faults
from signers import TEMPLATES

DEPLOYED = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
FINAL = Item(id="final", text="Final", facts=("final_record",))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An archive, and a checklist that asks for the final report alone."""
    return Desk(Checklist(phase=(Phase(id="p", title="P", item=(FINAL,)),)), tmp_path, None)


def look(desk: Desk, hours: int, k: int, **more: object) -> Path:
    """A gate's record as of so many hours after the deployment."""
    end = DEPLOYED + timedelta(hours=hours)
    whole = gate()
    sync = replace(whole.measurements["sync.success_rate"], count=Count(k, 1000))
    known: dict[str, object] = {
        "started_at": end,
        "window": Window(timedelta(hours=48), DEPLOYED, end, DEPLOYED),
        "measurements": {**whole.measurements, "sync.success_rate": sync},
        "findings": whole.findings[:1],
        "provenance": provenance(taken_at=end),
    }
    record = whole.having(**known | more)
    return RunningRecord.open(desk.archive_dir, record).finish(record, "GO", RecordPages(TEMPLATES))


def test_the_sum_is_told_and_archived(desk: Desk) -> None:
    """Score, rates, looks; a record that is proved, and settles the checklist's item of it."""
    for hours, k in ((1, 980), (24, 930), (48, 970)):
        look(desk, hours, k)
    told = sum_up(desk, Environment.STAGING, TEMPLATES)
    assert told.lines[1:4] == (
        "health score 97.3 of 100, Excellent",
        "Sync success rate: 98.0 % at first, 93.0 % at the lowest, 97.0 % at last",
        "3 of 6 moments looked at, by 3 records",
    )
    document = json.loads((told.directory / "record.json").read_bytes())
    assert faults(document) == []
    assert document["checklist"][0]["items"][0]["evidence"] == "it says GO (this record)"
    assert verify_record(told.directory, None, TEMPLATES).problems == ()


def test_what_nobody_may_sign_for_production_is_said_of_the_sum_too(desk: Desk) -> None:
    """What was left out of the newest record, and how long before it was made its window ended."""
    late = provenance(taken_at=DEPLOYED + timedelta(hours=48, seconds=4000))
    look(desk, 48, 970, without=("endpoints",), provenance=late)
    told = read_record(sum_up(desk, Environment.STAGING, TEMPLATES).directory)
    assert told.as_of_age == timedelta(seconds=4000)
    assert told.without == ("endpoints",)


def test_an_aborted_gate_is_no_part_of_the_sum(desk: Desk) -> None:
    """However much it measured before it was interrupted."""
    kept = look(desk, 24, 930)
    look(desk, 48, 100, state=State.ABORTED)
    (summed,) = sum_up(desk, Environment.STAGING, TEMPLATES).record.records
    assert summed.record == kept.name


def test_without_a_record_there_is_nothing_to_sum_up(desk: Desk) -> None:
    """One line says what to run first; no record is opened."""
    with pytest.raises(UsageError, match=r"run gonogo monitor staging first"):
        sum_up(desk, Environment.STAGING, TEMPLATES)
    assert list(desk.archive_dir.iterdir()) == []
