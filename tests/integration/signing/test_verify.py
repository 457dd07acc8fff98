"""Proving records untouched: one changed byte anywhere is found, and what is wrong is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Kind
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import CHAIN
from gonogo.signing import ssh
from gonogo.signing.sign import show_signatures
from gonogo.signing.ssh import parse
from gonogo.signing.verification import Report, verify_archive, verify_record
from signers import ADA, BOB, Office, make_key, open_office, public, verdict, worth_signing

pytestmark = pytest.mark.ssh
FILES = (
    "record.json",
    "record.html",
    "attestation.json",
    "evidence.html",
    "junit.xml",
    "files.sha256",
    "signoff-1.json",
    "signoff-1.json.sig",
    "signoff-2.json",
    "signoff-2.json.sig",
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Three records, the second of them signed twice; only to be copied."""
    office = open_office(tmp_path_factory.mktemp("shelf"))
    office.close("HOLD", verdict=verdict("HOLD"))
    signed = office.close()
    office.close(environment="production")
    office.sign(signed, attest=["soak.complaints"])
    office.sign(signed, by=BOB)
    office.close()
    return office


@pytest.fixture
def copy(shelf: Office, tmp_path: Path) -> Office:
    """A copy of the shelf that a test may spoil."""
    shutil.copytree(shelf.root, tmp_path / "office")
    return Office(tmp_path / "office", shelf.keys)


@pytest.fixture
def prove(templates_dir: Path) -> Callable[[Office, Path], Report]:
    """Verify one record."""

    def run(office: Office, record: Path) -> Report:
        return verify_record(record, office.allowed, templates_dir)

    return run


@pytest.fixture
def prove_all(templates_dir: Path) -> Callable[[Office], list[str]]:
    """Everything that is wrong with an archive."""

    def run(office: Office) -> list[str]:
        reports = verify_archive(office.archive, office.allowed, templates_dir)
        return [f"{one.title}: {problem}" for one in reports for problem in one.problems]

    return run


def records(office: Office) -> list[Path]:
    """The records of staging, oldest first."""
    return [
        office.archive / "staging" / line.split()[1].partition("/")[0]
        for line in (office.archive / "staging" / CHAIN).read_text(encoding="utf-8").splitlines()
        if line.endswith("files.sha256")
    ]


def signed(office: Office) -> Path:
    """The record that is signed."""
    return records(office)[1]


def test_what_nobody_touched_is_proved(
    copy: Office, prove: Callable[..., Report], prove_all: Callable[..., list[str]]
) -> None:
    """Sign-offs with who, what and by which key; the whole archive too."""
    report = prove(copy, signed(copy))
    assert report.problems == ()
    assert [check.signoff and check.signoff.by for check in report.signoffs] == [ADA, BOB]
    assert prove_all(copy) == []
    unsigned = prove(copy, records(copy)[0])
    assert "it is not signed" in unsigned.notes[-1]


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_found(name: str, copy: Office, prove: Callable[..., Report]) -> None:
    """Wherever it is in whichever file: the first, the last, and between; the file is named."""
    record = signed(copy)
    path = record / name
    whole = path.read_bytes()
    step = max(1, len(whole) // 7)
    for place in {*range(0, len(whole), step), len(whole) - 2, len(whole) - 1}:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        problems = prove(copy, record).problems
        assert problems, f"byte {place} of {name}"
        assert name.removesuffix(".sig") in " ".join(problems)
        assert not any("\n" in problem for problem in problems)
    path.write_bytes(whole)
    assert prove(copy, record).problems == ()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("what", ["gone", "empty", "half", "garbage", "longer", "link"])
def test_a_file_that_is_not_what_it_was_is_one_line_each(
    name: str, what: str, copy: Office, prove: Callable[..., Report]
) -> None:
    """Missing, cut short, overwritten, with text after its end, or a link elsewhere."""
    record = signed(copy)
    path = record / name
    whole = path.read_bytes()
    path.unlink()
    if what == "link":
        elsewhere = copy.root / "elsewhere"
        elsewhere.write_bytes(whole)
        path.symlink_to(elsewhere)
    elif what != "gone":
        path.write_bytes(
            {
                "empty": b"",
                "half": whole[: len(whole) // 2],
                "garbage": b"\xff\x00" * 40,
                "longer": whole + b"\n",
            }[what]
        )
    problems = prove(copy, record).problems
    assert any(name in problem for problem in problems), problems
    assert not any("\n" in problem for problem in problems)


@pytest.mark.parametrize("place", range(0, 400, 23))
def test_one_changed_byte_of_the_chain_is_found(
    place: int, copy: Office, prove_all: Callable[..., list[str]]
) -> None:
    """In a hash, a name, or between."""
    chain = copy.archive / "staging" / CHAIN
    whole = chain.read_bytes()
    chain.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert prove_all(copy)


def test_a_file_that_was_added_is_found(copy: Office, prove: Callable[..., Report]) -> None:
    """It is named, and so are the sign-offs that do not know it."""
    record = signed(copy)
    (record / "evidence2.html").write_text("<p>trust me</p>", encoding="utf-8")
    told = " ".join(prove(copy, record).problems)
    assert "evidence2.html is not in files.sha256" in told
    assert "evidence2.html was added since it was signed" in told


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_record_that_was_removed_is_missed(
    number: int, copy: Office, prove_all: Callable[..., list[str]]
) -> None:
    """The first, one between, the newest: each is named."""
    gone = records(copy)[number]
    shutil.rmtree(gone)
    assert f"chain of staging: {gone.name} is missing" in prove_all(copy)


def test_a_sign_off_that_was_removed_is_missed(
    copy: Office, prove: Callable[..., Report], prove_all: Callable[..., list[str]]
) -> None:
    """The last one too, which no other names: the chain of the environment does."""
    record = signed(copy)
    for name in ("signoff-2.json", "signoff-2.json.sig"):
        (record / name).unlink()
    told = "signoff-2.json is missing or was changed: chain.sha256 has another hash of it"
    assert told in prove(copy, record).problems
    assert prove_all(copy)


def test_records_that_changed_places_are_found(
    copy: Office, prove_all: Callable[..., list[str]]
) -> None:
    """Each names the one before it."""
    chain = copy.archive / "staging" / CHAIN
    first, second, *rest = chain.read_text(encoding="utf-8").splitlines(keepends=True)
    chain.write_text("".join([second, first, *rest]), encoding="utf-8")
    assert any("before it" in problem for problem in prove_all(copy))


def test_a_record_that_was_put_there_from_elsewhere_is_found(
    copy: Office, tmp_path: Path, prove_all: Callable[..., list[str]]
) -> None:
    """Whole in itself, but the chain does not know it."""
    (tmp_path / "other").mkdir()
    stranger = open_office(tmp_path / "other").close("HOLD", verdict=verdict("HOLD"))
    target = copy.archive / "staging" / "20200101T000000Z_HOLD"
    shutil.copytree(stranger, target)
    assert f"chain of staging: {target.name} is not listed" in " ".join(prove_all(copy))


def test_a_record_that_was_moved_to_another_environment_is_found(
    copy: Office, prove: Callable[..., Report]
) -> None:
    """Also where there is no chain that could miss it."""
    record, other = signed(copy), copy.root / "other" / "production"
    shutil.copytree(record, other / record.name)
    told = prove(copy, other / record.name).problems
    assert told == ("it lies in production, but is a record of staging",)


def test_a_record_under_another_name_is_found(copy: Office, prove: Callable[..., Report]) -> None:
    """A HOLD that is called GO says so itself, and a sign-off of another record does not count."""
    held, go = records(copy)[0], signed(copy)
    renamed = held.with_name(held.name.replace("HOLD", "GO"))
    held.rename(renamed)
    assert "is called GO, but the record says HOLD" in " ".join(prove(copy, renamed).problems)
    shutil.copy(go / "signoff-1.json", renamed)
    shutil.copy(go / "signoff-1.json.sig", renamed)
    assert f"it is of the record {go.name}" in " ".join(prove(copy, renamed).problems)


def test_a_record_that_was_forged_whole_is_found_by_its_sign_offs(
    copy: Office, prove: Callable[..., Report]
) -> None:
    """Whoever makes every hash anew cannot make the signatures."""
    record = signed(copy)
    document = json.loads((record / "record.json").read_bytes())
    text = json.dumps(document | {"title": "Forged"}, sort_keys=True, separators=(",", ":"))
    (record / "record.json").write_text(f"{text}\n", encoding="utf-8")
    lines = [
        f"{sha256((record / name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(FILES[:5])
    ]
    (record / "files.sha256").write_text("".join(lines), encoding="utf-8")
    told = " ".join(prove(copy, record).problems)
    assert "signoff-1.json: record.json was changed since it was signed" in told
    assert "record.html is not what record.json renders to" in told


def test_a_final_report_is_signed_and_proved(
    copy: Office, prove: Callable[..., Report], prove_all: Callable[..., list[str]]
) -> None:
    """It is called after what it is, whatever its verdict; under another name it is found."""
    record = copy.close("SUMMARY", kind=Kind.SUMMARY)
    copy.sign(record)
    assert prove(copy, record).problems == ()
    assert prove_all(copy) == []
    renamed = record.with_name(record.name.replace("SUMMARY", "GO"))
    record.rename(renamed)
    assert "called GO, but the record says SUMMARY" in " ".join(prove(copy, renamed).problems)


def test_an_aborted_run_does_not_stand_for_a_record_that_was_removed(
    copy: Office, prove_all: Callable[..., list[str]]
) -> None:
    """Nor does the record itself, called running and changed; untouched it may have been killed."""
    newest = records(copy)[-1]
    running = newest.with_name(f"{newest.name.partition('_')[0]}_RUNNING")
    newest.rename(running)
    assert prove_all(copy) == []
    missing = f"chain of staging: {newest.name} is missing"
    for name in ("record.json", "files.sha256"):
        with (running / name).open("ab") as file:
            file.write(b" ")
        assert missing in prove_all(copy)
    shutil.rmtree(running)
    running.mkdir()
    assert missing in prove_all(copy)


def test_the_record_before_it_is_held_against_its_link(
    copy: Office, prove: Callable[..., Report]
) -> None:
    """A change of the older record is found from the newer one; its absence is only noted."""
    older, record = records(copy)[0], signed(copy)
    with (older / "files.sha256").open("ab") as file:
        file.write(b"\n")
    told = f"the record before it, {older.name}, has another files.sha256 than it names"
    assert told in prove(copy, record).problems
    alone = copy.root / "elsewhere" / record.name
    shutil.copytree(record, alone)
    report = prove(copy, alone)
    assert (report.problems, report.notes) == (
        (),
        (f"the record before it, {older.name}, is not here",),
    )


def test_an_older_renderer_is_proved_by_hashes_alone_and_says_so(
    copy: Office,
) -> None:
    """Another template is another renderer; its page is still held against its hash."""
    templates, record = copy.root / "templates", signed(copy)
    templates.mkdir()
    (templates / "record.css").write_text("/* newer */\n", encoding="utf-8")
    report = verify_record(record, copy.allowed, templates)
    assert report.problems == ()
    assert "its page is another renderer's, so it is proved by its hash alone" in report.notes
    with (record / "record.html").open("ab") as page:
        page.write(b"<!-- -->")
    told = " ".join(verify_record(record, copy.allowed, templates).problems)
    assert "record.html was changed" in told


@pytest.mark.parametrize("namespace", ["git", "file"])
def test_a_signature_for_something_else_does_not_count(
    namespace: str, copy: Office, prove: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit's signature is none of a record's."""
    record = signed(copy)
    path = record / "signoff-2.json"
    with monkeypatch.context() as patched:
        patched.setattr(ssh, "NAMESPACE", namespace)
        signature = ssh.sign(path.read_bytes(), copy.keys[BOB], copy.environ)
    path.with_name(f"{path.name}.sig").write_bytes(signature)
    assert parse(signature).namespace == namespace
    told = f"signed for the namespace '{namespace}', not for 'gonogo'"
    assert told in " ".join(prove(copy, record).problems)


def test_whoever_may_sign_no_longer_does_not_count(
    copy: Office, prove: Callable[..., Report]
) -> None:
    """Out of allowed_signers, or out of its time at the moment of signing."""
    record = signed(copy)
    for line, said in (
        (f"someone@example.com {public(make_key(copy.root / 'new'))}", "knows no key"),
        (f'{ADA} valid-after="20990101" {public(copy.keys[ADA])}', "was not valid then"),
    ):
        copy.allowed.write_text(f"{line}\n", encoding="utf-8")
        assert said in prove(copy, record).problems[0]


def test_a_key_that_was_valid_then_still_counts(copy: Office, prove: Callable[..., Report]) -> None:
    """The time that matters is that of the sign-off, not of the proof."""
    record = signed(copy)
    keys = [(ADA, copy.keys[ADA]), (f'"{BOB}"', copy.keys[BOB])]
    text = "".join(f'{who} valid-before="20980101" {public(key)}\n' for who, key in keys)
    copy.allowed.write_text(text, encoding="utf-8")
    assert prove(copy, record).problems == ()


def test_what_cannot_be_proved_is_one_line(
    copy: Office, templates_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record, one that goes on or was aborted, nobody who may sign, no ssh-keygen."""
    running = RunningRecord.open(copy.archive, worth_signing())
    for record, allowed, kind, said in (
        (copy.archive / "staging", copy.allowed, UsageError, "is no record"),
        (copy.archive / "none", copy.allowed, UsageError, "is no record"),
        (running.directory, copy.allowed, SigningError, "still goes on"),
        (signed(copy), None, SigningError, "does not say who may sign"),
        (signed(copy), copy.root / "none", SigningError, "there is no file"),
    ):
        with pytest.raises(kind, match=said) as refused:
            verify_record(record, allowed, templates_dir)
        assert "\n" not in str(refused.value)
    monkeypatch.setenv("PATH", str(copy.root))
    with pytest.raises(SigningError, match="ssh-keygen is not installed"):
        verify_record(signed(copy), copy.allowed, templates_dir)


def test_an_aborted_run_does_not_break_the_chain(
    copy: Office, prove_all: Callable[..., list[str]]
) -> None:
    """It is no record, and whoever comes after it names the last that was closed."""
    RunningRecord.open(copy.archive, worth_signing()).abandon()
    copy.close()
    assert prove_all(copy) == []


def test_the_page_of_signatures_is_held_against_the_sign_offs(
    copy: Office, prove: Callable[..., Report], templates_dir: Path
) -> None:
    """It names who decided what, the archive's list does too, and a change of it is found."""
    record = signed(copy)
    show_signatures(record, templates_dir)
    page = (record / "signatures.html").read_text(encoding="utf-8")
    assert all(word in page for word in (ADA, BOB, "No complaint of a user is open"))
    index = (copy.archive / "index.html").read_text(encoding="utf-8")
    assert f"go by {ADA}" in index
    assert "signatures.html" in index
    assert prove(copy, record).problems == ()
    (record / "signatures.html").write_text(page.replace(ADA, "Mallory"), encoding="utf-8")
    assert "signatures.html is not what the sign-offs render to" in prove(copy, record).problems
