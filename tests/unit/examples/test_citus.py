"""examples/citus: what its migrations change of the project's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HERE = ROOT / "examples" / "citus" / "migrations"
FORWARD = sorted(path.name for path in HERE.glob("*.sql") if ".revert" not in path.name)
DISTRIBUTED = re.compile(
    r"select create_(?:distributed|reference)_table\('(\w+)'(?:, 'user_id')?\);\n"
)


@pytest.mark.parametrize("name", FORWARD)
def test_a_migration_differs_by_its_key_and_the_distribution_alone(name: str) -> None:
    """Each table is distributed in the file that makes it, by a user_id that its key holds."""
    text = (HERE / name).read_text("utf-8")
    (table,) = DISTRIBUTED.findall(text)
    assert f"create table if not exists {table} (" in text
    if "create_distributed_table" in text:
        text = text.replace(",\n    primary key (user_id, id)\n", "\n")
        text = text.replace("id uuid not null default", "id uuid primary key default")
    assert DISTRIBUTED.sub("", text) == (ROOT / "migrations" / name).read_text("utf-8")


def test_every_file_stands_in_the_place_of_one_of_the_project() -> None:
    """Whatever makes a table is among them."""
    own = {path.name: path.read_text("utf-8") for path in (ROOT / "migrations").glob("*.sql")}
    assert {path.name for path in HERE.glob("*.sql")} <= set(own)
    makes = [n for n, text in own.items() if "create table if not exists" in text]
    assert sorted(makes) == FORWARD
