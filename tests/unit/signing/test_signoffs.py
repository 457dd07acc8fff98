"""A sign-off as its file holds it: what was written is read, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gonogo.model.kinds import Decision, Environment
from gonogo.signing.signoffs import MOST_CHARACTERS, Attestation, Link, SignOff, read, said_at

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HASH = "4a" * 32


def signoff(**changes: Any) -> SignOff:
    """The second sign-off of a record."""
    known: dict[str, Any] = {
        "number": 2,
        "record": "20261123T141500Z_GO",
        "environment": "staging",
        "verdict": "GO",
        "decision": Decision.GO,
        "target": Environment.PRODUCTION,
        "by": "ada@example.com",
        "signed_at": NOON,
        "attested": (Attestation(id="soak.complaints", text="No complaint is open"),),
        "override": None,
        "files": {"record.json": HASH},
        "previous": Link(file="signoff-1.json", sha256=HASH, signature_sha256=HASH),
    }
    return SignOff(**known | changes)


def changed(**changes: Any) -> bytes:
    """The same as bytes, with other values."""
    whole = json.loads(signoff().written()) | changes
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return f"{text}\n".encode()


def test_what_was_written_is_read() -> None:
    """Every field of it."""
    assert read(signoff().written()) == signoff()


def test_its_name_holds_its_number() -> None:
    """The file is called the same."""
    assert signoff(number=12).name == "signoff-12.json"


def test_a_sign_off_without_heads_is_read_in_its_own_form_alone() -> None:
    """It was made before sign-offs held any; one of today that lost them is none."""
    heads = {"heads": {"staging": {"lines": 1, "sha256": HASH}}}
    before = signoff(format="gonogo.signoff/1", **heads)
    assert b"heads" not in before.written()
    assert read(before.written()).heads == {}
    lost = before.written().replace(b"signoff/1", b"signoff/2")
    with pytest.raises(ValueError, match="is not as it was written"):
        read(lost)


@pytest.mark.parametrize(
    "changes",
    [
        {"override": "the board decided"},
        {"decision": "reviewed", "target": None},
        {"verdict": None},
        {"previous": None, "number": 1},
        {"attested": []},
        {"by": "x" * MOST_CHARACTERS},
    ],
)
def test_what_may_be_missing_or_long_is_read(changes: dict[str, Any]) -> None:
    """A reason is optional, as are a target, a verdict, ticked items and a sign-off before it."""
    assert read(changed(**changes)).written() == changed(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "gonogo.signoff/3"}, "format: "),
        ({"number": 0}, "number: "),
        ({"number": "two"}, "number: "),
        ({"record": ""}, "record: "),
        ({"environment": ""}, "environment: "),
        ({"decision": "perhaps"}, "decision: "),
        ({"target": "moon"}, "target: "),
        ({"by": ""}, "by: "),
        ({"by": "x" * (MOST_CHARACTERS + 1)}, "by: "),
        ({"signed_at": "2026-11-23T12:00:00"}, "signed_at: "),
        ({"override": ""}, "override: "),
        ({"files": {"record.json": "short"}}, "files.record.json: "),
        ({"files": {"record.json": HASH.upper()}}, "files.record.json: "),
        ({"previous": {"file": "signoff-1.json", "sha256": HASH}}, "previous.signature_sha256: "),
        ({"attested": [{"id": "a", "text": "A", "state": "open"}]}, "attested.0.state: "),
        ({"more": 1}, "more: "),
    ],
)
def test_what_is_no_sign_off_is_refused_by_its_key(changes: dict[str, Any], said: str) -> None:
    """An unknown form, a wrong value, a key too many or too few: in one line."""
    with pytest.raises(ValueError, match=f"^is no sign-off: {said}") as refused:
        read(changed(**changes))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    """Empty, cut short, no text, or without an end."""
    with pytest.raises(ValueError, match=r"^is no JSON, or is cut short$"):
        read(content)


def test_json_that_is_no_object_is_refused() -> None:
    """A list is refused."""
    with pytest.raises(ValueError, match=r"^is no sign-off: it: "):
        read(b"[]\n")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content + b"\n",
        lambda content: content.replace(b",", b", ", 1),
        lambda content: content[:-1],
        lambda content: content.replace(b':00Z"', b':00+00:00"', 1),
    ],
)
def test_another_spelling_of_the_same_is_refused(spoil: Any) -> None:
    """A signature stands for the bytes."""
    with pytest.raises(ValueError, match=r"^is not as it was written$"):
        read(spoil(signoff().written()))


def test_a_moment_is_said_in_utc() -> None:
    """Whatever zone the signer's clock had."""
    there = NOON.astimezone(timezone(timedelta(hours=2)))
    assert said_at(there) == "2026-11-23 12:00:00Z"
