"""docs/migrations.md says what the reader of the files does."""

from __future__ import annotations

import re

import pytest

from gonogo.errors import MigrationError
from gonogo.ledger.migration import read

OUTSIDE = "-- gonogo: no-transaction\n"


@pytest.fixture
def page(pytestconfig: pytest.Config) -> str:
    """The page."""
    return (pytestconfig.rootpath / "docs" / "migrations.md").read_text(encoding="utf-8")


def fits(statement: str) -> bool:
    """Whether a migration may hold it."""
    try:
        read([("001_x.sql", f"{statement};\n".encode())], "here")
    except MigrationError:
        return False
    return True


def test_each_statement_stands_where_the_page_says(page: str) -> None:
    """Inside, behind the marker only, or nowhere."""
    rows = re.findall(r"^\| .+ \| `(.+)` \| (.+) \|$", page, re.MULTILINE)
    assert len(rows) == 16
    for example, where in rows:
        inside, outside = fits(example), fits(f"{OUTSIDE}{example}")
        may_stand_inside = where == "inside" or example.startswith("do ")
        assert (inside, outside) == (may_stand_inside, where in {"inside", "behind the marker"}), (
            example
        )


def test_the_marked_example_is_read(page: str) -> None:
    """With its query, and its part outside."""
    (example,) = re.findall(r"^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (one,) = read([("001_x.sql", example.encode())], "here")
    assert [query.line for query in one.file.requires] == [1]
    assert (len(one.file.inside), len(one.file.outside)) == (1, 1)


def test_every_marker_is_on_the_page(page: str) -> None:
    """And no other is accepted."""
    words = re.findall(r"^\| `-- gonogo: ([\w-]+)", page, re.MULTILINE)
    with pytest.raises(MigrationError) as refused:
        read([("001_x.sql", b"-- gonogo: another\n")], "here")
    said = refused.value.remedy.removeprefix("those are: ").replace(" <query>", "")
    assert sorted(words) == sorted(said.split(", "))
