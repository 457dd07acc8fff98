"""Further ways past the door: odd files, odd names, other records, other machines."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.errors import SigningError
from gonogo.record.canonical import CHAIN, Anchor, heads
from gonogo.signing.permission import find_permission
from signers import ADA, BOB, EVE, Office, public, verdict

pytestmark = pytest.mark.ssh
Forgery = Callable[[Office], Path | None]


def signed(office: Office) -> Path:
    """A record that Ada signed "go"."""
    record = office.close()
    office.sign(record)
    return record


def worse(office: Office) -> Path:
    """A later NO-GO of staging."""
    moment = datetime.now(UTC) + timedelta(seconds=5)
    return office.close("NO-GO", verdict=verdict("NO-GO"), started_at=moment)


def chain_of(office: Office) -> Path:
    """The chain of staging."""
    return office.archive / "staging" / CHAIN


def earlier_by_name(office: Office) -> Path | None:
    """The lines of the chain are turned, so that the NO-GO came first."""
    signed(office)
    worse(office)
    *first, last = chain_of(office).read_text(encoding="utf-8").splitlines(keepends=True)
    chain_of(office).write_text("".join([last, *first]), encoding="utf-8")
    return None


def a_pipe(office: Office) -> Path | None:
    """The NO-GO's record is a pipe, which says something else to each reader, or nothing at all."""
    signed(office)
    record = worse(office)
    (record / "record.json").unlink()
    os.mkfifo(record / "record.json")
    return None


def a_pipe_for_a_chain(office: Office) -> Path | None:
    """So is the chain."""
    signed(office)
    worse(office)
    chain_of(office).unlink()
    os.mkfifo(chain_of(office))
    return None


def a_file_for_a_record(office: Office) -> Path | None:
    """A file stands in the NO-GO's place, so that a name is there and no directory."""
    signed(office)
    record = worse(office)
    shutil.rmtree(record)
    record.write_text("", encoding="utf-8")
    return None


def called_unchanged(office: Office) -> Path | None:
    """The NO-GO is called UNCHANGED, in its name and in the chain: what changed nothing."""
    signed(office)
    record = worse(office)
    mild = record.name.replace("NO-GO", "UNCHANGED")
    text = chain_of(office).read_text(encoding="utf-8")
    chain_of(office).write_text(text.replace(record.name, mild), encoding="utf-8")
    record.rename(record.with_name(mild))
    return None


def of_another_record(office: Office) -> Path | None:
    """The sign-off of a good record lies beside a newer one that nobody signed."""
    good = signed(office)
    moment = datetime.now(UTC) + timedelta(seconds=5)
    newer = office.close(started_at=moment)
    for file in good.glob("signoff-*"):
        shutil.copyfile(file, newer / file.name)
    return None


def of_production(office: Office) -> Path | None:
    """A record of production, signed, is moved to staging with its line of the chain."""
    record = office.close(environment="production")
    office.sign(record)
    (office.archive / "production").rename(office.archive / "staging")
    return None


def by_hand(office: Office) -> Path | None:
    """Eve signs with a key of her own, in Ada's name."""
    record = office.close()
    office.sign(record, decision="no-go")
    file = record / "signoff-1.json"
    file.write_bytes(file.read_bytes().replace(b'"no-go"', b'"go"', 1))
    signature = office.root / "message"
    signature.write_bytes(file.read_bytes())
    words = [
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-n",
        "gonogo",
        "-f",
        str(office.keys[EVE]),
        str(signature),
    ]
    subprocess.run(words, check=True)
    shutil.copyfile(f"{signature}.sig", f"{file}.sig")
    return None


def said_of_a_later_one(office: Office) -> Path | None:
    """Bob said no-go on a later look at the same soak; the earlier one is named."""
    record = signed(office)
    moment = datetime.now(UTC) + timedelta(seconds=5)
    office.sign(office.close(started_at=moment), by=BOB, decision="no-go")
    return record


def hidden_names(office: Office) -> Path | None:
    """The NO-GO lies on under a name that is no record's, and an empty one in its place."""
    signed(office)
    record = worse(office)
    record.rename(record.with_name(f".{record.name}"))
    record.mkdir()
    return None


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (earlier_by_name, "names .* before it, and none is listed so"),
        (a_pipe, "record.json is no plain file|record.json cannot be read"),
        (a_pipe_for_a_chain, "staging/chain.sha256 is missing or cannot be read"),
        (a_file_for_a_record, "a later gate of staging says NO-GO: .*_NO-GO is missing"),
        (called_unchanged, "the directory is called UNCHANGED, but the record says NO-GO"),
        (of_another_record, "signoff-1.json: it is of the record"),
        (of_production, "it lies in staging, but is a record of production"),
        (by_hand, "signoff-1.json.sig: "),
        (said_of_a_later_one, 'Bob Builder signed "no-go" on a later record'),
        (hidden_names, "record.json cannot be read"),
    ],
)
@pytest.mark.timeout(60)
def test_a_forgery_is_refused(office: Office, forge: Forgery, said: str) -> None:
    """And says what is wrong, in one line."""
    named = forge(office)
    with pytest.raises(SigningError, match=said) as refused:
        find_permission(office.archive, office.asked(), named)
    assert "\n" not in str(refused.value)


def test_an_old_copy_is_missed_where_the_archive_was_removed(office: Office) -> None:
    """Production's ledger knows the chain of staging, whatever is left of the archive."""
    record = signed(office)
    shutil.copytree(office.archive, office.root / "copy")
    office.sign(record, by=BOB, decision="no-go")
    kept = [Anchor("deployment 7", one, head) for one, head in heads(office.archive).items()]
    copied = office.root / "copy" / "staging" / record.name
    shutil.rmtree(office.archive / "staging")
    with pytest.raises(SigningError, match="deployment 7 knows 3 lines"):
        find_permission(office.archive, office.asked(anchors=kept), copied)
    shutil.rmtree(office.archive)
    with pytest.raises(SigningError, match="deployment 7 knows 3 lines"):
        find_permission(office.archive, office.asked(anchors=kept), copied)


@pytest.mark.parametrize("names", ["*@example.com", "ada@example.com,Ada@Example.com"])
def test_a_pattern_makes_no_second_person(office: Office, names: str) -> None:
    """One key signs under two names that a line of allowed_signers allows it."""
    office.allowed.write_text(f"{names} {public(office.keys[ADA])}\n", encoding="utf-8")
    record = signed(office)
    other = "carol@example.com" if "*" in names else "Ada@Example.com"
    office.sign(record, by=other, key=office.keys[ADA])
    said = "1 of the 2 people that rollout.toml asks for"
    with pytest.raises(SigningError, match=said):
        find_permission(office.archive, office.asked(rules={"signers": 2}))


def test_two_keys_of_one_name_are_one_person(office: Office) -> None:
    """Whatever the case of the name."""
    with office.allowed.open("a", encoding="utf-8") as file:
        file.write(f"ADA@example.com {public(office.keys[EVE])}\n")
    record = signed(office)
    office.sign(record, by="ADA@example.com", key=office.keys[EVE])
    with pytest.raises(SigningError, match="1 of the 2 people"):
        find_permission(office.archive, office.asked(rules={"signers": 2}))


def test_a_deployer_whose_key_a_pattern_covers_is_still_the_signer(office: Office) -> None:
    """Named by the address that the pattern allows."""
    office.allowed.write_text(f"*@example.com {public(office.keys[ADA])}\n", encoding="utf-8")
    signed(office)
    rules = {"signer_is_not_deployer": True}
    with pytest.raises(SigningError, match="that takes two people"):
        find_permission(office.archive, office.asked(rules=rules, deployer="carol@example.com"))
