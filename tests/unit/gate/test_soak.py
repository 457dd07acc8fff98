"""The soak as the archive tells it: every moment by a record that is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.gate.soak import soak
from gonogo.model.kinds import Environment
from gonogo.model.window import clip, format_moment
from gonogo.record.archive import RunningRecord
from gonogo.record.catalogue import CATALOGUE
from record_examples import gate

DEPLOYED = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def looked(tmp_path: Path, pytestconfig: pytest.Config) -> str:
    """An archive in `tmp_path` whose one gate looked at the first hour; the gate's name."""
    document = gate()
    document["window"] |= {
        "end": format_moment(DEPLOYED + HOUR),
        "deployed_at": format_moment(DEPLOYED),
    }
    document["started_at"] = format_moment(DEPLOYED + HOUR)
    running = RunningRecord.open(tmp_path, "staging", document)
    templates = pytestconfig.rootpath / "reports" / "templates"
    return running.finish(document, "GO", templates).name


def present(archive: Path) -> dict[str, str | None]:
    """The moments that somebody looked at by hour 30, with the record of each."""
    window = clip(48 * HOUR, DEPLOYED + 30 * HOUR, DEPLOYED)
    told = soak(archive, Environment.STAGING, window, None)
    assert told
    return {mark["name"]: mark["record"] for mark in told["marks"] if mark["state"] == "present"}


def test_a_moment_is_looked_at_by_the_record_that_says_so(tmp_path: Path, looked: str) -> None:
    """The first hour by the gate, the last moment by the one that is being written."""
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}


def test_a_forged_note_makes_no_moment_present(tmp_path: Path, looked: str) -> None:
    """What was noted of a record spares time; that somebody looked is read in the record."""
    file = tmp_path / CATALOGUE
    told = json.loads(file.read_bytes())
    (note,) = told["notes"].values()
    note["document"]["window"]["end"] = format_moment(DEPLOYED + 8 * HOUR)
    file.write_text(json.dumps(told), encoding="utf-8")
    assert present(tmp_path) == {"hour 1": looked, "hour 24": None}
