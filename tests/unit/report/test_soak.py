"""The soak as the archive tells it: every moment by a record that is there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.model.kinds import Environment, MarkState, State
from gonogo.model.measurement import DatabaseIdentity, Window, clip, format_moment
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import database_of
from gonogo.record.listing import NOTES_FILE, list_records
from gonogo.report.index import RecordPages
from gonogo.report.timeline import gates_since, soak
from record_examples import IDENTITY, deployment, gate, provenance

DEPLOYED = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = database_of(provenance())
OTHER = {
    "another server": replace(IDENTITY, system_identifier="1"),
    "another name": replace(IDENTITY, database="app_2"),
}


def look(
    archive: Path,
    hours: float,
    state: State = State.COMPLETE,
    of: DatabaseIdentity = IDENTITY,
) -> str:
    """A gate's record as of so many hours after the deployment; its name."""
    end = DEPLOYED + hours * HOUR
    asked = provenance().model_copy(update={"database": of})
    window = Window(48 * HOUR, DEPLOYED, end, DEPLOYED)
    record = gate(started_at=end, window=window, state=state, provenance=asked)
    pages = RecordPages(archive / "templates")
    return RunningRecord.open(archive, record).finish(record, "GO", pages).name


@pytest.fixture
def looked(tmp_path: Path) -> str:
    """An archive in `tmp_path` whose one gate looked at the first hour; the gate's name."""
    return look(tmp_path, 1)


def present(archive: Path) -> dict[str, str | None]:
    """The moments that somebody looked at by hour 30, with the record of each."""
    window = clip(48 * HOUR, DEPLOYED + 30 * HOUR, DEPLOYED)
    told = soak(archive / "staging", KEY, window, None)
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
    assert gates_since(tmp_path / "staging", KEY, DEPLOYED) == 2


def test_a_look_at_another_deployments_soak_is_none(tmp_path: Path, looked: str) -> None:
    """The same hours of another application."""
    end = DEPLOYED + 4 * HOUR
    record = gate(started_at=end, window=Window(48 * HOUR, DEPLOYED, end, DEPLOYED - HOUR))
    RunningRecord.open(tmp_path, record).finish(record, "GO", RecordPages(tmp_path / "templates"))
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}


def test_a_look_after_the_windows_end_is_not_yet_one(tmp_path: Path, looked: str) -> None:
    """A window that was wound back knows nothing of it; one at its very end it knows."""
    look(tmp_path, 30.5)
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}
    window = clip(48 * HOUR, DEPLOYED + HOUR, DEPLOYED)
    told = soak(tmp_path / "staging", KEY, window, None)
    assert told
    assert [mark.record for mark in told.marks if mark.state is MarkState.PRESENT] == [looked]


def test_a_look_at_another_environment_is_none(tmp_path: Path, looked: str) -> None:
    """It was deployed at the same moment."""
    end = DEPLOYED + 4 * HOUR
    window = Window(48 * HOUR, DEPLOYED, end, DEPLOYED)
    record = gate(started_at=end, window=window, environment=Environment.PRODUCTION)
    RunningRecord.open(tmp_path, record).finish(record, "GO", RecordPages(tmp_path / "templates"))
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}


def test_a_gate_that_goes_on_was_asked_too(tmp_path: Path, looked: str) -> None:
    """By the record that it left at its beginning; a deployment that goes on was not."""
    for number, record in enumerate((gate(), deployment()), 1):
        begun = record.having(started_at=DEPLOYED + number * HOUR)
        RunningRecord.open(tmp_path, begun).abandon()
    assert looked
    assert gates_since(tmp_path / "staging", KEY, DEPLOYED) == 2


def test_only_gates_are_counted(tmp_path: Path) -> None:
    """A deployment is none, nor is a directory without a record."""
    for name in ("20261121T150000Z_DEPLOYED", "20261121T160000Z_RUNNING", "20261121T170000Z_GO"):
        (tmp_path / "staging" / name).mkdir(parents=True)
    assert gates_since(tmp_path / "staging", KEY, DEPLOYED) == 0
    look(tmp_path, 1)
    assert gates_since(tmp_path / "staging", KEY, DEPLOYED) == 1


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_another_database_of_the_same_archive_counts_for_nothing(
    tmp_path: Path, looked: str, other: DatabaseIdentity
) -> None:
    """It was deployed to at the same moment, in the same environment."""
    look(tmp_path, 4, of=other)
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}
    assert gates_since(tmp_path / "staging", KEY, DEPLOYED) == 1


def test_where_no_identity_can_be_read_the_way_there_tells_databases_apart(tmp_path: Path) -> None:
    """Whoever asks, and with whatever encryption; host, port and name count."""
    nameless = replace(IDENTITY, system_identifier="")
    look(tmp_path, 1, of=nameless)
    ways = (
        provenance().connection,
        f"{provenance().connection} user=another sslmode=require",
        "host=elsewhere port=5432",
    )
    key, same, other = (database_of(provenance(database=nameless, connection=way)) for way in ways)
    assert (same == key, other == key) == (True, False)
    assert gates_since(tmp_path / "staging", key, DEPLOYED) == 1
    assert gates_since(tmp_path / "staging", KEY, DEPLOYED) == 0
