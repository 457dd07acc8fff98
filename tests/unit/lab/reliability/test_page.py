"""docs/reliability.md: made from what is there, and each promise has its tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gonogo.errors import ConfigError
from lab.reliability.__main__ import PAGE, made
from lab.reliability.faults import load
from lab.reliability.page import promises
from promises import is_there

TESTS = sorted({test for area in promises() for one in area.promise for test in one.tests})
LINK = re.compile(r"\]\(([^)#]+)\)")


def test_the_page_is_current() -> None:
    """Else: ./noxw -s reliability."""
    assert PAGE.read_text(encoding="utf-8") == made()


@pytest.mark.parametrize("test", TESTS, ids=[test.partition("::")[2] for test in TESTS])
def test_a_promise_names_a_test_that_is_there(test: str) -> None:
    """No promise outlives its proof."""
    file, _, name = test.partition("::")
    assert is_there(file, name)


def test_a_test_that_is_not_there_would_be_found() -> None:
    """Neither a file, a function nor a helper counts as one."""
    here = "tests/unit/lab/reliability/test_page.py"
    assert is_there(here, "test_the_page_is_current")
    assert not is_there(here, "test_nothing")
    assert not is_there("tests/unit/lab/reliability/test_nothing.py", "test_the_page_is_current")
    assert not is_there("tests/shared/promises.py", "is_there")


def test_every_planted_fault_stands_on_the_page_with_what_caught_it() -> None:
    """Fault and checks, a row each."""
    rows = [line for line in made().splitlines() if line.startswith("| ")]
    for planted in load():
        checks = [f"`{check}`" for check in planted.caught_by]
        assert any(all(check in row for check in checks) for row in rows), planted.fault


def test_every_link_leads_somewhere() -> None:
    """Pages, data and tests."""
    links = set(LINK.findall(made()))
    assert links
    for link in links:
        assert (PAGE.parent / link).exists(), link


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """As any other TOML of the project."""
    with pytest.raises(ConfigError, match="cannot be read"):
        promises(tmp_path / "none.toml")
