"""Which tables and columns a query reads, as PostgreSQL's own parser tells."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gonogo.postgres.parser.columns import UnreadableQueryError, columns_read

READS = {
    "a column by its table": ("select o.id from orders o", {"orders": "id"}),
    "a column alone": ("select id from orders where paid", {"orders": "id paid"}),
    "parameters": (
        "select id from orders where at >= %(start)s::timestamp and name like '%%x' limit %(n)s",
        {"orders": "id at name"},
    ),
    "a join": (
        "select o.id from orders o join payments p on p.order_id = o.id",
        {"orders": "id", "payments": "order_id"},
    ),
    "a join by a name of both": (
        "select 1 from orders join payments using (order_id)",
        {"orders": "order_id", "payments": "order_id"},
    ),
    "a column that either may have": (
        "select total from orders, payments",
        {"orders": "total", "payments": "total"},
    ),
    "a subquery's own names": (
        "select s.n, k from (select count(id) as n, 1 as k from orders) as s",
        {"orders": "id"},
    ),
    "a query by name": (
        "with late as (select id from orders) select * from late where id > 1",
        {"orders": "id"},
    ),
    "a query that calls itself": (
        "with recursive r as (select up from nodes union select up from r) select * from r",
        {"nodes": "up"},
    ),
    "a table of the name of a later query": (
        "with a as (select x from b), b as (select y from c) select * from a, b",
        {"b": "x", "c": "y"},
    ),
    "a correlated subquery": (
        "select 1 from orders o where exists (select from payments p where p.order_id = o.id)",
        {"orders": "id", "payments": "order_id"},
    ),
    "a lateral subquery": (
        "select l.at from orders o, lateral (select p.at from payments p where p.o = o.id) l",
        {"orders": "id", "payments": "at o"},
    ),
    "what it is sorted by": (
        "select left(error, 9) as e, count(*) as n from orders group by 1 order by n, e, id",
        {"orders": "error id"},
    ),
    "a union": (
        "select id from orders union all select order_id from payments order by 1",
        {"orders": "id", "payments": "order_id"},
    ),
    "a window, a filter and a case": (
        "select sum(a) filter (where b) over (partition by c order by d), coalesce(e, f) from t",
        {"t": "a b c d e f"},
    ),
    "rows that are only counted": ("select count(*) from orders", {"orders": ""}),
    "another schema": ("select d.id from gonogo.deployment d", {"gonogo.deployment": "id"}),
    "catalogs": ("select oid from pg_class, pg_catalog.pg_index", {}),
    "a function": ("select x.a from unnest(array[1]) as x (a)", {}),
    "a function of a column": ("select x from orders o, unnest(o.tags) as x", {"orders": "tags x"}),
}
REFUSED = {
    "every column": ("select * from orders", "every column of orders"),
    "every column of one": ("select o.* from orders o", "every column of orders"),
    "a row as a value": ("select row_to_json(o) from orders o", "whole rows as o"),
    "a natural join": ("select 1 from orders natural join payments", "natural"),
    "no select": ("delete from orders", "is not one select"),
    "two": ("select 1; select 2", "is not one select"),
    "no SQL": ("selec 1", "is no SQL"),
}


@pytest.mark.parametrize(("query", "reads"), READS.values(), ids=READS)
def test_the_columns_that_a_query_names_are_told(query: str, reads: dict[str, str]) -> None:
    """By table; what the query defines itself is none."""
    found = columns_read(query)
    told = {".".join(filter(None, table)): set(columns) for table, columns in found.items()}
    assert told == {table: set(columns.split()) for table, columns in reads.items()}


@pytest.mark.parametrize(("query", "says"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_name_its_columns_is_refused(query: str, says: str) -> None:
    """A grant by column would not be enough for it."""
    with pytest.raises(UnreadableQueryError, match=says):
        columns_read(query)


def test_a_gate_run_never_loads_the_parser() -> None:
    """It takes longer than a fast gate itself."""
    code = "import sys, gonogo.plugin.gating, gonogo.cli; sys.exit('postgast' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
