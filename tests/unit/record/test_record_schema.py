"""docs/record.schema.json: what others may rely on, whole and true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gonogo.record import schema as defaults
from gonogo.record.archive import RunningRecord
from record_examples import EXAMPLES, gate
from record_schema import faults, schema

Json = dict[str, Any]
# What is told of each part when a record lacks it, and the part of the schema that describes it.
PARTS = {
    "VERDICT": ("verdict",),
    "WINDOW": ("window",),
    "SCORE": ("score",),
    "FINDING": ("finding",),
    "RECOMMENDATION": ("finding", "recommendation"),
    "MEASUREMENT": ("measurement",),
    "STEP": ("step",),
    "SOAK": ("soak",),
    "EVENT": ("event",),
    "SUMMED": ("summed",),
    "PHASE": ("phase",),
    "ITEM": ("item",),
}
# A key, and what it may not hold.
WRONG: dict[str, object] = {
    "kind": "game",
    "state": "done",
    "started_at": "yesterday",
    "score": {"points": 101, "measured": 100, "band": "Excellent", "parts": []},
    "findings": [{"id": "criterion:a"}],
    "timeline": [{"at": "2026-11-23T14:15:00Z", "kind": "party", "title": "", "note": ""}],
    "previous": {"record": "20261123T141500Z_GO", "sha256": "4a"},
    "facts": {"Database": 5},
}


def test_it_is_a_schema_of_2020_12() -> None:
    """By the standard's own judge."""
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_property_is_described() -> None:
    """Wherever a property, an item or a definition stands, there is a sentence beside it."""
    undescribed = [path for path, node in _nodes(schema(), "$") if not node.get("description")]
    assert undescribed == []


def test_no_part_lets_unknown_keys_pass() -> None:
    """Every object either names its keys, or says what all of its values are."""
    open_ended = [
        path
        for path, node in _nodes(schema(), "$")
        if node.get("type") == "object" and "additionalProperties" not in node
    ]
    # Each step has figures of its own.
    assert open_ended == ["$.$defs.step.properties.evidence"]


@pytest.mark.parametrize("label", sorted(EXAMPLES))
def test_every_kind_of_record_fits(label: str, tmp_path: Path, templates_dir: Path) -> None:
    """As the archive closes it."""
    document = EXAMPLES[label]()
    running = RunningRecord.open(tmp_path, "staging", document)
    directory = running.finish(document, label, templates_dir)
    assert faults(json.loads((directory / "record.json").read_bytes())) == []


def test_what_a_killed_run_leaves_fits(tmp_path: Path) -> None:
    """The header alone."""
    header = {"kind": "gate", "title": "Staging gate, 48 h", "expected": ["criterion:a"]}
    running = RunningRecord.open(tmp_path, "staging", header)
    running.abandon()
    assert faults(json.loads((running.directory / "record.json").read_bytes())) == []


@pytest.mark.parametrize("key", WRONG)
def test_what_is_wrong_is_found(key: str) -> None:
    """A word that is none of ours, a lacking key, a figure out of its range: each is named."""
    document = defaults.with_top_level(gate() | {key: WRONG[key]})
    assert any(fault.startswith(f"$.{key}") for fault in faults(document))


def test_an_unknown_key_is_found() -> None:
    """Whatever is written must be described first."""
    assert faults(defaults.with_top_level(gate() | {"surprise": 1}))


def test_the_renderer_and_the_schema_know_the_same_keys() -> None:
    """What a page may have to do without is what a record may hold, part by part."""
    assert set(defaults.RECORD) == set(schema()["properties"])
    for name, (part, *within) in PARTS.items():
        node = schema()["$defs"][part]
        for key in within:
            node = node["properties"][key]
        assert set(getattr(defaults, name)) == set(node["properties"]), name


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema within a schema; the branches of a choice are described by the choice."""
    yield path, node
    for keyword in ("properties", "$defs"):
        for name, below in node.get(keyword, {}).items():
            yield from _nodes(below, f"{path}.{keyword}.{name}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(below := node.get(keyword), dict):
            yield from _nodes(below, f"{path}.{keyword}")
