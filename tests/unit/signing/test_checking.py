"""A sign-off held against its record and the sign-off before it: what contradicts them is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SigningError
from gonogo.model.kinds import Decision
from gonogo.record.canonical import signoff_numbers
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.signoffs import Checked, Link, SignOff, check_signoffs, contradictions, strays
from record_examples import gate
from signers import ADA, BOB, Office

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
HASH, OTHER = "4a" * 32, "5b" * 32
CLOSED = Closed(
    Path("archive/staging/20261123T120000Z_GO"),
    gate(finished_at=NOON),
    {"record.json": HASH, "record.html": HASH},
)


def signoff(**changes: Any) -> SignOff:
    """The first sign-off of `CLOSED`, made when that was closed."""
    known: dict[str, Any] = {
        "number": 1,
        "record": CLOSED.name,
        "environment": "staging",
        "verdict": "GO",
        "decision": Decision.GO,
        "target": "production",
        "by": ADA,
        "signed_at": NOON,
        "attested": (),
        "override": None,
        "files": dict(CLOSED.hashes),
        "previous": None,
    }
    return SignOff(**known | changes)


def first(**changes: Any) -> Checked:
    """The same, read and verified."""
    return Checked(1, signoff(**changes), sha256=HASH, signature_sha256=OTHER)


def second(**changes: Any) -> SignOff:
    """The one after it."""
    link = Link(file="signoff-1.json", sha256=HASH, signature_sha256=OTHER)
    return signoff(number=2, previous=link, **changes)


def wrong(made: SignOff, before: Checked | None = None, number: int | None = None) -> list[str]:
    """What is wrong with a sign-off."""
    return list(contradictions(CLOSED, made, number or made.number, before))


def test_what_is_so_is_not_contradicted() -> None:
    """The first sign-off, and the second that names it."""
    assert wrong(signoff()) == []
    assert wrong(second(), first()) == []


def test_its_number_is_that_of_its_name() -> None:
    """A copy under another name is found."""
    assert wrong(signoff(), number=3) == ["it says that it is number 1"]


def test_it_is_of_the_record_that_it_lies_in() -> None:
    """By the record's name."""
    found = wrong(signoff(record="20261122T120000Z_GO"))
    assert found == ["it is of the record 20261122T120000Z_GO"]


def test_it_is_of_the_environment_of_its_record() -> None:
    """The record names the environment."""
    assert wrong(signoff(environment="production")) == ["it is of a record of production"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"record.json": HASH, "record.html": OTHER}, "record.html was changed"),
        ({"record.json": HASH}, "record.html was added"),
        ({**CLOSED.hashes, "junit.xml": HASH}, "junit.xml is missing"),
    ],
)
def test_each_file_is_what_it_was_when_it_was_signed(files: dict[str, str], said: str) -> None:
    """Changed, added or missing: it is named."""
    assert wrong(signoff(files=files)) == [f"{said} since it was signed"]


def test_every_file_that_differs_is_named() -> None:
    """In the order of their names."""
    found = wrong(signoff(files={"z.txt": HASH, "record.json": OTHER, "record.html": HASH}))
    assert [one.partition(" ")[0] for one in found] == ["record.json", "z.txt"]


@pytest.mark.parametrize(
    "link",
    [
        None,
        Link(file="signoff-2.json", sha256=HASH, signature_sha256=OTHER),
        Link(file="signoff-1.json", sha256=OTHER, signature_sha256=OTHER),
        Link(file="signoff-1.json", sha256=HASH, signature_sha256=HASH),
    ],
)
def test_it_names_the_sign_off_before_it_by_both_hashes(link: Link | None) -> None:
    """Its file, its sha256, and that of its signature."""
    (found,) = wrong(signoff(number=2, previous=link), first())
    assert found.startswith("it does not name the sign-off before it")


def test_the_first_sign_off_names_none() -> None:
    """One that does had one before it, which was removed."""
    (found,) = wrong(second())
    assert "one was changed or removed" in found


def test_it_was_not_signed_before_the_record_was_closed() -> None:
    """Two clocks may differ by five minutes."""
    assert wrong(signoff(signed_at=NOON - TOLERANCE)) == []
    (found,) = wrong(signoff(signed_at=NOON - TOLERANCE - SECOND))
    assert found == "it was signed at 2026-11-23 11:54:59Z, before the record was closed"


def test_it_was_not_signed_before_the_sign_off_before_it() -> None:
    """Within the same five minutes."""
    before = first(signed_at=NOON + 2 * TOLERANCE)
    assert wrong(second(signed_at=NOON + TOLERANCE), before) == []
    (found,) = wrong(second(signed_at=NOON + TOLERANCE - SECOND), before)
    assert found == "it was signed at 2026-11-23 12:04:59Z, before the sign-off before it"


def test_it_was_not_signed_in_the_future() -> None:
    """Within the same five minutes of now."""
    now = datetime.now(UTC)
    assert wrong(signoff(signed_at=now + TOLERANCE)) == []
    (found,) = wrong(signoff(signed_at=now + TOLERANCE + timedelta(minutes=1)))
    assert found.endswith("which is yet to come")


def test_a_record_that_does_not_say_when_it_was_closed_contradicts_no_moment() -> None:
    """Such a record is damaged, which another check finds."""
    damaged = Closed(CLOSED.directory, gate(finished_at=None), CLOSED.hashes)
    early = signoff(signed_at=NOON - 2 * TOLERANCE)
    assert list(contradictions(damaged, early, 1, None)) == []


def test_a_sign_off_before_it_that_cannot_be_read_sets_no_moment() -> None:
    """It is a problem of its own."""
    damaged = Checked(1, None, ("signoff-1.json is no JSON",), "", HASH, OTHER)
    assert wrong(second(), damaged) == []


def test_the_numbers_are_those_of_the_sign_offs(tmp_path: Path) -> None:
    """Not of signatures, nor of what is called otherwise."""
    for name in ("signoff-1.json", "signoff-12.json", "signoff-3.json.sig"):
        (tmp_path / name).touch()
    for name in ("signoff-0.json", "signoff-4.json.bak", "signoff-.json", "xsignoff-5.json"):
        (tmp_path / name).touch()
    assert signoff_numbers(tmp_path) == {1, 12}


def test_a_signature_without_its_sign_off_is_told(tmp_path: Path) -> None:
    """Each by its name, in their order; one beside its sign-off is not."""
    for name in ("signoff-1.json", "signoff-1.json.sig", "signoff-3.json.sig"):
        (tmp_path / name).touch()
    (tmp_path / "signoff-2.json.sig").touch()
    assert list(strays(tmp_path)) == [
        "signoff-2.json.sig stands there without its sign-off",
        "signoff-3.json.sig stands there without its sign-off",
    ]


def test_each_sign_off_is_read_and_verified_in_order(office: Office) -> None:
    """Each names its signer and the key."""
    record = office.close()
    office.sign(record)
    office.sign(record, by=BOB, decision="no-go")
    checked = check_signoffs(open_closed(record), office.allowed)
    told = [(one.name, one.signoff and one.signoff.by, one.fingerprint) for one in checked]
    assert told == [
        ("signoff-1.json", ADA, f"SHA256:of-{ADA}"),
        ("signoff-2.json", BOB, f"SHA256:of-{BOB}"),
    ]
    assert [one.problems for one in checked] == [(), ()]


def test_a_record_that_nobody_signed_has_no_sign_offs(office: Office) -> None:
    """The list of signers is not needed then."""
    assert check_signoffs(open_closed(office.close()), office.root / "none") == ()


def test_without_a_list_of_signers_nothing_is_verified(office: Office) -> None:
    """It is refused, rather than called unsigned."""
    record = office.close()
    office.sign(record)
    with pytest.raises(SigningError, match="there is no file"):
        check_signoffs(open_closed(record), office.root / "none")


def test_a_sign_off_that_is_missing_between_others_is_told(office: Office) -> None:
    """Also by the one after it, which names it."""
    record = office.close()
    office.sign(record)
    office.sign(record, by=BOB)
    (record / "signoff-1.json").unlink()
    missing, after = check_signoffs(open_closed(record), office.allowed)
    assert missing.problems == ("signoff-1.json is missing or cannot be read",)
    assert "does not name the sign-off before it" in after.problems[0]


def test_a_sign_off_that_cannot_be_read_says_why(office: Office) -> None:
    """Its file is named; nothing of it counts."""
    record = office.close()
    office.sign(record)
    (record / "signoff-1.json").write_bytes(b"{")
    (check,) = check_signoffs(open_closed(record), office.allowed)
    assert (check.signoff, check.fingerprint) == (None, "")
    assert check.problems == ("signoff-1.json is no JSON, or is cut short",)


def test_a_signature_that_is_missing_is_told(office: Office) -> None:
    """No key is named then."""
    record = office.close()
    office.sign(record)
    (record / "signoff-1.json.sig").unlink()
    (check,) = check_signoffs(open_closed(record), office.allowed)
    assert check.problems == ("signoff-1.json.sig is missing or cannot be read",)
    assert check.fingerprint == ""


def test_a_signature_of_somebody_else_is_told(office: Office) -> None:
    """No key is named then."""
    record = office.close()
    office.sign(record)
    office.allowed.write_text(f"{BOB}\n", encoding="utf-8")
    (check,) = check_signoffs(open_closed(record), office.allowed)
    assert check.problems == (f"signoff-1.json.sig: it is not signed by {ADA}",)
    assert check.fingerprint == ""


@pytest.mark.parametrize("name", ["signoff-1.json", "signoff-1.json.sig"])
def test_a_link_is_no_file_of_a_sign_off(office: Office, name: str) -> None:
    """Whoever can change what it leads to could change what was signed."""
    record = office.close()
    office.sign(record)
    (record / name).rename(office.root / "elsewhere")
    (record / name).symlink_to(office.root / "elsewhere")
    (check,) = check_signoffs(open_closed(record), office.allowed)
    assert check.problems == (f"{name} is missing or cannot be read",)
