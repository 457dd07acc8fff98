"""The soak as the archive tells it: every moment by a record that is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.gate.closing import gates_since, soak
from gonogo.model.kinds import Environment, MarkState, State
from gonogo.model.measurement import Window
from gonogo.model.window import clip, format_moment
from gonogo.record.archive import RunningRecord
from gonogo.record.listing import NOTES_FILE, list_records
from gonogo.report.index import RecordPages
from record_examples import gate

DEPLOYED = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def look(archive: Path, hours: float, state: State = State.COMPLETE) -> str:
    """A gate's record as of so many hours after the deployment; its name."""
    end = DEPLOYED + hours * HOUR
    record = gate(started_at=end, window=Window(48 * HOUR, DEPLOYED, end, DEPLOYED), state=state)
    pages = RecordPages(archive / "templates")
    return RunningRecord.open(archive, record).finish(record, "GO", pages).name


@pytest.fixture
def looked(tmp_path: Path) -> str:
    """An archive in `tmp_path` whose one gate looked at the first hour; the gate's name."""
    return look(tmp_path, 1)


def present(archive: Path) -> dict[str, str | None]:
    """The moments that somebody looked at by hour 30, with the record of each."""
    window = clip(48 * HOUR, DEPLOYED + 30 * HOUR, DEPLOYED)
    told = soak(archive, Environment.STAGING, window, None)
    assert told
    return {mark.name: mark.record for mark in told.marks if mark.state is MarkState.PRESENT}


def test_a_moment_is_looked_at_by_the_record_that_says_so(tmp_path: Path, looked: str) -> None:
    """The first hour by the gate, the last moment by the one that is being written."""
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}


def test_a_forged_note_makes_no_moment_present(tmp_path: Path, looked: str) -> None:
    """What was noted of a record spares time; that somebody looked is read in the record."""
    file = tmp_path / NOTES_FILE
    told = json.loads(file.read_bytes())
    (note,) = told["notes"].values()
    note["note"]["as_of"] = format_moment(DEPLOYED + 8 * HOUR)
    file.write_text(json.dumps(told), encoding="utf-8")
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}


def test_an_aborted_run_is_no_look(tmp_path: Path, looked: str) -> None:
    """Whatever it measured before it was interrupted; the list says that it was aborted."""
    aborted = look(tmp_path, 4.5, State.ABORTED)
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}
    listed = {record.name: record for record in list_records(tmp_path)}
    assert listed[aborted].state is State.ABORTED
    assert not listed[aborted].is_look


def test_an_aborted_run_was_asked_all_the_same(tmp_path: Path, looked: str) -> None:
    """It is no look, but whoever asks until the answer suits has asked once more."""
    look(tmp_path, 4.5, State.ABORTED)
    assert looked
    assert gates_since(tmp_path, "staging", DEPLOYED) == 2
