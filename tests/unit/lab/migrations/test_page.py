"""docs/migrations-corpus.md: made of the cases that there are, and open about those that failed."""

from __future__ import annotations

from lab.migrations.__main__ import PAGE, VERSIONS, page
from lab.migrations.loop import Result, kinds

KINDS = kinds()


def test_the_page_is_of_these_cases() -> None:
    """Each came through on both versions; for a new case the command is run again."""
    passed = {
        version: {
            (kind, name): Result()
            for kind, of in KINDS.items()
            for name, case in of.items()
            if case.since <= version
        }
        for version in VERSIONS
    }
    assert PAGE.read_text(encoding="utf-8") == page(KINDS, passed)


def test_a_failed_case_is_named() -> None:
    """With the stage at which it failed."""
    case = next(iter(KINDS["enums"].values()))
    results = {("enums", "one"): Result("equal", "why"), ("enums", "two"): Result()}
    made = page({"enums": {"one": case, "two": case}}, {18: results})
    assert "| enums | one, two | one: equal |" in made
    assert "1 of 2 came through" in made
