"""A closed record held against its own hashes, its form and its place."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Kind, State
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import canonical_json, write_manifest
from gonogo.signing.integrity import open_closed, unlike_record
from signers import Office, verdict, worth_signing


def problems(record: Path) -> tuple[str, ...]:
    """What is wrong with a record."""
    return open_closed(record).problems


def list_anew(record: Path) -> None:
    """Write the hashes of a record's files as they are now."""
    manifest = record / "files.sha256"
    names = [line.partition("  ")[2] for line in manifest.read_text(encoding="utf-8").splitlines()]
    lines = [f"{sha256((record / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    manifest.write_text("".join(lines), encoding="utf-8")


def rewrite(record: Path, **changes: Any) -> None:
    """Change what a record says, and list its hashes anew."""
    file = record / "record.json"
    file.write_bytes(canonical_json(json.loads(file.read_bytes()) | changes))
    list_anew(record)


def test_an_untouched_record_has_no_problem(office: Office) -> None:
    """Its document is read, and each file's hash is known."""
    record = office.close()
    closed = open_closed(record)
    assert closed.problems == ()
    assert closed.record
    assert (closed.name, closed.record.environment) == (record.name, "staging")
    assert closed.hashes == {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in record.iterdir()
        if path.name != "signatures.html"
    }


def test_sign_offs_are_no_files_of_the_record(office: Office) -> None:
    """A sign-off is put beside the record without changing it."""
    record = office.close()
    before = open_closed(record)
    office.sign(record)
    assert open_closed(record) == before


def test_a_directory_that_is_not_named_like_a_record_is_none(office: Office) -> None:
    """The message names the path."""
    record = office.close()
    with pytest.raises(UsageError, match=r"staging is no record; name a directory"):
        open_closed(record.parent)


def test_a_record_that_is_not_there_is_none(office: Office) -> None:
    """Its name alone is not enough."""
    with pytest.raises(UsageError, match="_GO is no record"):
        open_closed(office.archive / "staging" / "20261123T141500Z_GO")


def test_a_file_of_that_name_is_no_record(office: Office) -> None:
    """A record is a directory."""
    path = office.root / "20261123T141500Z_GO"
    path.touch()
    with pytest.raises(UsageError, match="_GO is no record"):
        open_closed(path)


def test_a_run_that_goes_on_proves_nothing(office: Office) -> None:
    """Its process lives."""
    running = RunningRecord.open(office.archive, worth_signing())
    with pytest.raises(SigningError, match="still goes on, so it decides nothing"):
        open_closed(running.directory)
    running.abandon()


def test_a_run_that_was_killed_proves_nothing(office: Office) -> None:
    """Its process is gone."""
    running = RunningRecord.open(office.archive, worth_signing())
    running.abandon()
    with pytest.raises(SigningError, match="was aborted, so it decides nothing"):
        open_closed(running.directory)


@pytest.mark.parametrize("name", ["record.json", "record.html", "evidence.html", "junit.xml"])
def test_a_changed_file_is_named(office: Office, name: str) -> None:
    """Its hash is not the one that files.sha256 lists."""
    record = office.close()
    (record / name).write_bytes((record / name).read_bytes() + b" ")
    assert f"{name} was changed: its hash is not the one in files.sha256" in problems(record)


@pytest.mark.parametrize("name", ["record.html", "evidence.html", "junit.xml"])
def test_a_missing_file_is_named(office: Office, name: str) -> None:
    """It is listed and not there."""
    record = office.close()
    (record / name).unlink()
    assert problems(record) == (f"{name} is missing",)


@pytest.mark.parametrize("name", ["record.json", "evidence.html"])
def test_a_link_is_no_plain_file(office: Office, name: str) -> None:
    """Even where it leads to the same content."""
    record = office.close()
    (record / name).rename(office.root / "elsewhere")
    (record / name).symlink_to(office.root / "elsewhere")
    assert f"{name} is no plain file that can be read" in problems(record)


def test_a_directory_in_a_files_place_is_no_plain_file(office: Office) -> None:
    """It cannot be read."""
    record = office.close()
    (record / "junit.xml").unlink()
    (record / "junit.xml").mkdir()
    assert problems(record) == ("junit.xml is no plain file that can be read",)


def test_an_added_file_is_named(office: Office) -> None:
    """It is there and not listed."""
    record = office.close()
    (record / "more.html").touch()
    assert problems(record) == ("more.html is not in files.sha256: it was put there later",)


@pytest.mark.parametrize("name", ["record.json", "record.html"])
def test_hashes_that_leave_out_the_record_or_its_page_prove_nothing(
    office: Office, name: str
) -> None:
    """Both must be listed, whether they are there or not."""
    record = office.close()
    manifest = record / "files.sha256"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(one for one in lines if name not in one), encoding="utf-8")
    (record / name).unlink()
    assert f"{name} is not in files.sha256: it was put there later" in problems(record)


def test_missing_hashes_are_told(office: Office) -> None:
    """Nothing can be proved without them."""
    record = office.close()
    (record / "files.sha256").unlink()
    assert problems(record) == ("files.sha256 is missing",)


def test_hashes_behind_a_link_cannot_be_read(office: Office) -> None:
    """A link is not missing, and is no plain file."""
    record = office.close()
    (record / "files.sha256").rename(office.root / "elsewhere")
    (record / "files.sha256").symlink_to(office.root / "elsewhere")
    assert problems(record) == ("files.sha256 cannot be read",)


def test_hashes_that_are_none_are_told_with_the_reason(office: Office) -> None:
    """The line is named."""
    record = office.close()
    (record / "files.sha256").write_text("garbage\n", encoding="utf-8")
    assert problems(record) == ("files.sha256: line 1 is no hash and name",)


def test_a_record_that_is_no_json_is_told(office: Office) -> None:
    """Its document is empty then."""
    record = office.close()
    (record / "record.json").write_bytes(b"{")
    list_anew(record)
    closed = open_closed(record)
    assert closed.problems == (
        "record.json: Invalid JSON: EOF while parsing an object at line 1 column 1",
    )
    assert closed.record is None


def test_a_record_without_its_document_is_told(office: Office) -> None:
    """Its document is empty then."""
    record = office.close()
    (record / "record.json").unlink()
    closed = open_closed(record)
    assert closed.problems[0] == "record.json cannot be read"
    assert closed.record is None


def test_a_record_in_another_spelling_is_told(office: Office) -> None:
    """The same JSON with another space is not what gonogo writes."""
    record = office.close()
    file = record / "record.json"
    file.write_bytes(file.read_bytes().replace(b",", b", ", 1))
    list_anew(record)
    assert problems(record) == ("record.json is not as it was written",)


def test_a_record_says_what_its_directory_is_called(office: Office) -> None:
    """A HOLD that is called GO is found."""
    record = office.close("HOLD", verdict=verdict("HOLD"))
    renamed = record.rename(record.with_name(record.name.replace("HOLD", "GO")))
    assert problems(renamed) == ("the directory is called GO, but the record says HOLD",)


def test_a_record_without_a_verdict_is_not_called_go(office: Office) -> None:
    """A deployment under a gate's name is found."""
    record = office.close("DEPLOYED", kind=Kind.DEPLOYMENT, verdict=None)
    assert problems(record) == ()
    renamed = record.rename(record.with_name(record.name.replace("DEPLOYED", "GO")))
    assert problems(renamed) == ("the directory is called GO, but the record says no verdict",)


def test_a_final_report_is_called_summary_whatever_its_verdict(office: Office) -> None:
    """Under the verdict's name it is found."""
    record = office.close("SUMMARY", kind=Kind.SUMMARY)
    assert problems(record) == ()
    renamed = record.rename(record.with_name(record.name.replace("SUMMARY", "GO")))
    assert problems(renamed) == ("the directory is called GO, but the record says SUMMARY",)


def test_a_closed_record_is_complete_or_aborted(office: Office) -> None:
    """One that says that it goes on was not closed by gonogo."""
    record = office.close("HOLD", verdict=verdict("HOLD"), state=State.ABORTED)
    assert problems(record) == ()
    rewrite(record, state="running")
    assert problems(record) == ("record.json says that the run is running",)


@pytest.mark.parametrize("place", ["production", "staging"])
def test_a_record_lies_in_its_own_environment(office: Office, place: str) -> None:
    """Among the records of another one it is found."""
    own = "staging" if place == "production" else "production"
    record = office.close(environment=own)
    other = office.root / "copy" / place / record.name
    other.parent.mkdir(parents=True)
    record.rename(other)
    assert problems(other) == (f"it lies in {place}, but is a record of {own}",)


def test_a_copy_may_lie_anywhere_else(office: Office) -> None:
    """As an artefact of CI."""
    record = office.close()
    other = office.root / "artefact" / record.name
    other.parent.mkdir()
    record.rename(other)
    assert problems(other) == ()


def test_an_untouched_page_is_what_the_record_renders_to(
    office: Office, templates_dir: Path
) -> None:
    """By the renderer that made it."""
    assert unlike_record(open_closed(office.close()), templates_dir) == ()


def test_a_page_that_was_changed_differs(office: Office, templates_dir: Path) -> None:
    """Also where its hash was made anew."""
    record = office.close()
    (record / "record.html").write_bytes(b"<p>GO</p>")
    list_anew(record)
    assert unlike_record(open_closed(record), templates_dir) == ("record.html",)


def test_a_record_with_another_title_differs_from_its_page(
    office: Office, templates_dir: Path
) -> None:
    """Its page was made of another document."""
    record = office.close()
    rewrite(record, title="Another")
    unlike = unlike_record(open_closed(record), templates_dir)
    assert unlike == ("record.html", "attestation.json")


def test_an_attestation_of_another_verdict_differs(office: Office, templates_dir: Path) -> None:
    """Also where its hash was made anew; one that was left out differs as well."""
    record = office.close("HOLD", verdict=verdict("HOLD"))
    file = record / "attestation.json"
    file.write_bytes(file.read_bytes().replace(b"FAILED", b"PASSED"))
    list_anew(record)
    assert unlike_record(open_closed(record), templates_dir) == ("attestation.json",)
    file.unlink()
    write_manifest(record)
    assert unlike_record(open_closed(record), templates_dir) == ("attestation.json",)


def test_a_part_of_another_type_makes_it_no_record(office: Office) -> None:
    """The key is named."""
    record = office.close()
    rewrite(record, findings="none")
    assert problems(record) == ("record.json: 'findings': Input should be a valid array",)


def test_another_renderers_page_cannot_be_told(office: Office, templates_dir: Path) -> None:
    """Its hash alone proves it."""
    record = office.close()
    rewrite(record, renderer_sha256="5b" * 32)
    assert unlike_record(open_closed(record), templates_dir) is None
