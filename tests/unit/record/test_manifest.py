"""The hashes beside a record: what `sha256sum` alone can prove."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from gonogo.errors import GonogoError
from gonogo.model.record import Record
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import read_hashes
from gonogo.report.index import RecordPages


def closed(archive: Path, record: Record, pages: RecordPages, label: str = "GO") -> Path:
    """A record with evidence beside it."""
    running = RunningRecord.open(archive, record)
    (running.directory / "evidence.html").write_text("evidence")
    return running.finish(record, label, pages)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
@pytest.mark.parametrize("name", ["record.json", "record.html", "evidence.html"])
def test_whoever_has_no_gonogo_can_prove_a_record(
    name: str, tmp_path: Path, go: Record, pages: RecordPages
) -> None:
    """``sha256sum -c`` reads both files, and misses a changed byte in any file of a record."""
    directory = closed(tmp_path, go, pages)

    def proved() -> list[int]:
        words = ["sha256sum", "--check", "--strict", "--quiet"]
        places = {"files.sha256": directory, "chain.sha256": directory.parent}
        return [
            subprocess.run([*words, file], cwd=place, capture_output=True, check=False).returncode
            for file, place in places.items()
        ]

    assert proved() == [0, 0]
    with (directory / name).open("ab") as file:
        file.write(b" ")
    assert proved() == [1, 0]


def test_the_chain_lists_records_in_the_order_of_closing(
    tmp_path: Path, go: Record, pages: RecordPages
) -> None:
    """A line a record, each the hash of its ``files.sha256``."""
    directories = [closed(tmp_path, go, pages, label) for label in ("GO", "HOLD", "GO")]
    listed = read_hashes((tmp_path / "staging" / "chain.sha256").read_bytes())
    assert listed == {
        f"{directory.name}/files.sha256": sha256(
            (directory / "files.sha256").read_bytes()
        ).hexdigest()
        for directory in directories
    }
    assert list(listed) == [f"{directory.name}/files.sha256" for directory in directories]


def test_a_record_that_cannot_be_closed_is_not_listed(
    tmp_path: Path, go: Record, pages: RecordPages
) -> None:
    """The chain is as it was, and no hashes lie beside a run that reads as aborted."""
    closed(tmp_path, go, pages)
    chain = (tmp_path / "staging" / "chain.sha256").read_bytes()
    running = RunningRecord.open(tmp_path, go)
    squatter = running.directory.with_name(running.directory.name.replace("RUNNING", "GO"))
    squatter.mkdir()
    (squatter / "something").touch()
    with pytest.raises(GonogoError, match="cannot be written"):
        running.finish(go, "GO", pages)
    assert (tmp_path / "staging" / "chain.sha256").read_bytes() == chain
    assert not (running.directory / "files.sha256").exists()


HASH = "0" * 64


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{HASH}  a\n{HASH}  a\n", "a stands twice"),
        (f"{HASH}  a\n{HASH}  b", "last line is cut short"),
        (f"{HASH}  a\n{HASH[:-1]}  b\n", "line 2"),
        (f"{HASH}  a\n\n", "line 2"),
        ("", "cut short"),
    ],
)
def test_hashes_that_cannot_be_meant_are_refused(content: str, said: str) -> None:
    """A line cut short, a hash too short, a name that stands twice."""
    with pytest.raises(ValueError, match=said):
        read_hashes(content.encode())
