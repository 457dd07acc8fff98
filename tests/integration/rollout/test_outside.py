"""What runs outside a transaction ends once, and leaves no broken index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gonogo.errors import MigrationError
from gonogo.ledger import history
from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection
from gonogo.postgres.transaction import Patience
from gonogo.rollout.migrations.apply import Applied, MigrationEvent, apply_pending
from gonogo.rollout.migrations.outside import _Step

QUICK = Patience(lock_timeout_ms=50, first_wait_s=0.01, longest_wait_s=0.02, budget_s=5)
Written = Callable[..., tuple[Migration, ...]]
Deploy = Callable[[], int]
MARKER = "-- gonogo: no-transaction\n"
CODES = 'create table codes (c int); create table "Codes" (c int); create schema shop;'
FILLED = f"{CODES} create table shop.codes (c int); "
TWICE = {
    "a name": ("create unique index concurrently codes_uq on codes (c)", "codes"),
    "no name": ("create unique index concurrently on codes (c)", "codes"),
    "if not exists": ("create unique index concurrently if not exists uq on codes (c)", "codes"),
    "comments within": (
        (
            "create unique /* of */ index concurrently -- beside the writers\n"
            "  if not exists -- or else\n  codes_uq on codes (c)"
        ),
        "codes",
    ),
    "capitals": ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS UQ ON CODES(C)", "codes"),
    "quotes": ('create unique index concurrently if not exists "A b" on "Codes" (c)', '"Codes"'),
    "a schema": ("create unique index concurrently on shop.codes (c)", "shop.codes"),
    "a schema and a name": (
        "create unique index concurrently if not exists uq on only shop . codes using btree (c)",
        "shop.codes",
    ),
    "an expression": ("create unique index concurrently on codes ((c + 1)) where c > 0", "codes"),
}


def quietly(_event: MigrationEvent) -> None:
    """Nobody watches."""


def apply(
    connection: Connection, migrations: tuple[Migration, ...], deployment: int
) -> tuple[Applied, ...]:
    """Apply with little patience, unwatched."""
    return apply_pending(
        connection, migrations, deployment, on_event=quietly, anchor="users", patience=QUICK
    )


def ask(connection: Connection, query: str) -> object:
    """The first value of a query's first row."""
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def invalid(connection: Connection) -> object:
    """How many indexes are not valid."""
    return ask(connection, "select count(*) from pg_index where not indisvalid")


@pytest.mark.parametrize(("statement", "table"), TWICE.values(), ids=TWICE)
def test_a_unique_index_over_duplicates_fails_each_time(
    connection: Connection, written: Written, deploy: Deploy, statement: str, table: str
) -> None:
    """However it is written, no broken index stays; without duplicates it is built."""
    connection.execute(FILLED.encode())
    connection.execute(f"insert into {table} values (1), (1)".encode())
    files = written(_100_a=f"select 1;\n{MARKER}{statement};")
    for _ in range(2):
        with pytest.raises(MigrationError, match="could not create unique index") as caught:
            apply(connection, files, deploy())
        assert (caught.value.line, caught.value.sqlstate) == (3, "23505")
        assert invalid(connection) == 0
        assert ask(connection, "select count(*) from pg_index where indrelid > 16383") != 0
    connection.execute(f"delete from {table}".encode())
    assert apply(connection, files, deploy())[0].outcome == "applied"
    built = f"select indisunique and indisvalid from pg_index where indrelid = '{table}'::regclass"
    assert ask(connection, built) is True


def test_what_ended_is_not_run_again(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Only the statement that failed is repeated, and its ledger says so."""
    text = (
        f"create table posts (id int, title text);\n{MARKER}"
        "insert into posts values (1, 'hello');\n"
        "update users set name = coalesce(name, '') || 'x';\n"
        "vacuum posts;\n"
        "create index concurrently on posts (title);\n"
        "create index concurrently posts_at on posts (created_at);\n"
        "insert into posts values (2, 'bye');"
    )
    files = written(_100_posts=text)
    for _ in range(2):
        with pytest.raises(MigrationError, match="created_at"):
            apply(connection, files, deploy())
    assert ask(connection, "select string_agg(title, ' ') from posts") == "hello"
    assert ask(connection, "select string_agg(distinct name, ' ') from users") == "x"
    connection.execute("alter table posts add column created_at timestamptz")
    assert apply(connection, files, deploy())[0].outcome == "applied"
    assert ask(connection, "select string_agg(title, ' ' order by id) from posts") == "hello bye"
    assert ask(connection, "select count(*) from pg_index where indrelid = 'posts'::regclass") == 2
    tries = [(one.place, one.outcome) for one in history.statements(connection, "100")]
    ended = [(place, "succeeded") for place in (1, 2, 3, 4)]
    assert tries == [*ended, (5, "failed"), (5, "failed"), (5, "succeeded"), (6, "succeeded")]


def test_what_belongs_to_the_session_is_set_again(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """A second try builds under the settings that its file asks for."""
    text = (
        f"create table posts (setting text default current_setting('work_mem'));\n{MARKER}"
        "set work_mem = '7MB';\n"
        "create index concurrently posts_at on posts (created_at);\n"
        "insert into posts default values;"
    )
    files = written(_100_posts=text)
    with pytest.raises(MigrationError, match="created_at"):
        apply(connection, files, deploy())
    connection.execute("alter table posts add column created_at timestamptz; reset work_mem")
    apply(connection, files, deploy())
    assert ask(connection, "select setting from posts") == "7MB"


@pytest.mark.parametrize("name", ["", "posts_title"])
def test_an_index_that_was_built_but_not_noted_is_recognised(
    connection: Connection,
    written: Written,
    deploy: Deploy,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """A run that was killed right after the build neither fails on it nor builds a second one."""
    index = f"create index concurrently {name} on posts (title)"
    files = written(_100_posts=f"create table posts (title text);\n{MARKER}{index};")

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("gonogo.ledger.history.end_statement", die)
        with pytest.raises(KeyboardInterrupt):
            apply(connection, files, deploy())
    assert apply(connection, files, deploy())[0].outcome == "applied"
    assert ask(connection, "select count(*) from pg_index where indrelid = 'posts'::regclass") == 1


@pytest.mark.parametrize("name", ["", "if not exists codes_uq"])
def test_what_a_killed_build_left_is_dropped_by_the_next(
    connection: Connection,
    written: Written,
    deploy: Deploy,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """Even where nobody could clean up after it."""
    connection.execute("create table codes (c int); insert into codes values (1), (1)")
    files = written(_100_a=f"{MARKER}create unique index concurrently {name} on codes (c);")
    with monkeypatch.context() as patch:
        patch.setattr(_Step, "_drop", lambda *_: None)
        with pytest.raises(MigrationError):
            apply(connection, files, deploy())
    assert invalid(connection) == 1
    connection.execute("delete from codes")
    apply(connection, files, deploy())
    counted = "select count(*) filter (where indisvalid) * 10 + count(*) from pg_index"
    assert ask(connection, f"{counted} where indrelid = 'codes'::regclass") == 11


@pytest.mark.parametrize(
    "others",
    [
        (
            "create table t (x int) partition by list (x); create table t1 partition of t default;"
            " create index t_x on only t (x);"
        ),
        (
            "create table t (x int); create index t_x on t (x);"
            " update pg_index set indisvalid = false where indexrelid = 't_x'::regclass;"
        ),
    ],
    ids=["a partitioned index without its parts", "a broken one of another table"],
)
def test_other_indexes_are_left_alone(
    connection: Connection, written: Written, deploy: Deploy, others: str
) -> None:
    """What was not valid before is neither dropped nor held against the file."""
    connection.execute(others.encode())
    files = written(
        _100_a=f"{MARKER}create index concurrently on users (name);\n"
        "reindex index concurrently users_email_key;\nanalyze users;"
    )
    assert apply(connection, files, deploy())[0].outcome == "applied"
    assert ask(connection, "select to_regclass('t_x') is not null") is True
    assert invalid(connection) == 1


def test_what_a_file_makes_of_its_session_does_not_reach_the_ledger(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Another role may not write there, and each statement is noted all the same."""
    connection.execute("create table t (x int); grant all on t to pg_monitor")
    text = (
        f"select 1;\n{MARKER}set role pg_monitor;\ninsert into t values (1);\nanalyze t;\n"
        "reset role;\ncreate index concurrently on t (x);\nset role pg_monitor;\nvacuum t;"
    )
    assert apply(connection, written(_100_a=text), deploy())[0].outcome == "applied"
    tries = [(one.place, one.outcome) for one in history.statements(connection, "100")]
    assert tries == [(place, "succeeded") for place in (2, 3, 5, 7)]


def test_an_index_of_another_table_is_not_taken_for_it(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """IF NOT EXISTS looks at the name alone."""
    connection.execute("create table other (x int); create index by_name on other (x)")
    text = f"select 1;\n{MARKER}create index concurrently if not exists by_name on users (name);"
    with pytest.raises(MigrationError, match="the index by_name is of another table") as caught:
        apply(connection, written(_100_a=text), deploy())
    assert caught.value.line == 3


def test_a_statement_that_waits_for_a_lock_is_tried_again(
    connection: Connection, connect: Callable[[], Connection], written: Written, deploy: Deploy
) -> None:
    """What could have stood in a transaction stalls no client for longer than there."""
    blocker = connect()
    blocker.execute("begin; lock table users in access share mode")
    waited: list[str] = []

    def watch(event: MigrationEvent) -> None:
        if event.kind == "waiting":
            waited.append(event.detail)
            blocker.execute("rollback")

    text = f"{MARKER}insert into audit_logs (action) values ('once');\nalter table users add x int;"
    files = written(_100_a=text)
    apply_pending(connection, files, deploy(), on_event=watch, anchor="users", patience=QUICK)
    assert waited
    assert ask(connection, "select count(*) from audit_logs where action = 'once'") == 1
