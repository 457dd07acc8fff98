"""docs/record.schema.json: what others may rely on, whole and true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gonogo.model.kinds import Environment, Kind
from gonogo.model.record import Record
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import written
from gonogo.record.schema import record_schema
from gonogo.report.index import RecordPages
from record_examples import EXAMPLES, START, gate
from record_schema import SCHEMA_FILE, faults, schema

Json = dict[str, Any]
# A key, and what it may not hold.
WRONG: dict[str, object] = {
    "kind": "game",
    "state": "done",
    "started_at": "yesterday",
    "score": {"points": "all", "measured": 100, "band": "Excellent", "parts": []},
    "findings": [{"metric": "a"}],
    "timeline": [{"at": "2026-11-23T14:15:00Z", "kind": 5, "title": "", "note": ""}],
    "previous": {"record": "20261123T141500Z_GO", "sha256": "4a", "files_sha256": ""},
    "provenance": {"Database": 5},
}


def test_it_is_a_schema_of_2020_12() -> None:
    """By the standard's own judge."""
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_property_is_described() -> None:
    """Wherever a property or a definition stands, there is a sentence beside it."""
    undescribed = [
        path
        for path, node in _nodes(schema(), "$")
        if not node.get("description") and not path.endswith((".items", ".additionalProperties"))
    ]
    # What a step proves is whatever JSON holds.
    assert undescribed == ["$.$defs.Json"]


def test_no_part_lets_unknown_keys_pass() -> None:
    """Every object either names its keys, or says what all of its values are."""
    open_ended = [
        path
        for path, node in _nodes(schema(), "$")
        if node.get("type") == "object" and "additionalProperties" not in node
    ]
    assert open_ended == []


@pytest.mark.parametrize("label", sorted(EXAMPLES))
def test_every_kind_of_record_fits(label: str, tmp_path: Path, pages: RecordPages) -> None:
    """As the archive closes it."""
    record = EXAMPLES[label]()
    directory = RunningRecord.open(tmp_path, record).finish(record, label, pages)
    assert faults(json.loads((directory / "record.json").read_bytes())) == []


def test_what_a_killed_run_leaves_fits(tmp_path: Path) -> None:
    """The header alone."""
    header = Record(
        kind=Kind.GATE,
        title="Staging gate, 48 h",
        environment=Environment.STAGING,
        started_at=START,
        expected=("criterion:a",),
    )
    running = RunningRecord.open(tmp_path, header)
    running.abandon()
    assert faults(json.loads((running.directory / "record.json").read_bytes())) == []


@pytest.mark.parametrize("key", WRONG)
def test_what_is_wrong_is_found(key: str) -> None:
    """A word that is none of ours, a lacking key, a figure out of its range: each is named."""
    document = json.loads(written(gate())) | {key: WRONG[key]}
    assert any(fault.startswith(f"$.{key}") for fault in faults(document))


def test_an_unknown_key_is_found() -> None:
    """Whatever is written must be described first."""
    assert faults(json.loads(written(gate())) | {"surprise": 1})


def test_the_published_schema_is_made_from_the_types() -> None:
    """Whoever changes a part of a record runs ``gonogo schema`` again."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == record_schema()


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema within a schema; the branches of a choice are described by the choice."""
    yield path, node
    for keyword in ("properties", "$defs"):
        for name, below in node.get(keyword, {}).items():
            yield from _nodes(below, f"{path}.{keyword}.{name}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(below := node.get(keyword), dict):
            yield from _nodes(below, f"{path}.{keyword}")
