"""A record's life: opened, closed, chained, or left behind by a run that died."""

import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gonogo.errors import CancelledError, GonogoError, UsageError
from gonogo.masking import Mask
from gonogo.model.kinds import Environment, Kind
from gonogo.model.record import Record
from gonogo.record import archive as room
from gonogo.record import files
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import database_of
from gonogo.record.listing import list_records
from gonogo.report.index import RecordPages
from gonogo.report.timeline import gates_since
from record_schema import faults

Json = dict[str, Any]
Closer = Callable[..., Path]
NOON, MINUTE = datetime(2026, 11, 23, 14, 15, tzinfo=UTC), timedelta(minutes=1)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive that nobody has written to yet."""
    return tmp_path / "reports" / "archive"


@pytest.fixture
def close(archive: Path, pages: RecordPages, go: Record) -> Closer:
    """A factory: open and close a record of staging."""

    def closed(label: str = "GO", **changes: object) -> Path:
        record = go.having(**changes)
        return RunningRecord.open(archive, record).finish(record, label, pages)

    return closed


def read(directory: Path) -> Json:
    """The record.json of a directory."""
    loaded: Json = json.loads((directory / "record.json").read_bytes())
    return loaded


def test_a_closed_record_lies_under_its_time_and_label(close: Closer, archive: Path) -> None:
    """Directory, document, both pages and the list are there, and nothing else."""
    directory = close()
    assert directory == archive / "staging" / "20261123T141500Z_GO"
    assert {path.name for path in directory.iterdir()} == {
        "record.json",
        "record.html",
        "signatures.html",
        "files.sha256",
    }
    there = {".catalogue.json", ".lock", "index.html", "staging"}
    assert {path.name for path in archive.iterdir()} == there
    assert {path.name for path in directory.parent.iterdir()} == {directory.name, "chain.sha256"}


@pytest.mark.parametrize("mask", [0, 0o077])
def test_files_and_directories_are_closed_to_others(
    archive: Path, pages: RecordPages, go: Record, mask: int
) -> None:
    """Files are 0640 and directories 0750, whatever the umask, evidence of others included."""
    before = os.umask(mask)
    try:
        running = RunningRecord.open(archive, go)
        (running.directory / "evidence.html").write_text("<p>evidence</p>", encoding="utf-8")
        record = running.finish(go, "GO", pages)
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in archive.rglob("*")}
    assert record / "evidence.html" in modes
    for path, mode in modes.items():
        if path.name != ".lock":
            assert mode == (0o750 if path.is_dir() else 0o640), path


def test_evidence_put_beside_the_record_moves_with_it(
    archive: Path, pages: RecordPages, go: Record
) -> None:
    """What was written into the running directory is there afterwards, and as closed."""
    running = RunningRecord.open(archive, go)
    (running.directory / "evidence.html").write_text("evidence")
    directory = running.finish(go, "GO", pages)
    assert stat.S_IMODE((directory / "evidence.html").stat().st_mode) == 0o640
    assert running.directory == directory


def test_an_open_record_says_what_is_expected(archive: Path, go: Record) -> None:
    """A run that dies now leaves its expected checks and no verdict."""
    known = {key: getattr(go, key) for key in ("kind", "title", "environment", "started_at")}
    running = RunningRecord.open(archive, Record(**known, expected=go.expected))
    document = read(running.directory)
    assert running.directory.name == "20261123T141500Z_RUNNING"
    assert document["state"] == "running"
    assert document["verdict"] is None
    assert tuple(document["expected"]) == go.expected


def test_each_record_names_the_one_before_it_in_its_environment(
    close: Closer, archive: Path, pages: RecordPages, go: Record
) -> None:
    """The chain holds name and hash; the first has none; other environments do not mix in."""
    first = close()
    other = go.having(environment=Environment.PRODUCTION)
    RunningRecord.open(archive, other).finish(other, "GO", pages)
    second = close("HOLD")
    assert read(first)["previous"] is None
    assert read(second)["previous"] == {
        "record": first.name,
        "sha256": sha256((first / "record.json").read_bytes()).hexdigest(),
        "files_sha256": sha256((first / "files.sha256").read_bytes()).hexdigest(),
    }


def test_the_chain_follows_the_order_of_closing(
    archive: Path, pages: RecordPages, close: Closer, go: Record
) -> None:
    """A long run that began first but ended last stands after the short one."""
    slow = RunningRecord.open(archive, go)
    quick = close(started_at=NOON + MINUTE, finished_at=NOON + 1.1 * MINUTE)
    slow_directory = slow.finish(go.having(finished_at=NOON + 5 * MINUTE), "GO", pages)
    assert read(slow_directory)["previous"]["record"] == quick.name
    third = close(started_at=NOON + 3 * MINUTE, finished_at=NOON + 4 * MINUTE)
    assert read(third)["previous"]["record"] == slow_directory.name


def test_runs_of_the_same_second_do_not_collide(close: Closer, archive: Path, go: Record) -> None:
    """Each gets its own directory, whether the other is still running or closed."""
    names = [close().name, close("HOLD").name]
    running = RunningRecord.open(archive, go)
    names += [running.directory.name, close().name]
    assert names == [
        "20261123T141500Z_GO",
        "20261123T141500Z-2_HOLD",
        "20261123T141500Z-3_RUNNING",
        "20261123T141500Z-4_GO",
    ]
    assert [record.name for record in list_records(archive)] == names[::-1]


def test_a_run_that_died_reads_as_aborted(close: Closer, archive: Path, go: Record) -> None:
    """Its directory stays; the next record's list shows it, with a page that says so."""
    dead = RunningRecord.open(archive, go.having(verdict=None))
    dead.abandon()
    close(started_at=NOON + 45 * MINUTE)
    assert [record.state for record in list_records(archive)] == ["complete", "aborted"]
    assert "ABORTED" in (archive / "index.html").read_text()
    assert "ABORTED" in (dead.directory / "record.html").read_text()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("hush is locked", "wait"), "&lt;KEY&gt; is locked; wait"),
        (KeyboardInterrupt(), "it was interrupted"),
        (ZeroDivisionError(), "an error of gonogo&#39;s own, ZeroDivisionError"),
    ],
)
def test_a_run_that_ends_before_its_time_says_why_at_once(
    archive: Path, go: Record, pages: RecordPages, error: BaseException, said: str
) -> None:
    """At the top of its page, in its document, and in the list; without a secret."""
    head = go.having(kind=Kind.SMOKE, verdict=None)
    running = RunningRecord.open(archive, head)
    mask = Mask({"hush": "KEY"})
    with pytest.raises(type(error)), running.carried_out(lambda: head, pages, mask):
        raise error
    (record,) = list_records(archive)
    document = read(record.directory)
    assert (record.state, document["state"], document["gates"]) == ("aborted", "aborted", 3)
    assert faults(document) == []
    page = (record.directory / "record.html").read_text(encoding="utf-8")
    assert said in page.partition("<main>")[0]
    assert "hush" not in page
    assert f"{record.name}/record.html" in (archive / "index.html").read_text(encoding="utf-8")


def test_what_a_person_cancelled_leaves_no_record(
    archive: Path, go: Record, pages: RecordPages
) -> None:
    """Nothing was done, so there is nothing to report; the error still comes through."""
    running = RunningRecord.open(archive, go)
    with pytest.raises(CancelledError), running.carried_out(lambda: go, pages, Mask({})):
        raise CancelledError("cancelled")
    assert list_records(archive) == ()
    assert not running.directory.exists()


def test_a_run_that_goes_on_is_not_called_aborted(close: Closer, archive: Path, go: Record) -> None:
    """Another run's list shows it as running, and leaves its directory alone."""
    alive = RunningRecord.open(archive, go)
    close(started_at=NOON + 45 * MINUTE)
    assert [record.state for record in list_records(archive)] == ["complete", "running"]
    assert "ABORTED" not in (archive / "index.html").read_text()
    assert not (alive.directory / "record.html").exists()
    alive.abandon()


def _full_disk(name: str) -> Callable[[Path, bytes], None]:
    """A disk that fills when the file of that name is written."""

    def refuse(path: Path, content: bytes) -> None:
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        path.write_bytes(content)

    return refuse


@pytest.mark.parametrize("name", ["record.html", "record.json"])
def test_a_disk_that_fills_leaves_the_old_archive_and_no_half_record(
    name: str,
    close: Closer,
    archive: Path,
    go: Record,
    pages: RecordPages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line reports it; every older byte is as it was; the run itself reads as aborted."""
    close()
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}
    running = RunningRecord.open(archive, go)
    opened = (running.directory / "record.json").read_bytes()
    monkeypatch.setattr(room, "write_whole", _full_disk(name))
    with pytest.raises(GonogoError, match=r"cannot be written: No space left") as refused:
        running.finish(go, "GO", pages)
    assert "\n" not in str(refused.value)
    assert before == {path: path.read_bytes() for path in before}
    assert [path.name for path in running.directory.glob("record*")] == ["record.json"]
    assert (running.directory / "record.json").read_bytes() == opened
    assert [record.state for record in list_records(archive)] == ["aborted", "complete"]


def test_a_directory_that_cannot_be_renamed_reads_as_aborted(
    archive: Path, go: Record, pages: RecordPages
) -> None:
    """Not even complete files count under the name of a running record."""
    running = RunningRecord.open(archive, go)
    squatter = archive / "staging" / "20261123T141500Z_GO"
    squatter.mkdir()
    (squatter / "something").touch()
    with pytest.raises(GonogoError, match="cannot be written"):
        running.finish(go, "GO", pages)
    assert read(running.directory)["state"] == "running"
    assert not (running.directory / "record.html").exists()


def test_an_archive_that_cannot_be_written_gives_one_line(tmp_path: Path, go: Record) -> None:
    """A file where the archive should be is named with its path."""
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(GonogoError, match=r"cannot be opened: .*archive") as refused:
        RunningRecord.open(tmp_path / "archive", go)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("environment", ["../staging", "", "a/b", ".hidden", "st\naging"])
def test_an_environment_cannot_lead_out_of_the_archive(environment: str, go: Record) -> None:
    """Only one of ours becomes a directory: a record of any other cannot be made."""
    with pytest.raises(ValidationError, match="environment"):
        go.having(environment=environment)


def test_a_record_is_closed_once(archive: Path, go: Record, pages: RecordPages) -> None:
    """Closing it again is refused and changes nothing."""
    running = RunningRecord.open(archive, go)
    running.finish(go, "GO", pages)
    with pytest.raises(GonogoError, match="cannot be closed as HOLD"):
        running.finish(go, "HOLD", pages)


def test_an_archive_held_by_another_is_given_up_on(
    archive: Path, close: Closer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that hangs does not make the next one hang."""
    close()
    monkeypatch.setattr(files, "PATIENCE_S", 0.02)
    monkeypatch.setattr(files, "PAUSE_S", 0.005)
    with files.archive_lock(archive), pytest.raises(GonogoError, match="another run has held"):
        close()


def test_gates_are_counted_with_the_running_one_and_without_deployments(
    archive: Path, close: Closer, go: Record
) -> None:
    """Asking often enough finds a lucky window, so every asking counts, aborted ones too."""
    started = NOON
    close("HOLD", started_at=NOON - 15 * MINUTE)
    close("NO-GO")
    close("DEPLOYED", kind=Kind.DEPLOYMENT, verdict=None, outcome="succeeded")
    RunningRecord.open(archive, go)
    staging, key = archive / "staging", database_of(go.provenance)
    assert gates_since(staging, key, started + timedelta(milliseconds=500)) == 2
    assert gates_since(staging, key, started - timedelta(hours=1)) == 3
    assert gates_since(archive / "production", key, started) == 0


def test_a_damaged_record_is_listed_as_unreadable(archive: Path, close: Closer) -> None:
    """It neither disappears nor stops the next record from being written."""
    (close() / "record.json").write_bytes(b'{"state": "comp')
    later = close(started_at=NOON + 45 * MINUTE)
    assert [record.state for record in list_records(archive)] == ["complete", "unreadable"]
    assert "UNREADABLE" in (archive / "index.html").read_text()
    assert read(later)["previous"]["record"] == "20261123T141500Z_GO"


def test_what_is_no_record_is_left_alone(archive: Path, close: Closer) -> None:
    """Files and directories of other names are neither listed nor touched."""
    close()
    (archive / "staging" / "notes").mkdir()
    (archive / "README").write_text("ours")
    assert len(list_records(archive)) == 1
    assert list_records(archive / "nowhere") == ()


def test_a_closed_record_names_itself_and_how_it_is_signed(close: Closer) -> None:
    """The page says so, and has its links to where it lies."""
    directory = close()
    record = read(directory)
    assert record["name"] == directory.name
    assert record["sign"] == f"gonogo sign_off {directory.name} --decision go --by NAME"
    assert "Nobody has signed this record" in (directory / "signatures.html").read_text()
