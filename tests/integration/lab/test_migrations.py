"""A migration of each kind goes forward, back and forward again; the loop sees what goes wrong."""

from __future__ import annotations

import pytest

from gonogo.sandbox.databases import Databases
from lab.migrations.loop import Case, Result, kinds, run

CASES = kinds()
# The simplest are left to the lab.
LAB_ALONE = {"columns", "constraints", "sequences", "storage", "tables", "types_and_operators"}
ADD = "alter table orders add column a int default 1"


@pytest.mark.parametrize("kind", sorted(CASES.keys() - LAB_ALONE))
def test_a_kind_comes_through(databases: Databases, kind: str) -> None:
    """Its first case is planned, applied, reverted to an equal schema, and applied again."""
    assert run(databases, next(iter(CASES[kind].values()))) == Result()


@pytest.mark.parametrize(
    ("case", "failed"),
    [
        (Case(up="alter table nowhere add a int", revert="select 1", holds="select true"), "plan"),
        (Case(up=ADD, revert="alter table orders drop column a", holds="select false"), "holds"),
        (Case(up=ADD, revert="alter table orders drop b", holds="select true"), "revert"),
        (
            Case(up=ADD, revert="alter table orders alter a drop default", holds="select true"),
            "equal",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_stage_that_fails_is_named(databases: Databases, case: Case, failed: str) -> None:
    """A case that cannot come through does not pass."""
    assert run(databases, case).failed == failed
