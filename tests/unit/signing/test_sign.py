"""Signing a record: what is written beside it, and that nothing is where it is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import GonogoError, SigningError, UsageError
from gonogo.model.kinds import Kind, State
from gonogo.record.archive import RunningRecord
from gonogo.signing import sign, ssh
from signers import ADA, BOB, Office, verdict, worth_signing


def content_of(record: Path) -> dict[str, bytes]:
    """The files of a record and its sign-offs, without the page that is made of these."""
    shown = "signatures.html"
    return {path.name: path.read_bytes() for path in record.iterdir() if path.name != shown}


def told(record: Path, number: int = 1) -> dict[str, Any]:
    """What a sign-off says."""
    return dict(json.loads((record / f"signoff-{number}.json").read_bytes()))


def test_a_sign_off_is_two_files_beside_the_record(office: Office) -> None:
    """Nothing of the record changes."""
    record = office.close()
    before = content_of(record)
    done = office.sign(record)
    after = content_of(record)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"signoff-1.json", "signoff-1.json.sig"}
    assert (done.path, done.fingerprint) == (record / "signoff-1.json", f"SHA256:of-{ADA}")


def test_a_sign_off_says_what_was_decided_on_what(office: Office) -> None:
    """The record, its verdict, the decision, where it is meant for, and who decided."""
    record = office.close()
    done = office.sign(record)
    said = told(record)
    assert (said["record"], said["environment"], said["verdict"]) == (record.name, "staging", "GO")
    assert (said["decision"], said["target"], said["by"]) == ("go", "production", ADA)
    assert (said["number"], said["previous"], said["override"]) == (1, None, None)
    assert done.signoff.written() == done.path.read_bytes()


def test_a_sign_off_names_every_file_by_its_hash(office: Office) -> None:
    """The list of hashes is one of them."""
    record = office.close()
    before = content_of(record)
    office.sign(record)
    assert told(record)["files"] == {
        name: sha256(content).hexdigest()
        for name, content in before.items()
        if name != "signatures.html"
    }


def test_a_sign_off_is_dated_to_the_second(office: Office) -> None:
    """Its moment is in UTC, without fractions."""
    record = office.close()
    done = office.sign(record)
    assert done.signoff.signed_at.microsecond == 0
    assert told(record)["signed_at"].endswith("Z")


def test_only_go_is_meant_for_a_place(office: Office) -> None:
    """Another decision has no target."""
    record = office.close()
    office.sign(record, decision="hold")
    assert told(record)["target"] is None


def test_a_record_without_a_verdict_has_none_in_its_sign_off(office: Office) -> None:
    """A deployment can be reviewed."""
    record = office.close("DEPLOYED", kind=Kind.DEPLOYMENT, verdict=None)
    office.sign(record, decision="reviewed")
    assert told(record)["verdict"] is None


def test_a_reason_is_written_down(office: Office) -> None:
    """The override's text stands in the sign-off."""
    record = office.close("HOLD", verdict=verdict("HOLD"))
    office.sign(record, override="the board decided")
    assert told(record)["override"] == "the board decided"


def test_ticked_items_are_written_down_once(office: Office) -> None:
    """With the text that the record showed."""
    record = office.close()
    office.sign(record, attest=["soak.complaints", "soak.complaints"])
    assert told(record)["attested"] == [
        {"id": "soak.complaints", "text": "No complaint of a user is open"}
    ]


@pytest.mark.parametrize("name", ["soak.complete", "soak.nothing"])
def test_an_item_that_no_person_may_tick_is_refused(office: Office, name: str) -> None:
    """Those that one may tick are named."""
    record = office.close()
    with pytest.raises(UsageError, match=rf"^--attest {name}: .*there are soak\.complaints$"):
        office.sign(record, attest=[name])


def test_a_record_without_items_names_none(office: Office) -> None:
    """There is nothing to tick."""
    record = office.close(checklist=())
    with pytest.raises(UsageError, match=r"there are none$"):
        office.sign(record, attest=["soak.complaints"])


def test_each_sign_off_names_the_one_before_it(office: Office) -> None:
    """By the hashes of both of its files."""
    record = office.close()
    office.sign(record)
    office.sign(record, by=BOB, decision="no-go")
    hashes = [
        sha256((record / name).read_bytes()).hexdigest()
        for name in ("signoff-1.json", "signoff-1.json.sig")
    ]
    assert told(record, 2)["number"] == 2
    assert told(record, 2)["previous"] == {
        "file": "signoff-1.json",
        "sha256": hashes[0],
        "signature_sha256": hashes[1],
    }


def test_a_sign_off_is_listed_in_the_chain(office: Office) -> None:
    """By its hash, so that its removal is missed."""
    record = office.close()
    office.sign(record)
    digest = sha256((record / "signoff-1.json").read_bytes()).hexdigest()
    lines = (record.parent / "chain.sha256").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == f"{digest}  {record.name}/signoff-1.json"


def test_a_copy_elsewhere_is_signed_without_a_chain(office: Office) -> None:
    """No chain is begun beside the copy."""
    record = office.close()
    copied = office.root / "artefact" / record.name
    shutil.copytree(record, copied)
    office.sign(copied)
    assert (copied / "signoff-1.json").is_file()
    assert not (copied.parent / "chain.sha256").exists()


@pytest.mark.parametrize("name", ["record.json", "evidence.html", "files.sha256"])
def test_a_changed_record_is_not_signed(office: Office, name: str) -> None:
    """The refusal says what is wrong."""
    record = office.close()
    (record / name).write_bytes((record / name).read_bytes() + b" ")
    with pytest.raises(SigningError, match=r"_GO is not as it was: \w"):
        office.sign(record, decision="no-go")
    assert not (record / "signoff-1.json").exists()


def test_a_record_with_a_broken_sign_off_is_not_signed(office: Office) -> None:
    """Another sign-off would vouch for the broken one."""
    record = office.close()
    office.sign(record)
    (record / "signoff-1.json.sig").write_bytes(b"")
    with pytest.raises(SigningError, match=r"not as it was: signoff-1\.json\.sig: it is not sig"):
        office.sign(record, by=BOB)


def test_a_run_that_goes_on_is_not_signed(office: Office) -> None:
    """It decides nothing."""
    running = RunningRecord.open(office.archive, worth_signing())
    with pytest.raises(SigningError, match="still goes on"):
        office.sign(running.directory, decision="hold")
    running.abandon()


def test_an_interrupted_run_is_not_signed(office: Office) -> None:
    """It decides nothing, though it was closed in order."""
    record = office.close("HOLD", state=State.ABORTED, verdict=verdict("HOLD"))
    with pytest.raises(SigningError, match="was aborted, so it decides nothing"):
        office.sign(record, decision="hold")


def test_somebody_who_may_not_sign_leaves_nothing(office: Office) -> None:
    """The signature is verified before it is written."""
    record = office.close()
    with pytest.raises(SigningError, match="not signed by Eve"):
        office.sign(record, by="Eve", key=office.keys[ADA])
    assert not list(record.glob("signoff-*"))


def test_a_record_from_the_future_is_not_signed(office: Office) -> None:
    """One of the two clocks is wrong."""
    record = office.close(finished_at=datetime(2099, 1, 1, tzinfo=UTC))
    with pytest.raises(SigningError, match=r"cannot be signed: .*before the record was closed; ch"):
        office.sign(record)


def test_without_a_list_of_signers_nothing_is_signed(office: Office) -> None:
    """This holds for the first sign-off too."""
    record = office.close()
    office.allowed.unlink()
    with pytest.raises(SigningError, match="there is no file"):
        office.sign(record)


def test_a_signer_who_comes_second_takes_the_next_number(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sign-off names the one that came between."""
    record = office.close()
    real = ssh.sign

    def overtaken(content: bytes, key: Path, environ: Mapping[str, str]) -> bytes:
        monkeypatch.setattr(ssh, "sign", real)
        office.sign(record, by=BOB)
        return real(content, key, environ)

    monkeypatch.setattr(ssh, "sign", overtaken)
    done = office.sign(record)
    assert done.signoff.number == 2
    assert (told(record, 1)["by"], told(record, 2)["by"]) == (BOB, ADA)
    assert told(record, 2)["previous"]["file"] == "signoff-1.json"


def test_a_signer_who_is_always_second_gives_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some tries one line says so."""
    record = office.close()
    monkeypatch.setattr(sign, "signoff_numbers", lambda _: frozenset({99}))
    with pytest.raises(SigningError, match=r"others keep signing .*; try again"):
        office.sign(record)


def test_a_full_disk_leaves_no_half_sign_off(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is one line."""
    record = office.close()

    def refuse(path: Path, content: bytes) -> None:
        del content
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(sign, "write_whole", refuse)
    with pytest.raises(GonogoError, match="the sign-off cannot be written: No space left"):
        office.sign(record)
    assert not list(record.glob("signoff-*"))


def test_a_chain_that_cannot_be_written_does_not_unsign(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says that it is signed, and what could not be written."""
    record = office.close()

    def refuse(place: Path, name: str, digest: str) -> None:
        del name, digest
        raise OSError(28, "No space left on device", str(place))

    monkeypatch.setattr(sign, "append_to_chain", refuse)
    with pytest.raises(GonogoError, match=r"signoff-1\.json is signed, but chain\.sha256 cannot"):
        office.sign(record)
    assert (record / "signoff-1.json").is_file()
