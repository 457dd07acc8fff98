"""The traffic's figures, counted by plain SQL in the tables that it wrote."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest

from gonogo.sandbox import traffic as generator
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.mix import Mix, Syncs
from gonogo.sandbox.traffic import TABLES, Traffic, generate
from waiting import cpu_s

START = datetime(2026, 3, 2, 9, 17, 3, 141592, tzinfo=UTC)
END = START + timedelta(hours=48)
NAIVE_END = END.replace(tzinfo=None)
HEALTHY = Traffic(START, END, rows=30_000)
INDEXES = """
select indexrelid::regclass::text, pg_get_indexdef(indexrelid), conname
from pg_index left join pg_constraint on conindid = indexrelid
where indrelid in ('sync_metrics'::regclass, 'webhook_notifications'::regclass)
order by 1"""


@pytest.fixture(scope="module")
def healthy_template(databases: Databases, migrated_template: str) -> str:
    """The template of a database after 48 healthy hours."""

    def build(conninfo: str) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            generate(connection, HEALTHY)

    return databases.ensure_template("healthy_template", build, migrated_template)


@pytest.fixture(scope="module")
def healthy(databases: Databases, healthy_template: str) -> Iterator[psycopg.Connection]:
    """A connection to such a database, for tests that only read."""
    name = f"healthy_{uuid4().hex}"
    conninfo = databases.create(name, healthy_template)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = on")
        yield connection
    databases.drop(name)


def one(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> Any:
    """The only value that a query answers with."""
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


def checksums(conninfo: str) -> dict[str, object]:
    """Of every table that traffic writes: rows and the sum of their hashes."""
    with psycopg.connect(conninfo) as connection:
        return {
            table: connection.execute(
                f"select count(*), sum(hashtextextended(t::text, 0)::numeric) from {table} as t"
            ).fetchone()
            for table in TABLES
        }


def generated(conninfo: str, traffic: Traffic) -> dict[str, object]:
    """Generate, and sum up what is there."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        generate(connection, traffic)
    return checksums(conninfo)


SHARES: dict[str, tuple[LiteralString, float, float]] = {
    "skip rate": ("select avg((result = 'skipped')::int) from sync_metrics", 0.765, 0.01),
    "calendar's skip rate": (
        (
            "select avg((result = 'skipped')::int) from sync_metrics"
            " where integration_type = 'google_calendar' and sync_type <> 'initial'"
        ),
        0.83,
        0.01,
    ),
    "contacts' skip rate": (
        (
            "select avg((result = 'skipped')::int) from sync_metrics"
            " where integration_type = 'google_contacts' and sync_type <> 'initial'"
        ),
        0.57,
        0.02,
    ),
    "calendar's share": (
        "select avg((integration_type = 'google_calendar')::int) from sync_metrics",
        0.75,
        0.01,
    ),
    "sync success": (
        "select avg((result = 'success')::int) from sync_metrics where result <> 'skipped'",
        0.9675,
        0.01,
    ),
    "adaptive among the skipped": (
        (
            "select avg((skip_reason in ('adaptive_scheduling', 'not_due'))::int) from sync_metrics"
            " where result = 'skipped' and skip_reason is not null"
        ),
        0.935,
        0.01,
    ),
    "manual share": (
        "select avg((sync_type = 'manual')::int) from sync_metrics where result <> 'skipped'",
        0.02,
        0.006,
    ),
    "webhook success": (
        (
            "select avg((result = 'success')::int) from webhook_notifications"
            " where result <> 'ignored'"
        ),
        0.985,
        0.012,
    ),
    "ignored notifications": (
        "select avg((result = 'ignored')::int) from webhook_notifications",
        0.03,
        0.015,
    ),
    "users with an invalid token": (
        (
            "select avg(invalid::int) from (select bool_or(status in ('expired', 'revoked'))"
            " as invalid from token_health group by user_id) as users"
        ),
        0.032,
        0.01,
    ),
    "open breakers": (
        "select avg((state = 'open')::int) from circuit_breaker_state",
        0.02,
        0.015,
    ),
    "median duration of the calendar": (
        (
            "select percentile_cont(0.5) within group (order by duration_ms) / 1000"
            " from sync_metrics where result <> 'skipped' and integration_type = 'google_calendar'"
        ),
        0.45,
        0.05,
    ),
}


@pytest.mark.parametrize("name", SHARES)
def test_a_share_is_what_the_mix_says(healthy: psycopg.Connection, name: str) -> None:
    """Each share, counted in the table, is that of the mix."""
    query, expected, tolerance = SHARES[name]
    assert float(one(healthy, query)) == pytest.approx(expected, abs=tolerance)


NEVER: dict[str, LiteralString] = {
    "a row outside of the 48 hours": (
        "select count(*) from (select created_at from sync_metrics union all"
        " select created_at from webhook_notifications) as r"
        " where created_at < '2026-03-02 09:17:03.141592'"
        " or created_at >= '2026-03-04 09:17:03.141592'"
    ),
    "a user whose sync is broken": (
        "select count(*) from (select from sync_metrics where result <> 'skipped' group by user_id"
        " having count(*) >= 2 and count(*) filter (where result = 'success') = 0) as broken"
    ),
    "a sync before its connection": (
        "select count(*) from sync_metrics as m join sync_schedule as s"
        " using (user_id, integration_type) where m.created_at < s.created_at"
    ),
    "a skip with a duration, or a reason without a skip": (
        "select count(*) from sync_metrics"
        " where (result = 'skipped') = (duration_ms is not null)"
        " or (skip_reason is not null and result <> 'skipped')"
    ),
    "a failure without a message": (
        "select count(*) from sync_metrics"
        " where (result = 'failure') <> (error_message is not null)"
    ),
    "a critical message": (
        "select count(*) from sync_metrics where error_message ~* 'deadlock|violates|out of memory"
        "|ECONNREFUSED|could not connect|permission denied for|invalid_client|decrypt'"
    ),
    "a silent subscription": (
        "select count(*) from calendar_webhook_subscriptions as s"
        " where created_at < '2026-03-03' and not exists (select from webhook_notifications n"
        " where n.channel_id = s.channel_id)"
    ),
    "a subscription of no calendar": (
        "select count(*) from calendar_webhook_subscriptions as s where not exists ("
        " select from sync_schedule as c where c.user_id = s.user_id"
        " and integration_type = 'google_calendar')"
    ),
    "an older connection that onboards": (
        "select count(*) from sync_schedule"
        " where (created_at >= '2026-03-02 09:17:03') <> (onboarding_until is not null)"
    ),
    "an open breaker that waits for ever": (
        "select count(*) from circuit_breaker_state where state = 'open'"
        " and coalesce(next_retry_at, 'infinity') not between '2026-03-04 08:00' and '2026-03-05'"
    ),
    "a row of nobody": (
        "select count(*) from sync_metrics where user_id not in (select id from users)"
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_healthy_traffic_never_holds(healthy: psycopg.Connection, name: str) -> None:
    """Nothing that would not happen in health is in it, not even once."""
    assert one(healthy, NEVER[name]) == 0


def test_enough_new_users_prove_onboarding(healthy: psycopg.Connection) -> None:
    """Thirty new users a day; each that connected an hour ago has a success everywhere."""
    query: LiteralString = """
        select count(distinct s.user_id), bool_and(exists (
            select from sync_metrics as m
            where m.user_id = s.user_id and m.integration_type = s.integration_type
                and m.result = 'success' and m.created_at >= s.created_at))
        from sync_schedule as s
        where onboarding_until is not null and created_at <= %s::timestamp - interval '1 hour'"""
    users, all_succeeded = healthy.execute(query, [NAIVE_END]).fetchone() or (0, False)
    assert 50 <= users <= 60
    assert all_succeeded


def test_no_hour_is_empty_and_afternoons_are_busiest(healthy: psycopg.Connection) -> None:
    """Every hour has syncs of both integrations, and 15:00 has more than twice those of 03:00."""
    hours = healthy.execute(
        "select extract(hour from created_at)::int, count(*), count(distinct integration_type)"
        " from sync_metrics group by date_trunc('hour', created_at), 1"
    ).fetchall()
    assert len(hours) == 49
    assert {integrations for _, _, integrations in hours} == {2}
    by_hour = {hour: rows for hour, rows, _ in hours if hour != 9}
    assert by_hour[15] > 2 * by_hour[3]


def test_it_goes_on_up_to_the_end(healthy: psycopg.Connection) -> None:
    """The last sync and notification are minutes old, and every job's footprint is fresh."""
    ages = healthy.execute(
        "select %(end)s - max(m.created_at), %(end)s - (select max(created_at) from"
        " webhook_notifications), %(end)s - (select min(last_checked) from token_health),"
        " %(end)s - (select max(updated_at) from calendar_webhook_subscriptions)"
        " from sync_metrics as m",
        {"end": NAIVE_END},
    ).fetchone()
    assert ages is not None
    minutes, hours = timedelta(minutes=10), timedelta(hours=26)
    assert [age < limit for age, limit in zip(ages, (minutes, minutes, hours, hours), strict=True)]
    assert all(age > timedelta() for age in ages)


def test_notifications_come_at_a_healthy_pace(healthy: psycopg.Connection) -> None:
    """Each subscription hears between 5 and 50 times a day."""
    pace = one(
        healthy,
        "select (select count(*) from webhook_notifications) / 2.0 / count(*)"
        " from calendar_webhook_subscriptions",
    )
    assert 8 < pace < 14


def test_the_same_seed_makes_the_same_rows(new_database: Any, migrated_template: str) -> None:
    """Twice the same traffic is the same to the last bit; another seed makes other rows."""
    small = Traffic(START, END, rows=2_000)
    sums = [generated(new_database(migrated_template), small) for _ in range(2)]
    other = generated(new_database(migrated_template), Traffic(START, END, rows=2_000, seed=2))
    assert sums[0] == sums[1]
    assert sums[0]["sync_metrics"] != other["sync_metrics"]


def test_in_bulk_it_is_the_same(
    new_database: Callable[..., str], migrated_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small chunks and without indexes meanwhile, the same rows come, and the same indexes."""
    small = Traffic(START, END, rows=2_000)
    plain, bulk = new_database(migrated_template), new_database(migrated_template)
    expected = generated(plain, small)
    monkeypatch.setattr(generator, "CHUNK_ROWS", 100)
    monkeypatch.setattr(generator, "BULK_ROWS", 0)
    assert generated(bulk, small) == expected
    with psycopg.connect(plain) as before, psycopg.connect(bulk) as after:
        assert before.execute(INDEXES).fetchall() == after.execute(INDEXES).fetchall()


def test_the_summary_counts_what_was_written(migrated_database: str) -> None:
    """The summary's rows are those of the tables, and volume is what was asked for."""
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        users = one(connection, "select count(*) from users")
        summary = generate(connection, Traffic(START, END, rows=3_000))
        first_syncs = one(
            connection, "select count(*) from sync_metrics where sync_type = 'initial'"
        )
        now = one(connection, "select count(*) from users")
    assert summary.rows["sync_metrics"] == 3_000 + first_syncs
    assert summary.rows["users"] == now - users == 60
    assert summary.elapsed_s > 0


def test_only_some_users_may_take_part(migrated_database: str) -> None:
    """Of the users that connected before, as many take part as were asked for."""
    mix = Mix.model_validate({"onboarding": {"new_users_per_day": 0}})
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        generate(connection, Traffic(START, END, rows=500, connected_users=12, mix=mix))
        assert one(connection, "select count(distinct user_id) from sync_schedule") == 12


def test_traffic_goes_on_where_it_ended(migrated_database: str) -> None:
    """A second stretch adds to the first: no key clashes, and states move on to the new end."""
    later = END + timedelta(hours=24)
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        generate(connection, Traffic(START, END, rows=2_000))
        summary = generate(connection, Traffic(END, later, rows=1_000))
        checked = one(connection, "select min(last_checked) from token_health")
        clash = one(connection, "select count(*) - count(distinct email) from users")
    assert summary.rows["sync_metrics"] > 1_000
    assert summary.rows["users"] == 30
    assert checked > NAIVE_END
    assert clash == 0


def test_users_and_what_they_had_are_untouched(base_database: str, migrated_database: str) -> None:
    """Traffic adds users and tokens; every row from before the rollout is what it was."""
    query: LiteralString = """
        select sum(hashtextextended((u.id, u.email, u.name, u.updated_at)::text, 0)::numeric),
            (select sum(hashtextextended(t::text, 0)::numeric) from oauth_tokens as t
             where t.created_at < '2026-03-01'),
            (select count(*) from contacts), (select count(*) from audit_logs)
        from users as u where u.created_at < '2026-03-01'"""
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        generate(connection, Traffic(START, END, rows=500))
        after = connection.execute(query).fetchone()
    with psycopg.connect(base_database) as connection:
        assert connection.execute(query).fetchone() == after


def test_it_works_inside_a_transaction(migrated_database: str) -> None:
    """Called within a transaction, twice, it is undone with it and leaves the session as it was."""
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        with connection.transaction(force_rollback=True):
            generate(connection, Traffic(START, END, rows=500))
            generate(connection, Traffic(END, END + timedelta(hours=2), rows=100))
        assert one(connection, "select count(*) from sync_metrics") == 0
        assert one(connection, "show session_replication_role") == "origin"


@pytest.mark.slow
def test_a_million_rows_take_seconds(migrated_database: str) -> None:
    """A million syncs are written in half a minute of the server's own work, however busy it is."""
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        summary = generate(connection, Traffic(START, END, rows=1_000_000))
        used_s = cpu_s(connection.info.backend_pid) or summary.elapsed_s
    assert summary.rows["sync_metrics"] >= 1_000_000
    assert used_s < 25


def test_a_broken_user_never_succeeds(migrated_database: str) -> None:
    """The share of broken users is exact: rounded down, of all who are connected."""
    mix = Mix(syncs=Syncs(broken_users=0.25))
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        generate(connection, Traffic(START, END, rows=20_000, mix=mix))
        broken, users = connection.execute(
            "select count(*) filter (where n = 0), count(*) from (select count(*) filter"
            " (where result = 'success') as n from sync_metrics where result <> 'skipped'"
            " and user_id in (select user_id from sync_schedule where created_at < '2026-03-01')"
            " group by user_id) as users"
        ).fetchone() or (0, 0)
    assert broken / users == pytest.approx(0.25, abs=0.1)
