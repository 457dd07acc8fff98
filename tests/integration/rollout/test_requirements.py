"""What depends on the rows is asked of them, read-only, before a migration runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gonogo.errors import MigrationError
from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection
from gonogo.postgres.transaction import Patience
from gonogo.rollout.migrations import requirements
from gonogo.rollout.migrations.apply import MigrationEvent, apply_pending
from gonogo.rollout.migrations.requirements import Answers, answers

Written = Callable[..., tuple[Migration, ...]]
Deploy = Callable[[], int]
QUICK = Patience(lock_timeout_ms=50, first_wait_s=0.01, longest_wait_s=0.02, budget_s=5)
SHOP = """
create table shops (id int primary key, "Name" text, city text);
create table orders (id int, shop int, note text, paid boolean);
insert into shops values (1, 'a', 'x'), (2, 'a', null), (3, null, 'y'), (4, null, 'y');
insert into orders values (1, 1, 'n', true), (1, null, null, true), (2, 9, 'm', null);
create table empty (id int, shop int);
"""
UNIQUE = "must be unique"
WRONG = {
    "a unique index": ('create unique index on shops ("Name");', UNIQUE),
    "one beside the writers": (
        (
            "-- gonogo: no-transaction\ncreate unique index concurrently if not exists u on shops"
            " (city)"
        ),
        UNIQUE,
    ),
    "one of an expression": ("create unique index on shops (lower(city), (id / 10));", UNIQUE),
    "one of some rows": ("create unique index on orders (paid) where id < 2;", UNIQUE),
    "one in which nulls are alike": (
        "create unique index on shops (\"Name\") nulls not distinct where city = 'y';",
        UNIQUE,
    ),
    "a unique constraint": ("alter table shops add constraint u unique (city);", UNIQUE),
    "a primary key over duplicates": ("alter table orders add primary key (id);", UNIQUE),
    "a primary key over nulls": ("alter table orders add primary key (id, note);", "note is null"),
    "not null": ("alter table public.orders alter column note set not null;", "note is null"),
    "a new column that is not null": (
        "alter table orders add column tax int not null;",
        "without a default",
    ),
    "a check": ("alter table orders add constraint few check (id < 2);", "break the check few"),
    "a foreign key": (
        "alter table orders add foreign key (shop) references shops (id);",
        "refer to no row of shops",
    ),
    "a foreign key that names no key": (
        "alter table orders add constraint s foreign key (shop) references public.shops;",
        "refer to no row of shops",
    ),
    "a constraint that is validated later": (
        (
            "alter table orders add constraint s foreign key (shop) references shops not valid;\n"
            "alter table orders validate constraint s;"
        ),
        "refer to no row of shops",
    ),
    "the second part of a statement": (
        "alter table orders alter column paid set default true, alter column note set not null;",
        "note is null",
    ),
}
RIGHT = {
    "a unique index over what is unique": "create unique index on shops (id, city);",
    "nulls that are different": 'create unique index on shops ("Name") where id > 2;',
    "not null where none is null": "alter table orders alter column id set not null;",
    "a check that null passes": "alter table orders add check (paid);",
    "a key that is there": "alter table empty add foreign key (shop) references shops;",
    "a new column with a default": "alter table orders add column tax int not null default 0;",
    "an empty table": "alter table empty add column tax int not null; create unique index on"
    " empty (shop); alter table empty alter shop set not null;",
    "what is not looked at": "alter table orders add check (id < 2) not valid;"
    " alter table orders add foreign key (shop) references shops not valid;",
    "a new table": "create table t (id int, x int references shops); create unique index on t (x);"
    " alter table t alter x set not null; alter table t add foreign key (id) references t (x);",
    "a new column": "alter table orders add column k int; alter table orders add unique (k);",
}


def ask(connection: Connection, migrations: tuple[Migration, ...]) -> Answers:
    """What the rows say."""
    return answers(connection, "public", migrations)


def apply(connection: Connection, migrations: tuple[Migration, ...], deployment: int) -> None:
    """Apply with little patience, unwatched."""

    def quietly(_event: MigrationEvent) -> None:
        """Nobody watches."""

    apply_pending(
        connection, migrations, deployment, on_event=quietly, anchor="users", patience=QUICK
    )


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_rows_that_a_constraint_refuses_are_found(
    connection: Connection, written: Written, deploy: Deploy, text: str, said: str
) -> None:
    """With file and line, and PostgreSQL agrees."""
    connection.execute(SHOP.encode())
    files = written(_100_a=f"select 1;\n{text}")
    found = ask(connection, files)
    assert any(
        one.startswith(("would fail: 100_a.sql:2:", "would fail: 100_a.sql:3:")) and said in one
        for one in found.problems
    ), found
    assert found.notes == ()
    with pytest.raises(MigrationError):
        apply(connection, files, deploy())


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_rows_that_fit_are_no_problem(
    connection: Connection, written: Written, deploy: Deploy, text: str
) -> None:
    """And PostgreSQL agrees."""
    connection.execute(SHOP.encode())
    files = written(_100_a=text)
    assert ask(connection, files).problems == ()
    apply(connection, files, deploy())


@pytest.mark.parametrize(
    "before",
    [
        "update orders set note = '' where note is null;",
        "delete from shops;",
        "do $$ begin update orders set note = '' where note is null; end $$;",
        "with x as (update orders set note = '' where note is null returning 1) select * from x;",
        "select clean_orders();",
        "alter table orders alter column note type text using coalesce(note, '');",
    ],
)
def test_what_an_earlier_statement_changes_is_not_held_against_it(
    connection: Connection, written: Written, before: str
) -> None:
    """A file may mend the rows itself; that nobody asked is said."""
    connection.execute(SHOP.encode())
    wanted = "alter table orders alter column note set not null;"
    for files in (
        written(_100_a=f"{before}\n{wanted}"),
        written(_100_a=before, _101_b=wanted),
    ):
        found = ask(connection, files)
        assert found.problems == ()
        assert "not asked whether orders.note is null" in "".join(found.notes)


def test_an_unmet_requirement_stops_a_file_before_its_first_statement(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Plan and preflight say it too; when the rows are mended the file runs."""
    connection.execute(SHOP.encode())
    text = (
        "create table made ();\n"
        "-- gonogo: require select city from shops -- two in one city\n"
        "--   group by city having count(*) > 1\n"
        "create unique index on shops (city) where id > 3;\n"
    )
    files = written(_100_a=text)
    (problem,) = ask(connection, files).problems
    assert problem.startswith("would be refused: 100_a.sql:2: requires that no row is returned by")
    with pytest.raises(MigrationError, match="requires that no row") as caught:
        apply(connection, files, deploy())
    assert (caught.value.file, caught.value.line) == ("100_a.sql", 2)
    row = connection.execute("select to_regclass('made') is null, count(*) from gonogo.migration")
    assert row.fetchone() == (True, 0)
    connection.execute("delete from shops where id = 3")
    apply(connection, files, deploy())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select nothing from shops", 'column "nothing" does not exist'),
        ("with x as (delete from shops returning 1) select 1 from x where false", "WITH clause"),
        ("select nextval('counter') where false union select 1 from spend()", "read-only"),
    ],
)
def test_a_requirement_that_cannot_be_asked_refuses_the_file(
    connection: Connection, written: Written, deploy: Deploy, query: str, said: str
) -> None:
    """It only reads, whatever it says."""
    connection.execute(SHOP.encode())
    spends = "create function spend() returns int language sql as 'delete from shops returning 1'"
    connection.execute(f"create sequence counter; {spends}".encode())
    with pytest.raises(MigrationError, match=said):
        apply(connection, written(_100_a=f"-- gonogo: require {query}\nselect 1;"), deploy())
    row = connection.execute("select count(*) from shops").fetchone()
    assert row == (4,)


def test_a_requirement_of_what_an_earlier_file_makes_is_asked_later(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Right before its file, when the table is there."""
    files = written(
        _100_a="create table made (id int); insert into made values (1), (1);",
        _101_b="-- gonogo: require select id from made group by id having count(*) > 1\nselect 1;",
    )
    found = ask(connection, files)
    assert found.problems == ()
    assert "101_b.sql:1 is asked later: an earlier file changes what it reads" in found.notes[0]
    with pytest.raises(MigrationError, match=r"101_b\.sql:1: requires"):
        apply(connection, files, deploy())


def test_a_requirement_that_nothing_can_make_askable_is_a_problem(
    connection: Connection, written: Written
) -> None:
    """No file comes before the first one, so what it misses stays missing."""
    connection.execute(SHOP.encode())
    found = ask(
        connection, written(_100_a="-- gonogo: require select nothing from shops\nselect 1;")
    )
    assert 'column "nothing" does not exist' in found.problems[0]


def test_a_requirement_may_end_with_a_semicolon_and_a_comment(
    connection: Connection, written: Written
) -> None:
    """Neither is a part of the query."""
    connection.execute(SHOP.encode())
    query = "select 'ä;' from shops where id = 9; -- no such shop"
    found = ask(connection, written(_100_a=f"-- gonogo: require {query}\nselect 1;"))
    assert (found.problems, found.asked) == ((), 1)


def test_a_question_is_bounded_in_time(
    connection: Connection, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a statement implies becomes a note then, what a file requires a problem."""
    monkeypatch.setattr(requirements, "LONGEST_S", 0.2)
    connection.execute(SHOP.encode())
    slow = "pg_sleep(9) is null"
    found = ask(connection, written(_100_a=f"alter table orders add check ({slow});"))
    assert found.problems == ()
    assert "statement timeout" in found.notes[0]
    found = ask(connection, written(_100_a=f"-- gonogo: require select 1 where {slow}\nselect 1;"))
    assert "statement timeout" in found.problems[0]
    row = connection.execute("select current_setting('statement_timeout')").fetchone()
    assert row == ("0",)
