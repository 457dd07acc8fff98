"""The chain of an environment's records: each names the one before it, and none can be hidden."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from gonogo.signing.chain import chained, linked, verify_chain
from gonogo.signing.integrity import open_closed
from signers import Office

Spoil = Callable[[Path], object]


def staging(office: Office) -> Path:
    """Where the records of staging lie."""
    return office.archive / "staging"


def chain_of(office: Office) -> Path:
    """The file that lists them."""
    return staging(office) / "chain.sha256"


def append(path: Path, content: bytes = b" ") -> None:
    """Add something to a file."""
    path.write_bytes(path.read_bytes() + content)


def drop(office: Office, name: str) -> None:
    """Take a line out of the chain."""
    lines = chain_of(office).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.endswith(f"  {name}\n")]
    assert len(kept) < len(lines)
    chain_of(office).write_text("".join(kept), encoding="utf-8")


def running_name(record: Path) -> Path:
    """What a record's directory was called while its run went on."""
    return record.with_name(f"{record.name.partition('_')[0]}_RUNNING")


def test_an_untouched_chain_has_no_problem(office: Office) -> None:
    """Its records and sign-offs are counted."""
    office.close()
    office.sign(office.close())
    report = verify_chain(staging(office))
    assert (report.title, report.problems) == ("chain of staging", ())
    assert report.notes == ("2 records, 1 sign-offs, 0 anchors",)


def test_a_missing_chain_is_told(office: Office) -> None:
    """Without it the removal of a record goes unseen."""
    office.close()
    chain_of(office).unlink()
    problems = verify_chain(staging(office)).problems
    assert problems == ("staging/chain.sha256 is missing or cannot be read",)


def test_a_chain_that_is_none_is_told(office: Office) -> None:
    """The line is named."""
    office.close()
    chain_of(office).write_text("garbage\n", encoding="utf-8")
    problems = verify_chain(staging(office)).problems
    assert problems == ("staging/chain.sha256: line 1 is no hash and name",)


def test_a_run_that_goes_on_is_no_part_of_the_chain(office: Office) -> None:
    """It is listed when it is closed."""
    record = office.close()
    (staging(office) / "20990101T000000Z_RUNNING").mkdir()
    assert verify_chain(staging(office)).problems == ()
    assert verify_chain(staging(office)).notes == ("1 records, 0 sign-offs, 0 anchors",)
    assert record.is_dir()


def test_a_removed_record_is_missed(office: Office) -> None:
    """The newest too, which no other record names."""
    office.close()
    newest = office.close()
    shutil.rmtree(newest)
    assert verify_chain(staging(office)).problems == (f"{newest.name} is missing",)


def test_a_removed_record_is_missed_together_with_its_sign_offs(office: Office) -> None:
    """It is named once."""
    record = office.close()
    office.sign(record)
    shutil.rmtree(record)
    assert verify_chain(staging(office)).problems == (f"{record.name} is missing",)


def test_a_record_that_is_not_listed_was_put_there(office: Office) -> None:
    """Whole in itself, it comes from elsewhere."""
    record = office.close()
    stranger = staging(office) / "20200101T000000Z_GO"
    shutil.copytree(record, stranger)
    problems = verify_chain(staging(office)).problems
    assert problems == (f"{stranger.name} is not listed: it was put there from elsewhere",)


def test_other_hashes_of_a_record_are_found(office: Office) -> None:
    """The chain knows the hash of its files.sha256."""
    record = office.close()
    append(record / "files.sha256", b"\n")
    problems = verify_chain(staging(office)).problems
    assert problems == (f"{record.name}/files.sha256 is missing, or is not what was listed",)


def test_a_sign_off_that_is_gone_or_changed_is_found(office: Office) -> None:
    """It is listed as well."""
    record = office.close()
    office.sign(record)
    (record / "signoff-1.json").unlink()
    problems = verify_chain(staging(office)).problems
    assert problems == (f"{record.name}/signoff-1.json is missing, or is not what was listed",)


def test_what_belongs_to_no_record_is_not_listed(office: Office) -> None:
    """Only hashes of records and sign-offs are."""
    record = office.close()
    digest = sha256((record / "record.json").read_bytes()).hexdigest()
    append(chain_of(office), f"{digest}  {record.name}/record.json\n".encode())
    problems = verify_chain(staging(office)).problems
    assert problems == (f"it lists {record.name}/record.json, which belongs to no record",)


def test_records_in_another_order_are_found(office: Office) -> None:
    """Each names the one that was closed before it."""
    first, second = office.close(), office.close()
    lines = chain_of(office).read_text(encoding="utf-8").splitlines(keepends=True)
    chain_of(office).write_text("".join(reversed(lines)), encoding="utf-8")
    assert verify_chain(staging(office)).problems == (
        f"{second.name} names {first.name} before it, and none is listed so",
        f"{first.name} names none before it, and {second.name} is listed so",
    )


def test_records_in_another_order_are_found_behind_a_sign_off(office: Office) -> None:
    """The chain is read to its end."""
    office.sign(office.close())
    second, third = office.close(), office.close()
    lines = chain_of(office).read_text(encoding="utf-8").splitlines(keepends=True)
    chain_of(office).write_text("".join([*lines[:2], lines[3], lines[2]]), encoding="utf-8")
    problems = verify_chain(staging(office)).problems
    assert [one.partition(" ")[0] for one in problems] == [third.name, second.name]


def test_every_stranger_is_named_in_order(office: Office) -> None:
    """Each once."""
    record = office.close()
    names = [f"2020010{day}T000000Z_GO" for day in range(1, 8)]
    for name in names:
        shutil.copytree(record, staging(office) / name)
    problems = verify_chain(staging(office)).problems
    assert [one.partition(" ")[0] for one in problems] == names


def test_a_record_that_was_taken_out_of_the_chain_is_found(office: Office) -> None:
    """The next one names it."""
    first, second = office.close(), office.close()
    shutil.rmtree(first)
    drop(office, f"{first.name}/files.sha256")
    problems = verify_chain(staging(office)).problems
    assert problems == (f"{second.name} names {first.name} before it, and none is listed so",)


def test_a_run_that_was_killed_while_it_was_closed_does_not_break_the_chain(
    office: Office,
) -> None:
    """It was listed, and had not got its name yet."""
    record = office.close()
    record.rename(running_name(record))
    assert verify_chain(staging(office)).problems == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda there: append(there / "files.sha256"),
        lambda there: append(there / "record.json"),
        lambda there: (there / "junit.xml").unlink(),
        lambda there: (there / "files.sha256").unlink(),
    ],
)
def test_a_run_with_other_files_does_not_stand_for_a_removed_record(
    office: Office, spoil: Spoil
) -> None:
    """All of its files are as they were listed."""
    record = office.close()
    record.rename(running_name(record))
    spoil(running_name(record))
    assert f"{record.name} is missing" in verify_chain(staging(office)).problems


def test_the_first_record_is_linked_to_none(office: Office) -> None:
    """There is nothing to hold it against."""
    assert linked(open_closed(office.close())) == ([], [])


def test_a_record_is_linked_to_the_one_before_it(office: Office) -> None:
    """By the hashes of its document and of its list of files."""
    office.close()
    assert linked(open_closed(office.close())) == ([], [])


@pytest.mark.parametrize("name", ["record.json", "files.sha256"])
def test_a_change_of_the_record_before_it_is_found(office: Office, name: str) -> None:
    """The record names both hashes."""
    before = office.close()
    record = office.close()
    append(before / name)
    told = f"the record before it, {before.name}, has another {name} than it names"
    assert linked(open_closed(record)) == ([told], [])


def test_a_record_before_it_that_is_elsewhere_is_only_a_note(office: Office) -> None:
    """A copy of one record proves what it can."""
    before = office.close()
    record = office.close()
    shutil.rmtree(before)
    told = f"the record before it, {before.name}, is not here"
    assert linked(open_closed(record)) == ([], [told])


def test_the_chain_beside_a_record_agrees_with_it(office: Office) -> None:
    """Its hashes and its sign-offs are those that are listed."""
    record = office.close()
    office.sign(record)
    assert list(chained(open_closed(record))) == []


def test_a_copy_elsewhere_has_no_chain_beside_it(office: Office) -> None:
    """So nothing speaks against it there."""
    record = office.close()
    copied = office.root / "artefact" / record.name
    shutil.copytree(record, copied)
    assert list(chained(open_closed(copied))) == []


def test_a_chain_beside_a_record_that_is_none_is_told(office: Office) -> None:
    """The line is named."""
    record = office.close()
    chain_of(office).write_text("garbage\n", encoding="utf-8")
    told = ["chain.sha256 beside it: line 1 is no hash and name"]
    assert list(chained(open_closed(record))) == told


def test_a_chain_that_does_not_list_the_record_speaks_against_it(office: Office) -> None:
    """It was put there from elsewhere."""
    office.close()
    record = office.close()
    drop(office, f"{record.name}/files.sha256")
    (told,) = chained(open_closed(record))
    assert told == "chain.sha256 beside it does not list it: it was put there from elsewhere"


def test_a_listed_sign_off_that_is_gone_speaks_against_its_record(office: Office) -> None:
    """Also the last one, which no other names."""
    record = office.close()
    office.sign(record)
    office.close()
    (record / "signoff-1.json").unlink()
    (told,) = chained(open_closed(record))
    assert told.startswith("signoff-1.json is missing or was changed")
