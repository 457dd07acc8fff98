"""The published schemas of a record and of its attestation, as judges."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "record.schema.json"
SUMMARY_FILE = Path(__file__).with_name("verification_summary.schema.json")


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


def statement_faults(document: object) -> list[str]:
    """What in-toto's and SLSA's specifications find wrong with an attestation."""
    judge = Draft202012Validator(json.loads(SUMMARY_FILE.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message[:200]}" for error in judge.iter_errors(document)]
