"""What was written since a backup reaches the database restored from it, or is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gonogo.postgres import session
from gonogo.postgres.session import Connection
from gonogo.rollout.restore import objects
from gonogo.rollout.restore.carry import Carried, carry_over
from gonogo.rollout.restore.delta import TableDelta
from gonogo.rollout.restore.objects import LARGE_OBJECTS

BACKED_UP = """
create table people (
    id bigint generated always as identity primary key,
    email text unique not null,
    boss bigint references people (id),
    name text,
    loud text generated always as (upper(name)) stored
);
create table pets (
    id serial primary key,
    owner bigint not null references people (id) on delete cascade,
    name text not null
);
create table toys (
    pet integer references pets (id) on delete cascade,
    name text,
    primary key (pet, name)
);
create table visits (at date, what text);
create table "Odd {0} name" ("key %s" integer primary key, "a{b}c" text);
create function shout() returns trigger language plpgsql as
    $$ begin new.name = new.name || '!'; return new; end $$;
insert into people (email, name) select 'p' || n, 'Person' from generate_series(1, 9) as n;
insert into pets (owner, name) select n, 'Pet' from generate_series(1, 9) as n;
insert into toys select n, 'ball' from generate_series(1, 9) as n;
insert into visits select '2026-01-01', 'tea' from generate_series(1, 3);
insert into "Odd {0} name" values (1, 'x');
create trigger shouting before insert or update on people for each row execute function shout();
"""
EVERYTHING = """
select 'people', to_jsonb(t) from people as t union all
select 'pets', to_jsonb(t) from pets as t union all
select 'toys', to_jsonb(t) from toys as t union all
select 'odd', to_jsonb(t) from "Odd {0} name" as t
order by 1, 2"""


@dataclass(frozen=True, slots=True)
class Both:
    """A live database, and the one that was restored from its backup."""

    live: Connection
    restored: Connection

    def carry(self, *damaged: str, keep: bool = True) -> Carried:
        """Carry over what was written to the live one."""
        return carry_over(self.live, self.restored, damaged, keep=keep)

    def rows(self, query: str = EVERYTHING) -> tuple[object, object]:
        """What a query finds in either."""
        live, restored = (
            one.execute(query.encode()).fetchall() for one in (self.live, self.restored)
        )
        return live, restored


@pytest.fixture
def both(new_database: Callable[..., str]) -> Iterator[Both]:
    """Two databases that are equal, until a test writes to the live one."""
    with session.connect(new_database()) as live, session.connect(new_database()) as restored:
        for one in (live, restored):
            one.execute(BACKED_UP)
        yield Both(live, restored)


def test_what_was_inserted_changed_and_deleted_is_carried_over(both: Both) -> None:
    """Afterwards both hold the same; sequences go on where the live ones were."""
    both.live.execute("""
        insert into people (email, boss) values ('new', 1);
        update people set name = 'Ada', boss = 10 where email = 'p2';
        update pets set owner = 2 where id = 3;
        delete from people where email = 'p3';
        insert into people (email) values ('p3');
        insert into toys values (1, 'rope');
        update "Odd {0} name" set "a{b}c" = '{y}';
    """)
    told = both.carry()
    assert told.since == (
        TableDelta("public.Odd {0} name", 0, 1, 0),
        TableDelta("public.people", 2, 1, 1),
        TableDelta("public.pets", 0, 1, 0),
        TableDelta("public.toys", 1, 0, 0),
    )
    assert (told.left, told.carried) == ((), 7)
    live, restored = both.rows()
    assert live == restored
    live, restored = both.rows("select nextval('people_id_seq'), nextval('pets_id_seq')")
    assert live == restored


def test_rows_that_a_cascade_took_along_come_back(both: Both) -> None:
    """A pet that changed hands outlives its former owner, and its toys with it."""
    for one in (both.live, both.restored):
        one.execute("insert into toys select 3, 'toy ' || n from generate_series(1, 50) as n")
    both.live.execute("update pets set owner = 2 where id = 3; delete from people where id = 3")
    assert both.carry().left == ()
    live, restored = both.rows()
    assert live == restored


def test_the_applications_triggers_stay_silent_and_stay(both: Both) -> None:
    """What they wrote then is carried as it is; afterwards they work as before."""
    both.live.execute("update people set name = 'Ada' where id = 1")
    both.carry()
    assert both.rows("select name from people where id = 1") == ([("Ada!",)], [("Ada!",)])
    both.restored.execute("update people set name = 'Bob' where id = 1")
    row = both.restored.execute("select name from people where id = 1").fetchone()
    assert row == ("Bob!",)


def test_a_trial_tells_the_same_and_keeps_nothing(both: Both) -> None:
    """What is shown before the confirmation is what becomes of it."""
    both.live.execute("insert into people (email) values ('new'); delete from pets where id = 1")
    before = both.rows()[1]
    trial = both.carry(keep=False)
    assert both.rows()[1] == before
    assert both.rows("select last_value from people_id_seq") == ([(10,)], [(9,)])
    assert both.carry() == trial


def test_what_is_refused_is_left_out_alone_and_counted(both: Both) -> None:
    """One bad row keeps none of the others back; the reason is reported."""
    both.restored.execute("alter table people add check (name <> 'Mallory')")
    both.live.execute("drop trigger shouting on people")
    both.live.execute("""
        insert into people (email, name)
        select 'new' || n, case n when 70 then 'Mallory' else 'x' end
        from generate_series(1, 99) as n;
        insert into pets (owner, name) select id, 'Rex' from people where name = 'Mallory';
    """)
    told = both.carry()
    assert told.left == (TableDelta("public.people", 1), TableDelta("public.pets", 1))
    assert "violates check constraint" in told.reasons["public.people"]
    assert "violates foreign key constraint" in told.reasons["public.pets"]
    assert told.carried == 98
    assert both.rows("select count(*) from people") == ([(108,)], [(107,)])


@pytest.mark.parametrize("bad", [False, True])
def test_rows_that_refer_to_each_other_are_carried_together(both: Both, *, bad: bool) -> None:
    """Deferrable constraints are checked once all is there; a bad row among them is left alone."""
    for one in (both.live, both.restored):
        one.execute("""
            create table hens (id int primary key, egg int not null);
            create table eggs (id int primary key, hen int not null
                references hens deferrable initially deferred);
            alter table hens add foreign key (egg) references eggs deferrable initially deferred;
        """)
    both.restored.execute("create table strict (id int primary key, check (id <> 7))")
    both.live.execute("create table strict (id int primary key)")
    both.live.execute(
        "begin; insert into hens values (1, 1); insert into eggs values (1, 1); commit"
    )
    both.live.execute("insert into strict select generate_series(%s, 9)" % (7 if bad else 8))
    told = both.carry()
    assert sum(one.total for one in told.left) == int(bad)
    assert both.rows("select count(*) from eggs") == ([(1,)], [(1,)])


def test_damage_is_not_carried_over(both: Both) -> None:
    """In a table that is named, the backup's rows stand, and new ones are added."""
    both.live.execute("""
        update people set name = 'damage';
        delete from people where id = 9;
        insert into people (email, name) values ('new', 'x');
    """)
    told = both.carry("public.people", "public.pets", "public.toys")
    assert told.damage == (
        TableDelta("public.people", 0, 8, 1),
        TableDelta("public.pets", 0, 0, 1),
        TableDelta("public.toys", 0, 0, 1),
    )
    assert (told.left, told.carried) == ((), 1)
    query = "select count(*) filter (where name = 'Person'), count(*) from people"
    assert both.rows(query)[1] == [(9, 10)]


def test_rows_without_a_key_are_counted_only(both: Both) -> None:
    """Equal rows too; they stay where they are."""
    both.live.execute("insert into visits values ('2026-01-01', 'tea'), ('2026-01-02', 'tea')")
    told = both.carry()
    assert told.left == told.since == (TableDelta("public.visits", 2, keyed=False),)
    assert both.rows("select count(*) from visits") == ([(5,)], [(3,)])


OBJECTS = """
create table files (id int primary key, body oid);
select lo_from_bytea(9001, 'first'), lo_from_bytea(9002, 'second'), lo_from_bytea(9003, 'third');
insert into files values (1, 9001), (2, 9002), (3, 9003);"""


def test_large_objects_are_carried_over_with_the_rows_that_name_them(both: Both) -> None:
    """Made, changed and deleted ones are counted, and afterwards every row finds its contents."""
    for one in (both.live, both.restored):
        one.execute(OBJECTS)
    both.live.execute("""
        select lo_put(9001, 0, 'F');
        select lo_unlink(9003);
        delete from files where id = 3;
        insert into files values (4, lo_from_bytea(0, convert_to(repeat('long', 700000), 'UTF8')));
        grant select on large object 9002 to public;
    """)
    trial = both.carry(keep=False)
    told = both.carry()
    assert trial == told
    assert TableDelta(LARGE_OBJECTS, 1, 2, 1) in told.since
    assert told.left == ()
    assert "6 rows and large objects written since the backup, 6 carried over" in told.summary
    live, restored = both.rows("select id, md5(lo_get(body)) from files order by 1")
    assert live == restored
    live, restored = both.rows(
        "select oid, lomowner, lomacl::text from pg_largeobject_metadata order by 1"
    )
    assert live == restored


def test_large_objects_that_are_damaged_stay_as_in_the_backup(both: Both) -> None:
    """New ones are carried over all the same: rows name them."""
    for one in (both.live, both.restored):
        one.execute(OBJECTS)
    both.live.execute("select lo_put(9001, 0, 'x'), lo_unlink(9002), lo_from_bytea(9004, 'new')")
    told = both.carry(LARGE_OBJECTS)
    assert told.damage == (TableDelta(LARGE_OBJECTS, 0, 1, 1),)
    assert both.rows("select lo_get(9001)")[1] == [(b"first",)]
    assert both.rows("select lo_get(9004)")[1] == [(b"new",)]


def test_more_large_objects_than_can_be_locked_are_counted(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's table of locks is not filled up; the reason says what to raise."""
    monkeypatch.setattr(objects, "MOST", "select 2")
    both.live.execute("select lo_from_bytea(0, 'x') from generate_series(1, 5)")
    told = both.carry()
    assert told.left == (TableDelta(LARGE_OBJECTS, 3),)
    assert "raise max_locks_per_transaction" in told.reasons[LARGE_OBJECTS]


def test_what_is_no_row_is_counted_or_named(both: Both) -> None:
    """Views are refreshed over what was carried; what stays behind is named."""
    for one in (both.live, both.restored):
        one.execute("create materialized view crowd as select count(*) as n from people")
        one.execute("create materialized view halves as select 1 / (10 - count(*)) from people")
    both.live.execute("insert into people (email) values ('new')")
    both.live.execute("grant select on pets to public")
    both.live.execute(
        "create subscription news connection 'dbname=x' publication p"
        " with (connect = false, slot_name = none)"
    )
    try:
        told = both.carry().beside
    finally:
        both.live.execute("drop subscription news")
    assert both.rows("select n from crowd")[1] == [(10,)]
    assert told.refreshed == ("public.crowd",)
    assert dict(told.stale) == {"public.halves": "division by zero"}
    assert told.privileges == ("select on public.pets for public, granted since",)
    assert (told.sequences, told.subscriptions) == (2, ("news",))
    lines = "\n".join(told.lines)
    for said in (
        "2 sequences go on",
        "refreshed: public.crowd",
        "NOT REFRESHED  public.halves",
        "the subscription news: disable it",
    ):
        assert said in lines


def test_what_the_backup_does_not_know_is_counted(both: Both) -> None:
    """Tables and columns of the new version, and what lies aside."""
    both.live.execute("""
        create table visitors as select 1 as id;
        alter table people add is_admin boolean default true;
        create schema gonogo_aside_7;
        create table gonogo_aside_7.old as select 1 as id from generate_series(1, 4);
        insert into people (email) values ('new');
    """)
    told = both.carry()
    assert dict(told.beyond.tables) == {"public.visitors": 1, "gonogo_aside_7.old": 4}
    assert told.beyond.columns == ("public.people.is_admin",)
    assert (told.left, told.carried) == ((), 1)


def test_a_column_that_is_gone_keeps_its_table_from_being_carried(both: Both) -> None:
    """Nobody can say what its rows would hold; how many there are is reported."""
    both.live.execute("alter table pets drop column name; delete from pets where id = 1")
    told = both.carry()
    assert told.left == (TableDelta("public.pets", 0, 0, 1, keyed=False),)
    assert told.gone == {"public.pets": ("name",)}


def test_a_value_that_fits_no_more_is_told(both: Both) -> None:
    """A column that became wider holds what the old one cannot."""
    both.live.execute("alter table pets alter id type bigint")
    both.live.execute("insert into pets (id, owner, name) values (3000000000, 1, 'Rex')")
    told = both.carry()
    assert told.left == (TableDelta("public.pets", 1),)
    assert "out of range" in told.reasons["public.pets"]


def test_nothing_of_the_live_database_is_changed(both: Both) -> None:
    """Neither a row nor a table that outlives the comparison."""
    both.live.execute("insert into people (email) values ('new')")
    query = "select relname, relkind from pg_class order by 1"
    before = (both.rows()[0], both.live.execute(query).fetchall())
    both.carry()
    assert (both.rows()[0], both.live.execute(query).fetchall()) == before
