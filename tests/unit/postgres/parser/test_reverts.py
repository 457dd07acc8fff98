"""What a revert keeps aside is read from its statements' syntax trees."""

from __future__ import annotations

import pytest

from gonogo.postgres.parser.reverts import Kept, kept
from gonogo.postgres.sqlfile import parse

READ = {
    "a table that moves": (
        "alter /* it */ table if exists only app.orders -- aside\n set schema :aside",
        Kept(("app", "orders")),
    ),
    "a quoted one": ('ALTER TABLE "Old Orders" SET SCHEMA :aside', Kept(("", "Old Orders"))),
    "rows that are copied": (
        "insert into :aside.orders_104 (id, channel) select id, channel from orders where id > 1",
        Kept(("aside", "orders_104"), "SELECT id, channel FROM orders WHERE id > 1"),
    ),
    "columns that leave": (
        'alter table orders drop column a, add column z int, drop if exists "B"',
        Kept(("", "orders"), columns=("a", "B")),
    ),
    "another schema": ("alter table orders set schema archive", None),
    "a schema of that name": ("alter table orders set schema aside", None),
    "a copy elsewhere": ("insert into orders select * from others", None),
    "a constraint": ("alter table orders drop constraint a", None),
    "a lock": ("lock table orders in access exclusive mode", None),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_a_revert_says_what_it_keeps(text: str, expected: Kept | None) -> None:
    """Whatever comments, quotes and clauses stand in between."""
    (statement,) = parse(text, "x.sql").inside
    assert kept(statement) == expected
