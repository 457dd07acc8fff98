"""Migrations are applied once, whole, and never in an application's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from gonogo.errors import MigrationError
from gonogo.ledger import history
from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection
from gonogo.postgres.transaction import Patience
from gonogo.rollout.migrations.apply import Applied, MigrationEvent, apply_pending

QUICK = Patience(lock_timeout_ms=50, first_wait_s=0.01, longest_wait_s=0.02, budget_s=5)
HURRIED = Patience(lock_timeout_ms=20, first_wait_s=0.01, longest_wait_s=0.02, budget_s=0.05)
Connect = Callable[[], Connection]
Written = Callable[..., tuple[Migration, ...]]
Deploy = Callable[[], int]


def quietly(_event: MigrationEvent) -> None:
    """Nobody watches."""


def apply(
    connection: Connection, migrations: Sequence[Migration], deployment: int, survey: str = ""
) -> tuple[Applied, ...]:
    """Apply with little patience, unwatched."""
    return apply_pending(
        connection,
        migrations,
        deployment,
        on_event=quietly,
        survey=survey,
        anchor="users",
        patience=QUICK,
    )


def scalar(connection: Connection, query: str) -> object:
    """The first value of a query's first row."""
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def attempts(connection: Connection) -> list[tuple[str, str, str | None]]:
    """Every try in order: version, outcome, SQLSTATE."""
    query = "select version, outcome, sqlstate from gonogo.migration_attempt order by id"
    return connection.execute(query).fetchall()


def test_all_nine_make_what_the_gate_looks_for(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy, survey: str
) -> None:
    """After the nine, no object of the schema survey is missing, and each has its ledger row."""
    done = apply(connection, migrations, deploy(), survey)
    assert {one.outcome for one in done} == {"applied"}
    missing = [row for row in connection.execute(survey.encode(), {}) if not row[2]]
    assert missing == []
    rows = history.in_place(connection).values()
    assert [row.version for row in rows if row.completed_at] == [one.version for one in migrations]


def test_a_second_run_changes_nothing(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy, survey: str
) -> None:
    """What the ledger knows is skipped, without a further try."""
    apply(connection, migrations, deploy(), survey)
    before = attempts(connection)
    done = apply(connection, migrations, deploy(), survey)
    assert {one.outcome for one in done} == {"skipped"}
    assert attempts(connection) == before


def test_a_first_sync_can_be_recorded(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy
) -> None:
    """Our 043 allows the label that the live table refuses."""
    apply(connection, migrations, deploy())
    connection.execute(
        "insert into sync_metrics (user_id, integration_type, sync_type, result) "
        "select id, 'google_calendar', 'initial', 'success' from users limit 1"
    )
    assert scalar(connection, "select count(*) from sync_metrics") == 1


def test_the_ledger_row_carries_the_transaction_that_made_it(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Its xid is that of the table's own catalogue row."""
    apply(connection, written(_100_a="create table a ();"), deploy())
    made = scalar(connection, "select xmin::text from pg_class where relname = 'a'")
    assert history.in_place(connection)["100"].xid == made


def test_a_failure_names_file_line_and_sqlstate_and_leaves_nothing(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """The statements before the failing one are rolled back; the try is recorded."""
    files = written(_100_a="create table a ();\n\nselect 1,\n  nothing;")
    with pytest.raises(MigrationError, match="nothing") as caught:
        apply(connection, files, deploy())
    error = caught.value
    assert (error.file, error.line, error.sqlstate) == ("100_a.sql", 4, "42703")
    assert scalar(connection, "select to_regclass('a')") is None
    assert attempts(connection) == [("100", "failed", "42703")]
    assert history.in_place(connection) == {}


def test_a_lost_connection_is_a_failure_with_its_place(
    connection: Connection, connect: Connect, written: Written, deploy: Deploy
) -> None:
    """COMMIT was never sent, so nothing is in place, and the try is recorded all the same."""
    files = written(_100_a="create table a ();\nselect pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationError) as caught:
        apply(connection, files, deploy())
    assert (caught.value.line, caught.value.sqlstate) == (2, "57P01")
    assert attempts(connect()) == [("100", "failed", "57P01")]
    assert scalar(connect(), "select to_regclass('a')") is None


def test_files_before_a_failing_one_stay(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Each file is a transaction of its own, and a mended file goes on from there."""
    with pytest.raises(MigrationError):
        apply(connection, written(_100_a="create table a ();", _101_b="select nothing;"), deploy())
    files = written(_101_b="create table b ();")
    assert [one.outcome for one in apply(connection, files, deploy())] == ["skipped", "applied"]


def test_a_file_that_changed_is_refused_before_anything_runs(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """Neither the changed file nor a later one runs."""
    apply(connection, written(_100_a="create table a ();"), deploy())
    files = written(_100_a="create table a (x int);", _101_b="create table b ();")
    with pytest.raises(MigrationError, match=r"100_a\.sql: changed since it was applied"):
        apply(connection, files, deploy())
    assert scalar(connection, "select to_regclass('b')") is None


def test_a_lock_that_is_held_is_waited_for_in_short_tries(
    connection: Connection, connect: Connect, migrations: tuple[Migration, ...], deploy: Deploy
) -> None:
    """Each try gives up after the lock timeout; when the lock is free, one succeeds."""
    blocker = connect()
    blocker.execute("begin; lock table users in access share mode")
    told: list[str] = []

    def watch(event: MigrationEvent) -> None:
        told.append(event.kind)
        if event.kind == "waiting":
            blocker.execute("rollback")

    done = apply_pending(connection, migrations[:1], deploy(), on_event=watch, patience=QUICK)
    assert "waiting" in told
    assert done[0].attempts == 3
    assert attempts(connection)[:2] == [("038", "failed", "55P03"), ("038", "succeeded", None)]


def test_patience_ends(
    connection: Connection, connect: Connect, migrations: tuple[Migration, ...], deploy: Deploy
) -> None:
    """When the budget is spent, the error says which statement waited for a lock."""
    connect().execute("begin; lock table users in access share mode")
    with pytest.raises(MigrationError, match="lock timeout") as caught:
        apply_pending(connection, migrations[:1], deploy(), on_event=quietly, patience=HURRIED)
    assert (caught.value.line, caught.value.sqlstate) == (3, "55P03")
    assert scalar(connection, "select count(*) from gonogo.migration") == 0


@pytest.mark.parametrize(
    "change",
    [
        "add column token uuid default gen_random_uuid()",
        "add column seen timestamptz default clock_timestamp()",
        "alter column name type text collate \"C\" using name || ''",
        "alter column email type char(300)",
    ],
)
def test_what_rewrites_a_table_is_refused(
    connection: Connection, written: Written, deploy: Deploy, change: str
) -> None:
    """A volatile default or a new type would write every row under a lock."""
    before = scalar(connection, "select pg_relation_filenode('users')")
    files = written(_100_a=f"select 1;\nALTER TABLE IF EXISTS ONLY public.users {change};")
    with pytest.raises(MigrationError, match="would rewrite the whole table") as caught:
        apply(connection, files, deploy())
    assert caught.value.line == 2
    assert scalar(connection, "select pg_relation_filenode('users')") == before


@pytest.mark.parametrize(
    "change",
    [
        "add column seen timestamptz default now()",
        "add column is_new boolean not null default false",
        "alter column name type varchar(500)",
        "add column boss uuid references users (id)",
    ],
)
def test_what_only_changes_the_catalogue_is_not(
    connection: Connection, written: Written, deploy: Deploy, change: str
) -> None:
    """A constant default and a wider varchar cost nothing, and nothing of the trial stays."""
    apply(connection, written(_100_a=f"alter table users {change};"), deploy())
    assert scalar(connection, "select to_regnamespace('gonogo_trial')") is None


def test_tables_of_the_same_file_may_be_altered_freely(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """A table that the file itself makes holds no rows yet."""
    text = "create table a (); alter table a add column id uuid default gen_random_uuid();"
    assert apply(connection, written(_100_a=text), deploy())[0].outcome == "applied"


RENAMES = {
    "a table": ("alter table audit_logs rename to events;", "events"),
    "a table twice": (
        "alter table audit_logs rename to a; alter table a rename to events;",
        "events",
    ),
    "a table and its column": (
        (
            "alter table public.audit_logs rename to events;"
            " alter table events rename column action to deed; alter table events add x int;"
        ),
        "events",
    ),
    "a constraint": (
        "alter table only audit_logs rename constraint audit_logs_pkey to events_key;",
        "audit_logs",
    ),
    "another schema": (
        (
            "create schema archive; alter table audit_logs set schema archive;"
            " alter table archive.audit_logs add x int default 1;"
        ),
        "archive.audit_logs",
    ),
    "a quoted name": ('alter table audit_logs rename to "Ev ents";', '"Ev ents"'),
    "names that change places": (
        (
            "create table fresh (id int); alter table audit_logs rename to old;"
            " alter table fresh rename to audit_logs;"
        ),
        "old",
    ),
}


@pytest.mark.parametrize(("text", "name"), RENAMES.values(), ids=RENAMES)
def test_a_table_can_be_renamed_and_moved(
    connection: Connection, written: Written, deploy: Deploy, text: str, name: str
) -> None:
    """Its rows come with it, and nothing of the trial stays."""
    before = scalar(connection, "select 'audit_logs'::regclass::oid")
    apply(connection, written(_100_a=text), deploy())
    assert scalar(connection, f"select '{name}'::regclass::oid") == before
    assert scalar(connection, f"select count(*) from {name}") == 20
    assert scalar(connection, "select to_regnamespace('gonogo_trial')") is None


@pytest.mark.parametrize(
    "text",
    [
        (
            "alter table /* the people */ users -- of ours\n add column x uuid default\n"
            "  gen_random_uuid();"
        ),
        "alter table if exists only\npublic . users alter column name type int using length(name);",
        'alter table "users" set unlogged;',
        "select 1;\n-- gonogo: no-transaction\nalter table users alter email type char(300);",
        "alter table users rename to people; alter table people alter email type char(300);",
        (
            "alter table public.users rename to people;"
            " alter table public.people alter email type char(300);"
        ),
        (
            "create schema s; alter table users set schema s;"
            " alter table s.users alter email type char(300);"
        ),
        (
            "select 'é'; alter table users add \"é\" int default 1, add x timestamptz"
            " default clock_timestamp();"
        ),
    ],
)
def test_a_rewrite_is_seen_however_it_is_written(
    connection: Connection, written: Written, deploy: Deploy, text: str
) -> None:
    """Comments, schemas and an earlier rename hide nothing."""
    with pytest.raises(MigrationError, match="would rewrite the whole table"):
        apply(connection, written(_100_a=text), deploy())


ODD = {
    "words of transaction control in a body": (
        (
            'create table spans (id int, "begin" int, "end" int);\n'
            "create function last_end() returns int language sql begin atomic\n"
            "  select max(s.end) from spans s;\nend;\n"
            "create procedure shift() begin atomic\n"
            '  update spans set "begin" = "begin" + 1; delete from spans where "end" < 0;\nend;'
        ),
        "select count(*) from pg_proc where proname in ('last_end', 'shift')",
        2,
    ),
    "a value of an enum": (
        "create type mood as enum ('fine'); alter type mood add value 'finer' before 'fine';",
        "select count(*) from pg_enum",
        2,
    ),
    "a materialized view": (
        (
            "create materialized view m as select 1 as id; create unique index on m (id);"
            " refresh materialized view concurrently m;"
        ),
        "select id from m",
        1,
    ),
    "a rule of two statements": (
        (
            "create table log (x int);"
            " create rule r as on delete to users do also (insert into log values (1); select 2);"
        ),
        "select count(*) from pg_rules where rulename = 'r'",
        1,
    ),
    "commits of a block outside": (
        (
            "create table t (x int);\n-- gonogo: no-transaction\n"
            "do $$ begin for i in 1..3 loop insert into t values (i); commit; end loop; end $$;"
        ),
        "select count(*) from t",
        3,
    ),
    "carriage returns": (
        (
            "create table t (x int);\r\n-- gonogo: no-transaction\r\n"
            "create index concurrently on t (x);\r\n"
        ),
        "select count(*) from pg_index where indrelid = 't'::regclass and indisvalid",
        1,
    ),
}


@pytest.mark.parametrize(("text", "query", "expected"), ODD.values(), ids=ODD)
def test_what_only_looks_odd_is_applied(
    connection: Connection,
    written: Written,
    deploy: Deploy,
    text: str,
    query: str,
    expected: int,
) -> None:
    """Statements are judged by what they are, not by their words."""
    apply(connection, written(_100_a=text), deploy())
    assert scalar(connection, query) == expected


def test_a_new_value_is_used_in_a_later_file(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """PostgreSQL knows a new value of an enum only after COMMIT, and the error says what to do."""
    connection.execute("create type mood as enum ('fine'); create table t (m mood)")
    adds, uses = "alter type mood add value 'finer';", "insert into t values ('finer');"
    with pytest.raises(MigrationError, match="later migration") as caught:
        apply(connection, written(_100_a=f"{adds}\n{uses}"), deploy())
    assert (caught.value.line, caught.value.sqlstate) == (2, "55P04")
    apply(connection, written(_100_a=adds, _101_b=uses), deploy())


def by_another_runner(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Run the files as the application's own runner would: without a ledger."""
    for one in migrations:
        for statement in (*one.file.inside, *one.file.outside):
            connection.execute(statement.text.encode())


def test_what_the_applications_own_runner_made_is_adopted(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy, survey: str
) -> None:
    """Objects that are there are recorded as adopted and not made again; the rest is applied."""
    by_another_runner(connection, migrations[:5])
    done = apply(connection, migrations, deploy(), survey)
    assert [one.outcome for one in done] == ["adopted"] * 5 + ["applied"] * 4
    rows = history.in_place(connection)
    assert [rows[one.version].adopted for one in migrations] == [True] * 5 + [False] * 4


def test_adoption_goes_by_meaning(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy, survey: str
) -> None:
    """Other names of indexes and constraints are as good."""
    by_another_runner(connection, migrations[:2])
    connection.execute("alter index idx_token_health_status rename to another_name")
    connection.execute(
        "alter table token_health rename constraint token_health_status_check to another_check"
    )
    assert apply(connection, migrations[:2], deploy(), survey)[1].outcome == "adopted"


@pytest.mark.parametrize(
    "damage",
    [
        "drop index idx_token_health_status",
        "alter table token_health drop constraint token_health_user_id_fkey",
        "alter table token_health drop column expiry_date",
        "alter table token_health alter column status type text",
    ],
)
def test_what_is_there_in_part_is_refused(
    connection: Connection,
    migrations: tuple[Migration, ...],
    deploy: Deploy,
    survey: str,
    damage: str,
) -> None:
    """Neither running nor skipping it would be right, so nothing runs at all."""
    by_another_runner(connection, migrations[1:2])
    connection.execute(damage.encode())
    with pytest.raises(MigrationError, match=r"039_.*there in part.*missing"):
        apply(connection, migrations, deploy(), survey)
    assert history.in_place(connection) == {}


def test_an_invalid_index_is_built_anew(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy
) -> None:
    """IF NOT EXISTS would take a broken-off build for the index."""
    connection.execute("alter table users add column is_admin boolean default false")
    connection.execute("create index idx_users_is_admin on users (is_admin) where is_admin")
    connection.execute(
        "update pg_index set indisvalid = false where indexrelid = 'idx_users_is_admin'::regclass"
    )
    apply(connection, migrations[:1], deploy())
    valid = "select indisvalid from pg_index where indexrelid = 'idx_users_is_admin'::regclass"
    assert scalar(connection, valid) is True


def test_a_run_killed_before_the_index_goes_on_with_it(
    connection: Connection,
    migrations: tuple[Migration, ...],
    deploy: Deploy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ledger knows that the part outside the transaction is outstanding."""

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("gonogo.rollout.migrations.apply.run_outside", die)
        with pytest.raises(KeyboardInterrupt):
            apply(connection, migrations, deploy())
    assert history.in_place(connection)["038"].completed_at is None
    apply(connection, migrations[:1], deploy())
    assert history.in_place(connection)["038"].completed_at is not None
    assert scalar(connection, "select to_regclass('idx_users_is_admin')::text") is not None


def test_a_failed_build_outside_the_transaction_is_told_with_its_line(
    connection: Connection, written: Written, deploy: Deploy
) -> None:
    """The table stays; the next run drops the broken index and tries again."""
    connection.execute("update users set name = 'same'")
    text = (
        "create table a ();\n-- gonogo: no-transaction\n"
        "create unique index concurrently if not exists one_name on users (name);"
    )
    files = written(_100_a=text)
    for _ in range(2):
        with pytest.raises(MigrationError) as caught:
            apply(connection, files, deploy())
        assert (caught.value.line, caught.value.sqlstate) == (3, "23505")
    connection.execute("update users set name = email")
    assert apply(connection, files, deploy())[0].outcome == "applied"


def test_the_sessions_settings_are_put_back(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy
) -> None:
    """What follows on the same connection runs under its own limits and search path."""
    query = "select current_setting('lock_timeout') || current_setting('search_path')"
    before = scalar(connection, query)
    apply(connection, migrations, deploy())
    assert scalar(connection, query) == before


def test_migrations_go_to_the_schema_that_holds_users(
    connection: Connection, migrations: tuple[Migration, ...], deploy: Deploy
) -> None:
    """An earlier schema of the search path without users is passed over."""
    connection.execute("create schema extra; set search_path = extra, public")
    apply(connection, migrations, deploy())
    assert scalar(connection, "select to_regclass('extra.sync_metrics')") is None
    assert scalar(connection, "select to_regclass('public.sync_metrics')::text") is not None
