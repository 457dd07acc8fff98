"""A real disk that fills while a record is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gonogo.errors import GonogoError
from gonogo.record.archive import RunningRecord
from gonogo.record.listing import list_records
from gonogo.report.index import RecordPages
from record_examples import gate
from small_disk import SmallDisk, mounted

SIZE_KB = 8192
ROOM_KB = (0, 4, 12, 24, 48, 80, 120, 160, 240, 400)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 8 MB of one's own."""
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, SIZE_KB) as disk:
        yield disk


def test_whatever_room_is_left_a_record_is_whole_or_not_there(
    small_disk: SmallDisk, pytestconfig: pytest.Config
) -> None:
    """Older bytes stay, one line reports it, and with room again the next record is whole."""
    templates = pytestconfig.rootpath / "reports" / "templates"
    archive = small_disk.place / "archive"
    closed, refused = 0, 0
    for left_kb in ROOM_KB:
        _close(archive, templates)
        before = _content(archive)
        with small_disk.filled(left_kb):
            told = _close(archive, templates)
        assert {path: path.read_bytes() for path in before} == before, left_kb
        assert "\n" not in told
        # Only its list cannot be written: the record itself is whole, and the line says where.
        whole = not told or told.startswith("the record lies in ")
        closed, refused = closed + 1 + whole, refused + (not whole)
        assert _whole(archive) == closed, f"{left_kb} KB: {told}"
    assert refused > 2


def _close(archive: Path, templates: Path) -> str:
    """Write a record; the message when that fails."""
    record = gate()
    try:
        RunningRecord.open(archive, record).finish(record, "GO", RecordPages(templates))
    except GonogoError as error:
        return str(error)
    return ""


def _content(archive: Path) -> dict[Path, bytes]:
    """What no later record may touch: the records themselves."""
    return {path: path.read_bytes() for path in archive.glob("*/*_GO/*")}


def _whole(archive: Path) -> int:
    """How many records are whole; every other one reads as aborted, and nothing half lies there."""
    records = list_records(archive)
    assert {record.state for record in records} <= {"complete", "aborted"}
    for record in records:
        names = {path.name for path in record.directory.iterdir()}
        page = record.state == "complete"
        assert ("files.sha256" in names) == page, record.name
        assert "record.json" in names
    assert not list(archive.rglob(".record*"))
    return sum(record.state == "complete" for record in records)
