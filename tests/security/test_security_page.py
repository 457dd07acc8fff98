"""SECURITY.md: what it promises is proved by tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promises import is_there

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[name for _, name in TESTS])
def test_a_promise_names_a_test_that_is_there(file: str, name: str) -> None:
    """No promise outlives its proof."""
    assert is_there(file, name)


def test_every_promise_names_its_test() -> None:
    """A row of the table without a test is no promise."""
    table = PAGE.partition("## What is promised")[2].partition("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(TESTS)
