"""Who can write the archive, and not sign: each way past the door, tried with real keys.

An attack returns what ``--staging-record`` names, or None.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SigningError
from gonogo.model.kinds import Kind
from gonogo.model.step import Subject
from gonogo.record.canonical import (
    CHAIN,
    FILES,
    RECORD_FILE,
    Anchor,
    heads,
    read_record,
    write_manifest,
    written,
)
from gonogo.report.html import attestation, render
from gonogo.report.index import RecordPages
from gonogo.signing.permission import find_permission
from record_examples import provenance
from signers import ADA, BOB, SUBJECT, TEMPLATES, Office, public, verdict

pytestmark = pytest.mark.ssh
Attack = Callable[[Office], Path | None]


def later(seconds: int = 5) -> datetime:
    """A moment after every record that was closed so far."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def chain_of(office: Office) -> Path:
    """The chain of staging."""
    return office.archive / "staging" / CHAIN


def signed(office: Office, **changes: Any) -> Path:
    """A record that Ada signed "go"."""
    record = office.close(**changes)
    office.sign(record)
    return record


def refused(office: Office, **asked: Any) -> str:
    """Why nothing is let in."""
    with pytest.raises(SigningError) as error:
        find_permission(office.archive, office.asked(**asked))
    assert "\n" not in str(error.value)
    return error.value.problem


def let_in(office: Office, **asked: Any) -> bool:
    """Whether it is let in; an error otherwise."""
    return bool(find_permission(office.archive, office.asked(**asked)))


def removed(office: Office) -> Path | None:
    """The sign-off that took the "go" back is removed."""
    record = signed(office)
    office.sign(record, by=BOB, decision="no-go")
    for file in record.glob("signoff-2*"):
        file.unlink()
    return None


def renamed(office: Office) -> Path | None:
    """The same is hidden under another name."""
    record = signed(office)
    office.sign(record, by=BOB, decision="no-go")
    for file in record.glob("signoff-2*"):
        file.rename(file.with_name(f".{file.name}"))
    return None


def behind_a_link(office: Office) -> Path | None:
    """A symbolic link leads to a copy of the record from before it was revoked."""
    record = signed(office)
    copied = office.root / "elsewhere" / record.name
    shutil.copytree(record, copied)
    office.sign(record, by=BOB, decision="no-go")
    shutil.rmtree(record)
    record.symlink_to(copied)
    return None


def behind_a_link_that_is_named(office: Office) -> Path | None:
    """The command line resolves what it is given."""
    behind_a_link(office)
    return next((office.archive / "staging").glob("*_GO")).resolve()


def copied_record(office: Office) -> Path | None:
    """A copy of the record from before it was revoked is named."""
    record = signed(office)
    copied = office.root / "elsewhere" / record.name
    shutil.copytree(record, copied)
    office.sign(record, by=BOB, decision="no-go")
    return copied


def copied_archive(office: Office) -> Path | None:
    """A copy of the whole archive from before it was revoked is named."""
    record = signed(office)
    shutil.copytree(office.archive, office.root / "copy")
    office.sign(record, by=BOB, decision="no-go")
    return office.root / "copy" / "staging" / record.name


def copied_within(office: Office) -> Path | None:
    """The same copy lies within the archive, as an environment of its own."""
    record = signed(office)
    shutil.copytree(office.archive / "staging", office.archive / "qa")
    office.sign(record, by=BOB, decision="no-go")
    return office.archive / "qa" / record.name


def rewritten(office: Office, said: str = "ROLLBACK") -> Path | None:
    """A later ROLLBACK says HOLD, and every hash is redone, the chain's too."""
    signed(office)
    worse = office.close("ROLLBACK", verdict=verdict("ROLLBACK"), started_at=later())
    before = sha256((worse / FILES).read_bytes()).hexdigest()
    mild = worse.rename(worse.with_name(worse.name.replace("ROLLBACK", said)))
    record = read_record(mild).having(verdict=verdict("HOLD"), name=mild.name)
    pages = {
        RECORD_FILE: written(record),
        "record.html": render(record, TEMPLATES).encode(),
        "attestation.json": attestation(record) or b"",
        "signatures.html": RecordPages(TEMPLATES).signatures(record).encode(),
    }
    for name, content in pages.items():
        (mild / name).write_bytes(content)
    manifest = write_manifest(mild)
    text = chain_of(office).read_text(encoding="utf-8").replace(before, manifest)
    chain_of(office).write_text(text.replace(worse.name, mild.name), encoding="utf-8")
    return None


def without_chain(office: Office) -> Path | None:
    """What lists the records is removed."""
    signed(office)
    chain_of(office).unlink()
    return None


def truncated(office: Office) -> Path | None:
    """The newest record is removed with its line of the chain, and a sign-off came after it."""
    signed(office)
    worse = office.close("NO-GO", verdict=verdict("NO-GO"), started_at=later())
    office.sign(office.close(environment="production"), decision="reviewed")
    cut(office, worse)
    return None


def cut(office: Office, record: Path) -> None:
    """Remove a record and its lines of the chain."""
    shutil.rmtree(record)
    lines = chain_of(office).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in lines if record.name not in line)
    chain_of(office).write_text(kept, encoding="utf-8")


def other_environment(office: Office) -> Path | None:
    """A record of production was changed: `verify_record --all` rejects that as well."""
    record = office.close("DEPLOYED", "production", kind=Kind.DEPLOYMENT, verdict=None)
    signed(office)
    with (record / "record.html").open("ab") as page:
        page.write(b" ")
    return None


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (removed, "signoff-2.json is missing"),
        (renamed, "signoff-2.json is missing"),
        (behind_a_link, "it is a symbolic link"),
        (behind_a_link_that_is_named, "it lies in elsewhere/, not in staging/"),
        (copied_record, "a copy of one record alone does not show what was decided since"),
        (copied_archive, "the archive .* knows 3 lines of chain.sha256, and there are fewer"),
        (copied_within, "it lies in qa/, not in staging/"),
        (rewritten, "a later gate of staging says ROLLBACK"),
        (without_chain, "staging/chain.sha256 is missing"),
        (truncated, "signoff-1.json of .* knows 3 lines of chain.sha256, and there are fewer"),
        (other_environment, "_DEPLOYED: record.html was changed"),
    ],
)
def test_who_can_write_the_archive_alone_gets_nothing_in(
    office: Office, attack: Attack, said: str
) -> None:
    """One line says what is wrong."""
    named = attack(office)
    with pytest.raises(SigningError, match=said):
        find_permission(office.archive, office.asked(), named)


def renamed_verdict(office: Office) -> None:
    """A later ROLLBACK is called HOLD in its file, its name and the chain."""
    rewritten(office, "HOLD")


def newest_removed(office: Office) -> None:
    """The newest record is removed with its line, and nothing in the archive came after it."""
    signed(office)
    cut(office, office.close("NO-GO", verdict=verdict("NO-GO"), started_at=later()))


@pytest.mark.parametrize("attack", [renamed_verdict, newest_removed])
def test_what_the_archive_cannot_show_is_shown_by_a_head_that_is_kept_elsewhere(
    office: Office, attack: Callable[[Office], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one it goes unseen: docs/sign-off.md says so."""
    kept: list[Anchor] = []
    real = office.close

    def close(self: Office, *words: str, **changes: Any) -> Path:
        record = real(*words, **changes)
        known = heads(self.archive)
        kept[:] = [Anchor("deployment 7", one, head) for one, head in known.items()]
        return record

    monkeypatch.setattr(Office, "close", close)
    attack(office)
    assert let_in(office)
    assert "deployment 7 knows 3 lines of chain.sha256" in refused(office, anchors=kept)


def test_one_person_with_two_keys_is_one_person(office: Office) -> None:
    """Two people are asked for: a second name of a key, or a second sign-off, makes no second."""
    record = signed(office)
    line = f"Alias {public(office.keys[ADA])}\n"
    with office.allowed.open("a", encoding="utf-8") as file:
        file.write(line)
    two = {"rules": {"signers": 2}}
    said = '1 of the 2 people that rollout.toml asks for signed "go"'
    assert said in refused(office, **two)
    office.sign(record, by="Alias", key=office.keys[ADA])
    assert said in refused(office, **two)
    office.sign(record, by=BOB)
    assert let_in(office, **two)


def test_go_is_counted_anew_after_somebody_took_it_back(office: Office) -> None:
    """What was said before does not count."""
    record = signed(office)
    office.sign(record, by=BOB, decision="no-go")
    office.sign(record)
    assert "1 of the 2 people" in refused(office, rules={"signers": 2})


@pytest.mark.parametrize("deployer", [ADA, "ada", "ADA", "deployer-of-ada"])
def test_who_signs_does_not_deploy(office: Office, deployer: str) -> None:
    """By name, by what is before its @, or by another name of the same key."""
    signed(office)
    with office.allowed.open("a", encoding="utf-8") as file:
        file.write(f"deployer-of-ada {public(office.keys[ADA])}\n")
    assert let_in(office, deployer=deployer)
    rules = {"signer_is_not_deployer": True}
    assert "that takes two people" in refused(office, deployer=deployer, rules=rules)
    assert let_in(office, deployer="bob", rules=rules)


def test_a_go_grows_old(office: Office) -> None:
    """By its record, whenever it was signed."""
    old = datetime.now(UTC) - timedelta(days=8)
    signed(office, started_at=old, finished_at=old)
    assert "it is 8 d old, and a GO is valid for 7 d" in refused(office)
    assert let_in(office, rules={"go_valid_days": 9})


def test_another_minor_version_judges_otherwise(office: Office) -> None:
    """One clear line; a record without a version as well."""
    signed(office, gonogo="0.0.9")
    assert "gonogo 0.0.9 judged it, and this is" in refused(office)


@pytest.mark.parametrize(
    ("pin", "right", "said"),
    [
        ("system_identifier", "7300000000000000001", "its system identifier is"),
        ("database", "app", "its database is"),
        ("base_url", "https://staging.example.com", "its address is"),
    ],
)
def test_a_record_of_another_staging_lets_nothing_in(
    office: Office, pin: str, right: str, said: str
) -> None:
    """Where rollout.toml pins server, database or address."""
    judged = provenance(
        subject=Subject(deployment="1", migrations={}, **SUBJECT),
        base_url="https://staging.example.com/",
    )
    signed(office, provenance=judged)
    assert judged.database
    known = {"system_identifier": judged.database.system_identifier}
    known["database"] = judged.database.database
    assert let_in(office, pinned={pin: known.get(pin, right)})
    assert said in refused(office, pinned={pin: "other"})
