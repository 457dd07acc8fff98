"""The canonical form of a record, and what is read of one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import RecordError
from gonogo.model.record import Record
from gonogo.model.step import StepRecord
from gonogo.record.canonical import (
    canonical_json,
    parsed_record,
    read_record,
    sha256_hex,
    written,
)
from record_examples import START

FILE = Path("archive/staging/20261123T141500Z_GO/record.json")


def test_the_order_in_which_a_document_was_put_together_does_not_matter() -> None:
    """Equal documents are equal bytes."""
    one = {"b": [1, {"y": "ä", "x": None}], "a": True}
    other = {"a": True, "b": [1, {"x": None, "y": "ä"}]}
    assert (
        canonical_json(one)
        == canonical_json(other)
        == '{"a":true,"b":[1,{"x":null,"y":"ä"}]}\n'.encode()
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    """A number that is none never reaches a record."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"value": number})


@pytest.mark.parametrize(
    "text", ["nul \x00", "lone \udc80 and \ud83d", 'quote " back \\', "\u2028", "😀"]
)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    """Whatever a database held survives writing and reading, as valid UTF-8."""
    written = canonical_json({"message": text})
    assert json.loads(written.decode()) == {"message": text}


def test_the_hash_is_that_of_sha256sum() -> None:
    """Anyone can check it with a tool of their own."""
    assert (
        sha256_hex(b"abc\n") == "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"
    )


def test_a_record_comes_back_as_it_was(document: Record) -> None:
    """Every kind of it, part by part, and as the same bytes."""
    content = written(document)
    read = parsed_record(content, FILE)
    assert read == document
    assert written(read) == content


def test_a_byte_that_is_no_text_is_spelled_out(go: Record) -> None:
    """A record is JSON that everybody can read."""
    content = written(go.having(title="bad \udc80, good \\udc80"))
    assert parsed_record(content, FILE).title == "bad \\udc80, good \\udc80"


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "of no form": (lambda told: told | {"format": "gonogo.record"}, "'format'"),
    "without its form": (lambda told: told.pop("format") and told, "'format' is missing"),
    "without a part": (lambda told: told.pop("window", 1) and told, "'window' is missing"),
    "with an unknown key": (lambda told: told | {"surprise": 1}, "'surprise'"),
    "with an unknown key inside": (
        lambda told: told | {"window": told["window"] | {"length": 1}},
        "'window.length'",
    ),
    "with a number as text": (lambda told: told | {"gates": "3"}, "'gates'"),
    "with a word that is none of ours": (lambda told: told | {"kind": "game"}, "'kind'"),
    "with a moment of no zone": (
        lambda told: told | {"started_at": "2026-11-23T14:15:00"},
        "'started_at'",
    ),
    "of another age": (lambda told: told | {"started_at": "9999-12-31T23:59:59Z"}, "'started_at'"),
    "with a limit that is none": (
        lambda told: told | {"metrics": {"a": told["metrics"]["sync.executed"] | {"warning": "x"}}},
        "'metrics.a.warning'",
    ),
    "with a number beyond all": (
        lambda told: told | {"measurements": {"a": {"metric": "a", "value": "1e999999999"}}},
        "'measurements.a.value'",
    ),
    "with a finding of no metric": (lambda told: told | {"metrics": {}}, "there is no entry"),
    "whose verdict names no finding": (
        lambda told: told | {"findings": [], "verdict": naming("criterion:a")},
        "'criterion:a', which has no finding",
    ),
    "that is a list": (lambda told: [told], "should be an object"),
}


def naming(check: str) -> dict[str, Any]:
    """A verdict for the reason of one check."""
    reason = {"why": "finding", "subject": check}
    return {"kind": "HOLD", "reasons": [reason], "not_run": [], "warnings": []}


def test_a_record_of_another_form_names_both_forms(go: Record) -> None:
    """It is whole: whoever wrote it can read it."""
    content = json.dumps(json.loads(written(go)) | {"format": "gonogo.record/2"}).encode()
    with pytest.raises(RecordError) as refused:
        parsed_record(content, FILE)
    said = "of form gonogo.record/2; this gonogo reads /3; read it with the gonogo that wrote it"
    assert str(refused.value) == f"20261123T141500Z_GO/record.json: {said}"


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_no_record_is_one_line(name: str, go: Record) -> None:
    """It names the file, the key, and what to do."""
    damage, said = DAMAGE[name]
    content = json.dumps(damage(json.loads(written(go)))).encode()
    with pytest.raises(RecordError) as refused:
        parsed_record(content, FILE)
    told = str(refused.value)
    assert told.startswith("20261123T141500Z_GO/record.json: ")
    assert said in told
    assert "put back the file as it was" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"gates":' + b"9" * 100_000 + b"}",
        b'{"score":{"points":NaN}}',
        b'{"title":"\\ud800"}',
    ],
    ids=["empty", "cut", "no UTF-8", "null", "deep", "deeper", "huge", "NaN", "surrogate"],
)
def test_hostile_json_is_one_line(content: bytes) -> None:
    """Whatever lies there, nothing but one line comes of it."""
    with pytest.raises(RecordError) as refused:
        parsed_record(content, FILE)
    assert "\n" not in str(refused.value)


def test_a_record_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """The file is named, and why."""
    with pytest.raises(RecordError, match=r"record\.json cannot be read: No such file") as refused:
        read_record(tmp_path)
    assert "\n" not in str(refused.value)


def test_evidence_that_is_no_number_never_reaches_a_record(go: Record) -> None:
    """A step's figures are JSON as all else."""
    step = StepRecord("a", "A", "succeeded", START, 1.0, "", {"share": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(go.having(steps=(step,)))
