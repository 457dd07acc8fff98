"""Which tables the statements of migrations name."""

from __future__ import annotations

from pathlib import Path

from gonogo.ledger.migration import load
from gonogo.rollout.migrations.statements import altered_tables, touched_tables

SQL = """
-- alter table comments add column x int;
alter table if exists only public.users add column x int;
ALTER TABLE "Mixed" add column x int;
update only audit_logs set action = 'alter table nothing';
insert into app.contacts (name) select 'x' from others;
delete from Oauth_Tokens;
truncate table groups;
drop table if exists old;
create table fresh (id int);
alter /* with a word */ table app.orders -- and more
    rename to sales;
alter table parcels set schema archive;
create index on lines (id);
with gone as (delete from baskets returning *) insert into archived select * from gone;
merge into prices using (values (1)) as new (id) on false when matched then do nothing;
"""


def test_tables_are_named_as_postgresql_reads_them(tmp_path: Path) -> None:
    """Schemas, quotes and case are understood; comments, texts and new tables do not count."""
    (tmp_path / "001_x.sql").write_text(SQL)
    migrations = load(tmp_path)
    assert altered_tables(migrations) == ("Mixed", "lines", "old", "orders", "parcels", "users")
    rows = ("archived", "audit_logs", "baskets", "contacts", "groups", "oauth_tokens", "prices")
    shapes = ("Mixed", "old", "orders", "parcels", "users")
    assert touched_tables(migrations) == tuple(sorted((*rows, *shapes)))
