"""The JSON schema of a record, made from the types that are the record."""

from __future__ import annotations

import json
import re

from pydantic import JsonValue

from gonogo.model.record import SCHEMA, Record

Node = dict[str, JsonValue]
STATE = Record.model_fields["state"].description
ARGUMENT = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def record_schema() -> str:
    """``docs/record.schema.json``: JSON Schema 2020-12, every property with its description."""
    made: Node = Record.model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": SCHEMA,
    }
    schema = {**head, **_plain(made)}
    # What pydantic leaves out where a field refers to a type and has a default.
    _dict(_dict(schema["properties"])["state"])["description"] = STATE
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _dict(node: JsonValue) -> Node:
    if not isinstance(node, dict):
        raise TypeError("a schema's property is an object")
    return node


def _plain(node: Node) -> Node:
    """A schema without the titles and defaults that pydantic adds, described throughout."""
    description = node.get("description")
    text = description if isinstance(description, str) else ""
    described = dict(ARGUMENT.findall(text))
    plain: Node = {
        key: _below(key, value, described)
        for key, value in node.items()
        if key not in {"title", "default"}
    }
    if text:
        plain["description"] = " ".join(text.partition("\n\n")[0].split())
    return plain


def _below(key: str, value: JsonValue, described: dict[str, str]) -> JsonValue:
    if isinstance(value, list):
        return [_plain(one) if isinstance(one, dict) else one for one in value]
    if not isinstance(value, dict):
        return value
    if key not in {"properties", "$defs"}:
        return _plain(value)
    return {
        name: {"description": " ".join(described[name].split()), **_plain(one)}
        if name in described
        else _plain(one)
        for name, one in value.items()
        if isinstance(one, dict)
    }
