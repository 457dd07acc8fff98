"""Closing a record among thousands reads no other one again; what is noted is never trusted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.model.record import Record
from gonogo.record import canonical, listing
from gonogo.record.archive import RunningRecord
from gonogo.record.listing import NOTES_FILE, list_records
from gonogo.report.index import RecordPages


@pytest.fixture
def close(tmp_path: Path, pages: RecordPages, go: Record) -> Callable[[], Path]:
    """A factory: one more record of the archive in `tmp_path`."""
    return lambda: RunningRecord.open(tmp_path, go).finish(go, "GO", pages)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the records whose document is read from now on."""
    names: list[str] = []
    parse = canonical.parsed_record

    def noting(content: bytes, file: Path) -> Record:
        names.append(file.parent.name)
        return parse(content, file)

    monkeypatch.setattr(listing, "parsed_record", noting)
    return names


def test_what_was_read_once_is_told_the_same_without_reading(
    close: Callable[[], Path], tmp_path: Path, read: list[str]
) -> None:
    """Every field of every record; each closing reads what is new alone."""
    for _ in range(4):
        close()
    assert max(map(read.count, read)) == 1
    read.clear()
    assert list_records(tmp_path, quick=True) == list_records(tmp_path)
    assert len(read) == 4


def test_what_changed_is_read_anew(close: Callable[[], Path], tmp_path: Path) -> None:
    """In place, to the same length, with its old times; and what is gone is not listed."""
    kept, changed, gone = close(), close(), close()
    file = changed / "record.json"
    times = file.stat()
    with file.open("r+b") as opened:
        opened.write(file.read_bytes().replace(b'"state":"complete"', b'"state":"aborted" '))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.rmtree(gone)
    told = list_records(tmp_path, quick=True)
    states = [(one.name, one.state) for one in told]
    assert states == [(changed.name, "aborted"), (kept.name, "complete")]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"[" * 100_000,
        lambda text: text.replace(b'"by":"', b'"by":"0'),
        lambda text: text.replace(b'"notes":{', b'"notes":[],"other":{'),
        lambda text: text.replace(b'"note":{', b'"note":[],"other":{'),
        lambda text: text.replace(b'"kind":', b'"kind":[],"other":'),
        lambda text: text.replace(b'"verdict":"GO"', b'"verdict":["GO"]'),
        lambda text: text.replace(b'"file":[', b'"file":["'),
    ],
)
def test_a_spoilt_catalogue_ends_nothing(
    spoil: Callable[[bytes], bytes], close: Callable[[], Path], tmp_path: Path
) -> None:
    """Nor does a missing one: the next record is closed and listed."""
    first = close()
    file = tmp_path / NOTES_FILE
    file.write_bytes(spoil(file.read_bytes()))
    second = close()
    assert {one.name for one in list_records(tmp_path, quick=True)} == {first.name, second.name}
    assert second.name in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_what_decides_reads_the_record_itself(close: Callable[[], Path], tmp_path: Path) -> None:
    """A forged note shows in the list at most: neither in a link nor where a verdict counts."""
    first = close()
    file = tmp_path / NOTES_FILE
    told = json.loads(file.read_bytes())
    for note in told["notes"].values():
        note["note"] |= {"sha256": "0" * 64, "verdict": "HOLD"}
    file.write_text(json.dumps(told), encoding="utf-8")
    assert list_records(tmp_path, quick=True)[0].verdict == "HOLD"
    assert list_records(tmp_path)[0].verdict == "GO"
    second = json.loads((close() / "record.json").read_bytes())
    assert second["previous"]["sha256"] == list_records(tmp_path)[-1].sha256
    assert second["previous"]["record"] == first.name
