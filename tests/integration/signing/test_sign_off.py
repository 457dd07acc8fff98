"""Signing a record with real keys: what is signed, what is refused, and that nothing is touched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import GonogoError, SigningError, UsageError
from gonogo.model.kinds import Environment, Kind, Outcome, State
from gonogo.model.measurement import clip
from gonogo.model.step import Provenance
from gonogo.record.archive import RunningRecord
from gonogo.signing.integrity import open_closed
from gonogo.signing.signoffs import check_signoffs
from record_examples import HOUR, START, finding, provenance
from signers import ADA, BOB, EVE, Office, agent_with, make_key, public, verdict, worth_signing

pytestmark = pytest.mark.ssh
OWN_FILES = {"record.json", "record.html", "attestation.json", "evidence.html", "junit.xml"}
OTHER_FILES = {*OWN_FILES, "files.sha256"}


def late(seconds: int) -> Provenance:
    """Measured so long after the window's end."""
    return provenance(taken_at=START + 48 * HOUR + timedelta(seconds=seconds))


def content_of(record: Path) -> dict[str, bytes]:
    """The files of a record and its sign-offs, without the page that is made of these."""
    shown = "signatures.html"
    return {path.name: path.read_bytes() for path in record.iterdir() if path.name != shown}


def test_a_go_is_signed_and_the_record_does_not_change(office: Office) -> None:
    """The sign-off names decision, signer, time, and the hash of every file; 0640 as all else."""
    record = office.close()
    before = content_of(record)
    done = office.sign(record, attest=["soak.complaints"])
    after = content_of(record)
    assert {name: after[name] for name in before} == before
    assert set(after) == {*OTHER_FILES, "signoff-1.json", "signoff-1.json.sig"}
    told = json.loads(after["signoff-1.json"])
    assert (told["decision"], told["by"], told["verdict"]) == ("go", ADA, "GO")
    assert told["target"] == "production"
    assert told["attested"] == [{"id": "soak.complaints", "text": "No complaint of a user is open"}]
    assert told["files"] == {name: sha256(before[name]).hexdigest() for name in OTHER_FILES}
    assert told["previous"] is None
    assert done.fingerprint.startswith("SHA256:")
    for name in ("signoff-1.json", "signoff-1.json.sig"):
        assert stat.S_IMODE((record / name).stat().st_mode) == 0o640


def test_whoever_has_no_gonogo_can_verify_a_signature(office: Office) -> None:
    """ssh-keygen alone says that it is good."""
    record = office.close()
    office.sign(record, by=BOB)
    words = ["ssh-keygen", "-Y", "verify", "-n", "gonogo", "-I", BOB, "-f", str(office.allowed)]
    with (record / "signoff-1.json").open("rb") as message:
        said = subprocess.run(
            [*words, "-s", str(record / "signoff-1.json.sig")],
            stdin=message,
            capture_output=True,
            check=False,
        )
    assert said.returncode == 0


def test_each_sign_off_names_the_one_before_it(office: Office) -> None:
    """By the hashes of both of its files; a withdrawal is one more."""
    record = office.close()
    office.sign(record)
    office.sign(record, by=BOB, decision="no-go")
    first, second = (record / f"signoff-{number}.json" for number in (1, 2))
    assert json.loads(second.read_bytes())["previous"] == {
        "file": "signoff-1.json",
        "sha256": sha256(first.read_bytes()).hexdigest(),
        "signature_sha256": sha256((record / "signoff-1.json.sig").read_bytes()).hexdigest(),
    }


def test_several_at_once_do_not_collide(office: Office) -> None:
    """Each gets a number of its own, and the chain of all holds."""
    record = office.close()
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(office.sign, record, by=by) for by in (ADA, BOB, ADA, BOB)]
        numbers = sorted(one.result().signoff.number for one in done)
    assert numbers == [1, 2, 3, 4]
    checked = check_signoffs(open_closed(record), office.allowed)
    assert [check.problems for check in checked] == [()] * 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": verdict("HOLD")}, "HOLD"),
        ({"window": clip(HOUR, START + 48 * HOUR, START)}, "its window is 1 h"),
        ({"kind": Kind.DEPLOYMENT, "verdict": None, "outcome": "succeeded"}, "brings no verdict"),
    ],
)
def test_go_on_anything_but_go_needs_a_reason(
    office: Office, changes: dict[str, Any], said: str
) -> None:
    """Without one it is refused and nothing is written; with one that is recorded."""
    label = "HOLD" if said == "HOLD" else "GO" if "verdict" not in changes else "DEPLOYED"
    record = office.close(label, **changes)
    with pytest.raises(SigningError, match=said):
        office.sign(record)
    with pytest.raises(UsageError, match="needs a reason"):
        office.sign(record, override=" ")
    assert set(content_of(record)) <= OTHER_FILES
    done = office.sign(record, override="the board decided")
    assert done.signoff.override == "the board decided"


@pytest.mark.parametrize("decision", ["no-go", "hold", "rollback", "reviewed"])
def test_any_other_decision_needs_none(office: Office, decision: str) -> None:
    """It is for no place, and stands on any record."""
    record = office.close("HOLD", verdict=verdict("HOLD"))
    done = office.sign(record, decision=decision)
    assert (done.signoff.decision, done.signoff.target) == (decision, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"simulated": True}, "it is simulated"),
        ({"provenance": late(901)}, "lay 15 min 1 s back"),
        ({"without": ("endpoints",)}, "endpoints was left out"),
        (
            {"findings": (finding("criterion:token.unknown", "> 1 %", Outcome.LEFT_OUT),)},
            "token was left out",
        ),
    ],
)
def test_what_can_never_stand_for_production(
    office: Office, changes: dict[str, Any], said: str
) -> None:
    """No reason helps; for staging alone it can be signed."""
    record = office.close(**changes)
    with pytest.raises(SigningError, match=said):
        office.sign(record, override="never mind")
    assert set(content_of(record)) <= OTHER_FILES
    assert office.sign(record, target=Environment.STAGING).signoff.target == "staging"


def test_an_as_of_of_fifteen_minutes_still_stands(office: Office) -> None:
    """Exactly the limit is within it."""
    assert office.sign(office.close(provenance=late(900))).signoff.decision == "go"


@pytest.mark.parametrize("name", sorted(OTHER_FILES))
def test_a_record_that_was_changed_is_not_signed(office: Office, name: str) -> None:
    """Whichever file it is; the refusal names it, or the one that lists it."""
    record = office.close()
    path = record / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SigningError, match=r"is not as it was: .*(record|evidence|junit|files)"):
        office.sign(record, decision="no-go")
    assert set(content_of(record)) == OTHER_FILES


def test_a_run_that_goes_on_or_was_aborted_is_not_signed(office: Office) -> None:
    """Neither decides anything, whether it was interrupted or killed."""
    running = RunningRecord.open(office.archive, worth_signing())
    with pytest.raises(SigningError, match="still goes on"):
        office.sign(running.directory, decision="hold")
    running.abandon()
    with pytest.raises(SigningError, match="was aborted"):
        office.sign(running.directory, decision="hold")
    interrupted = office.close("HOLD", state=State.ABORTED, verdict=verdict("HOLD"))
    with pytest.raises(SigningError, match="was aborted"):
        office.sign(interrupted, decision="hold")


def test_whoever_is_not_allowed_cannot_sign(office: Office) -> None:
    """An unknown key, another's key, an unknown name: each is named, and nothing is written."""
    record = office.close()
    for changes, said in (
        ({"by": EVE}, "knows no key SHA256:"),
        ({"by": BOB, "key": office.keys[ADA]}, f"the key of {ADA}, not of {BOB}"),
        ({"by": ADA, "key": office.keys[EVE]}, f"of {ADA}"),
        ({"by": " ", "key": office.keys[ADA]}, "--by .*one line of plain text"),
        ({"by": "a\nb", "key": office.keys[ADA]}, "--by .*one line of plain text"),
    ):
        with pytest.raises(GonogoError, match=said):
            office.sign(record, **changes)
    assert set(content_of(record)) == OTHER_FILES


def test_a_key_whose_time_is_over_cannot_sign(office: Office) -> None:
    """``valid-before`` in allowed_signers holds."""
    line = f'{ADA} valid-before="20200101" {public(office.keys[ADA])}\n'
    office.allowed.write_text(line, encoding="utf-8")
    with pytest.raises(SigningError, match=r"was not valid then: .*2020-01-01"):
        office.sign(office.close())


def test_an_item_that_is_no_persons_cannot_be_ticked(office: Office) -> None:
    """What the suite proves is not attested, nor what is not there; the known ones are named."""
    record = office.close()
    for name in ("soak.complete", "soak.nothing"):
        with pytest.raises(UsageError, match=r"--attest .*there are soak.complaints"):
            office.sign(record, attest=[name])


@pytest.fixture
def agent(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real ssh-agent that holds Bob's key and a stranger's; their files are gone."""
    keys = make_key(office.root / "stranger"), office.keys[BOB]
    with agent_with(tmp_path_factory.mktemp("a"), *keys) as environ:
        yield office.environ | environ


def test_an_agent_signs_with_the_one_of_its_keys_that_may(
    office: Office, agent: dict[str, str]
) -> None:
    """No key is named, and none is on the disk."""
    done = office.sign(office.close(), by=BOB, key=None, environ=agent)
    assert done.signoff.by == BOB


@pytest.mark.parametrize("form", ["file", "literal", "pub"])
def test_git_names_the_key(office: Office, form: str) -> None:
    """Where git signs with SSH, its user.signingkey is used: a file, or a key that it names."""
    key = office.keys[ADA]
    named = {"file": str(key), "pub": f"{key}.pub", "literal": f"key::{public(key)}"}[form]
    config = office.root / "gitconfig"
    config.write_text(f'[gpg]\nformat = ssh\n[user]\nsigningkey = "{named}"\n', encoding="utf-8")
    environ = office.environ | {"GIT_CONFIG_GLOBAL": str(config)}
    if form == "literal":
        # Only an agent could sign with it, and there is none.
        with pytest.raises(SigningError, match="did not sign"):
            office.sign(office.close(), key=None, environ=environ)
    else:
        assert office.sign(office.close(), key=None, environ=environ).signoff.by == ADA


def test_a_key_in_the_home_directory_is_found(office: Office) -> None:
    """The first of the usual names that allowed_signers has."""
    home = office.root / "home"
    (home / ".ssh").mkdir(parents=True)
    make_key(home / ".ssh" / "id_ed25519")
    for end in ("", ".pub"):
        shutil.copy(f"{office.keys[ADA]}{end}", home / ".ssh" / f"id_rsa{end}")
    environ = office.environ | {"HOME": str(home)}
    assert office.sign(office.close(), key=None, environ=environ).signoff.by == ADA


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        ("nothing", "there is no key to sign with; pass --key"),
        ("stranger", "none of the 1 keys that you hold is in allowed_signers"),
        ("missing", "which is no file"),
        ("passphrase", "did not sign"),
        ("garbage", "did not sign"),
    ],
)
def test_without_a_key_one_line_says_what_to_do(office: Office, arrange: str, said: str) -> None:
    """Nothing is written, and what was not a key is not quoted."""
    key, environ, record = None, office.environ, office.close()
    if arrange == "stranger":
        (office.root / "nowhere" / ".ssh").mkdir(parents=True)
        make_key(office.root / "nowhere" / ".ssh" / "id_ed25519")
    elif arrange == "missing":
        key = office.root / "none"
    elif arrange == "passphrase":
        key = make_key(office.root / "locked", "a long passphrase")
    elif arrange == "garbage":
        key = office.root / "garbage"
        key.write_text("hunter2 hunter2", encoding="utf-8")
        key.chmod(0o600)
    with pytest.raises(GonogoError, match=said) as refused:
        office.sign(record, key=key, environ=environ)
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert set(content_of(record)) == OTHER_FILES


def test_without_ssh_keygen_one_line_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked or written."""
    record = office.close()
    monkeypatch.setenv("PATH", str(office.root / "nowhere"))
    with pytest.raises(SigningError, match="ssh-keygen is not installed") as refused:
        office.sign(record)
    assert "\n" not in str(refused.value)


def test_without_allowed_signers_one_line_says_so(office: Office) -> None:
    """It names the file and the page that shows how to write one."""
    office.allowed.unlink()
    with pytest.raises(SigningError, match=r"no file .*allowed_signers.*docs/sign-off\.md"):
        office.sign(office.close())


def test_temporary_files_are_closed_to_others_and_go(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ssh-keygen is given lies in a directory of mode 0700, in files of mode 0600."""
    scratch = office.root / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    modes: set[int] = set()
    run = subprocess.run

    def watched(words: list[str], **options: Any) -> Any:
        for path in scratch.rglob("*"):
            modes.add(stat.S_IMODE(path.stat().st_mode))
        return run(words, **options)

    monkeypatch.setattr(subprocess, "run", watched)
    before = os.umask(0)
    try:
        office.sign(office.close())
    finally:
        os.umask(before)
    assert modes == {0o700, 0o600}
    assert list(scratch.iterdir()) == []


def test_a_directory_that_cannot_be_written_leaves_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills is one line, and no half sign-off is there."""
    record = office.close()

    def refuse(path: Path, content: bytes) -> None:
        del content
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("gonogo.signing.sign.write_whole", refuse)
    with pytest.raises(GonogoError, match=r"cannot be written: No space left"):
        office.sign(record)
    assert set(content_of(record)) == OTHER_FILES


def test_a_sign_off_that_was_cut_short_does_not_stand_in_the_way(office: Office) -> None:
    """A signature without its sign-off is replaced by the next one."""
    record = office.close()
    (record / "signoff-1.json.sig").write_text("half", encoding="utf-8")
    office.sign(record)
    (check,) = check_signoffs(open_closed(record), office.allowed)
    assert check.problems == ()
