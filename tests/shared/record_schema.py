"""docs/record.schema.json as a judge of records."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "record.schema.json"


def _is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


FORMATS = FormatChecker(())
FORMATS.checks("date-time", raises=ValueError)(_is_moment)


@cache
def schema() -> dict[str, Any]:
    """The published schema."""
    told: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return told


def faults(document: object) -> list[str]:
    """What the schema finds wrong with a record: where, and what; nothing for a right one."""
    judge = Draft202012Validator(schema(), format_checker=FORMATS)
    return [f"{error.json_path}: {error.message[:200]}" for error in judge.iter_errors(document)]
