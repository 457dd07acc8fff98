"""The proof of a whole record and of an archive: what is wrong, and what could not be proved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from gonogo.errors import SigningError
from gonogo.record.archive import RunningRecord
from gonogo.signing.sign import show_signatures
from gonogo.signing.verification import Report, verify_archive, verify_record
from signers import ADA, TEMPLATES, Office, worth_signing

Prove = Callable[[Path], Report]
UNSIGNED = "it is not signed: only the records after it stand behind its hashes"


@pytest.fixture
def prove(office: Office, templates_dir: Path) -> Prove:
    """Verify a record."""
    return lambda record: verify_record(record, office.allowed, templates_dir)


def append(path: Path, content: bytes = b" ") -> None:
    """Add something to a file."""
    path.write_bytes(path.read_bytes() + content)


def test_a_signed_record_that_nobody_touched_is_proved(office: Office, prove: Prove) -> None:
    """The report has no problem and no note, and lists the sign-offs."""
    record = office.close()
    office.sign(record)
    show_signatures(record, TEMPLATES)
    report = prove(record)
    assert (report.title, report.problems, report.notes) == (record.name, (), ())
    assert [check.signoff and check.signoff.by for check in report.signoffs] == [ADA]


def test_a_record_that_nobody_signed_says_so(office: Office, prove: Prove) -> None:
    """It is a note: there is nothing wrong with it."""
    report = prove(office.close())
    assert (report.problems, report.notes) == ((), (UNSIGNED,))


def test_without_a_list_of_signers_an_unsigned_record_is_proved(
    office: Office, templates_dir: Path
) -> None:
    """Nobody's signature needs to be verified."""
    report = verify_record(office.close(), None, templates_dir)
    assert (report.problems, report.notes) == ((), (UNSIGNED,))


def test_without_a_list_of_signers_a_signed_record_is_not(
    office: Office, templates_dir: Path
) -> None:
    """The refusal says what to write in rollout.toml."""
    record = office.close()
    office.sign(record)
    said = r"_GO is signed, but rollout\.toml does not say who may sign; name allowed_signers there"
    with pytest.raises(SigningError, match=said):
        verify_record(record, None, templates_dir)


def test_a_changed_file_is_a_problem(office: Office, prove: Prove) -> None:
    """The record's hashes show it, and so does each sign-off."""
    record = office.close()
    office.sign(record)
    append(record / "evidence.html")
    assert prove(record).problems == (
        "evidence.html was changed: its hash is not the one in files.sha256",
        "signoff-1.json: evidence.html was changed since it was signed",
    )


def test_a_page_of_another_record_is_a_problem(office: Office, prove: Prove) -> None:
    """It is found even where its hash was made anew."""
    record, other = office.close(), office.close(title="Another")
    old, new = (sha256((one / "record.html").read_bytes()).hexdigest() for one in (record, other))
    shutil.copy(other / "record.html", record)
    manifest = record / "files.sha256"
    manifest.write_bytes(manifest.read_bytes().replace(old.encode(), new.encode()))
    (record.parent / "chain.sha256").unlink()
    assert prove(record).problems == ("record.html is not what record.json renders to",)


def test_a_signature_without_its_sign_off_is_a_problem(office: Office, prove: Prove) -> None:
    """One was removed, or never finished."""
    record = office.close()
    (record / "signoff-1.json.sig").touch()
    assert prove(record).problems == ("signoff-1.json.sig stands there without its sign-off",)


def test_a_link_that_is_broken_is_a_problem(office: Office, prove: Prove) -> None:
    """The record before it was changed."""
    before = office.close()
    record = office.close()
    append(before / "record.json")
    told = f"the record before it, {before.name}, has another record.json than it names"
    assert prove(record).problems == (told,)


def test_the_page_of_the_sign_offs_is_proved(
    office: Office, prove: Prove, templates_dir: Path
) -> None:
    """It is rendered again and compared."""
    record = office.close()
    office.sign(record)
    show_signatures(record, templates_dir)
    assert prove(record).problems == ()
    append(record / "signatures.html")
    assert prove(record).problems == ("signatures.html is not what the sign-offs render to",)


def test_a_page_of_the_sign_offs_by_another_renderer_is_a_note(
    office: Office, prove: Prove
) -> None:
    """It may be right, and is not trusted."""
    record = office.close()
    office.sign(record)
    (record / "signatures.html").write_text("<p>older</p>", encoding="utf-8")
    (note,) = prove(record).notes
    assert note.startswith("signatures.html is another renderer's and is not proved")


def test_an_archive_is_proved_record_by_record_and_chain_by_chain(
    office: Office, templates_dir: Path
) -> None:
    """A run that goes on is left out."""
    production = office.close(environment="production")
    earlier = datetime.now(UTC) - timedelta(minutes=1)
    first, second = office.close(started_at=earlier), office.close()
    running = RunningRecord.open(office.archive, worth_signing())
    reports = list(verify_archive(office.archive, office.allowed, templates_dir))
    running.abandon()
    assert [one.title for one in reports] == [
        production.name,
        first.name,
        second.name,
        "chain of production",
        "chain of staging",
    ]
    assert not any(one.problems for one in reports)


def test_an_environment_of_which_no_record_is_closed_needs_no_chain(
    office: Office, templates_dir: Path
) -> None:
    """The first deployment there is asked while its own record is open."""
    running = RunningRecord.open(office.archive, worth_signing())
    assert list(verify_archive(office.archive, office.allowed, templates_dir)) == []
    running.abandon()


def test_a_directory_without_records_or_chain_is_no_environment(
    office: Office, templates_dir: Path
) -> None:
    """Nothing is said of it."""
    (office.archive / "notes").mkdir(parents=True)
    assert list(verify_archive(office.archive, office.allowed, templates_dir)) == []


def test_a_chain_whose_records_are_all_gone_is_still_asked(
    office: Office, templates_dir: Path
) -> None:
    """It lists what was removed."""
    record = office.close()
    shutil.rmtree(record)
    (report,) = verify_archive(office.archive, office.allowed, templates_dir)
    assert report.problems == (f"{record.name} is missing",)


def test_a_page_that_was_changed_is_named_once(office: Office, prove: Prove) -> None:
    """By its hash: what is known to be changed is not rendered again."""
    record = office.close()
    append(record / "record.html")
    assert [one for one in prove(record).problems if "renders" in one] == []


def test_the_page_of_broken_sign_offs_is_not_asked(
    office: Office, prove: Prove, templates_dir: Path
) -> None:
    """It is made of them, and shows what is wrong with them."""
    record = office.close()
    office.sign(record)
    show_signatures(record, templates_dir)
    append(record / "signoff-1.json")
    problems = prove(record).problems
    assert problems
    assert not any("signatures.html" in one for one in problems)


def test_a_record_before_it_that_is_not_here_is_a_note(office: Office, prove: Prove) -> None:
    """A copy of one record proves nothing of the others."""
    before, record = office.close(), office.close()
    shutil.rmtree(before)
    assert prove(record).notes == (f"the record before it, {before.name}, is not here", UNSIGNED)


def test_a_record_that_its_chain_does_not_list_is_a_problem(office: Office, prove: Prove) -> None:
    """It was put there from elsewhere."""
    record = office.close()
    (record.parent / "chain.sha256").write_bytes(b"")
    assert any("chain.sha256 beside it" in one for one in prove(record).problems)


def test_an_archive_with_named_signers_needs_ssh_keygen(
    office: Office, templates_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before the first record; without signers nothing has to be verified."""

    def refuse() -> None:
        raise SigningError("ssh-keygen is not installed")

    record = office.close()
    monkeypatch.setattr("gonogo.signing.ssh.require_program", refuse)
    with pytest.raises(SigningError, match="ssh-keygen is not installed"):
        next(verify_archive(office.archive, office.allowed, templates_dir))
    assert next(verify_archive(office.archive, None, templates_dir)).title == record.name


def test_a_page_by_another_renderer_is_a_note(
    office: Office, prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be rendered again, and its hash still stands."""
    record = office.close()
    monkeypatch.setattr("gonogo.report.html.renderer_sha256", lambda _templates_dir: "0" * 64)
    report = prove(record)
    assert report.problems == ()
    assert report.notes[0] == "its page is another renderer's, so it is proved by its hash alone"
