"""Each incident moves its figure past the level, counted by plain SQL; the rest goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from gonogo.errors import UsageError
from gonogo.model.measurement import parse_duration
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.incidents import InjectedIncident, find_incident, inject, load_incidents
from gonogo.sandbox.traffic import Traffic, generate

START = datetime(2026, 3, 2, 9, 17, 3, 141592, tzinfo=UTC)
AT = START + timedelta(hours=48)
INCIDENTS = load_incidents()
EXECUTED = "created_at >= %(start)s and created_at < %(end)s and result <> 'skipped'"


@pytest.fixture(scope="module")
def before_template(databases: Databases, migrated_template: str) -> str:
    """The template of a database after 48 healthy hours."""

    def build(conninfo: str) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            generate(connection, Traffic(START, AT, rows=10_000))

    return databases.ensure_template("before_incident_template", build, migrated_template)


@pytest.fixture
def before(new_database: Callable[..., str], before_template: str) -> str:
    """A database of one's own, in which all is well up to `AT`."""
    return new_database(before_template)


def measured(
    connection: psycopg.Connection, injected: InjectedIncident, query: LiteralString
) -> float:
    """The figure at the incident's end, over its window."""
    end = injected.as_of.replace(tzinfo=None)
    start = end - parse_duration(injected.window)
    row = connection.execute(query, {"start": start, "end": end}).fetchone()
    assert row is not None
    return float(row[0])


def share(part: LiteralString, table: LiteralString, where: LiteralString) -> LiteralString:
    """SQL of a share in per cent."""
    return f"select 100.0 * count(*) filter (where {part}) / count(*) from {table} where {where}"


BROKEN: LiteralString = f"""
select 100.0 * count(*) filter (where successes = 0) / count(*) from (
    select count(*) filter (where result = 'success') as successes
    from sync_metrics where {EXECUTED} group by user_id having count(*) >= 2) as users"""
NEWEST_CALENDAR: LiteralString = f"""
select 100.0 * count(*) filter (where result = 'success') / count(*) from (
    select result from sync_metrics where {EXECUTED} and integration_type = 'google_calendar'
    order by created_at desc limit 50) as newest"""
ONBOARDED: LiteralString = """
select 100.0 * count(*) filter (where succeeded) / count(*) from (
    select bool_and(exists (select from sync_metrics as m
        where m.user_id = s.user_id and m.integration_type = s.integration_type
            and m.result = 'success')) as succeeded
    from sync_schedule as s
    where onboarding_until is not null and created_at <= %(end)s - interval '1 hour'
    group by user_id) as users"""
INVALID: LiteralString = """
select 100.0 * count(*) filter (where invalid) / count(*) from (
    select bool_or(status in ('expired', 'revoked')) as invalid
    from token_health group by user_id) as users"""
OPEN: LiteralString = """
select 100.0 * count(distinct user_id) / (select count(distinct user_id) from sync_schedule)
from circuit_breaker_state where state = 'open'"""
SILENT: LiteralString = """
select 100.0 * count(*) filter (where created_at <= %(end)s - interval '48 hours' and not exists (
    select from webhook_notifications as n
    where n.user_id = s.user_id and n.created_at >= %(end)s - interval '48 hours')) / count(*)
from calendar_webhook_subscriptions as s where expiration > %(end)s"""
SYNCS = share("result = 'success'", "sync_metrics", EXECUTED)
SKIPPED = share("result = 'skipped'", "sync_metrics", "created_at between %(start)s and %(end)s")
HOURS: LiteralString = "select extract(epoch from %(end)s - {}) / 3600 from {}"
LEVELS: tuple[tuple[str, LiteralString, float, float], ...] = (
    ("sync-outage", SYNCS, 0, 70),
    ("sync-outage", BROKEN, 10, 100),
    ("broken-users", BROKEN, 10, 30),
    ("calendar-down", SYNCS, 90, 100),
    ("calendar-down", NEWEST_CALENDAR, 0, 0),
    ("flaky-sync", SYNCS, 80, 90),
    ("webhook-failures", share("result = 'success'", "webhook_notifications", EXECUTED), 0, 80),
    ("silent-webhooks", SILENT, 25, 100),
    ("over-skipping", SKIPPED, 85, 100),
    ("under-skipping", SKIPPED, 0, 70),
    ("onboarding-broken", ONBOARDED, 0, 80),
    ("token-revocations", INVALID, 20, 100),
    ("unknown-tokens", share("status = 'unknown'", "token_health", "true"), 50, 100),
    ("breaker-storm", OPEN, 10, 100),
    (
        "stuck-breakers",
        share(
            "next_retry_at < %(end)s - interval '24 hours'",
            "circuit_breaker_state",
            "state = 'open'",
        ),
        50,
        100,
    ),
    ("dead-jobs", HOURS.format("max(last_checked)", "token_health"), 26, 1000),
    (
        "dead-jobs",
        HOURS.format("max(created_at)", "sync_metrics where sync_type in ('full', 'incremental')"),
        26,
        1000,
    ),
    (
        "dead-jobs",
        share("expiration <= %(end)s", "calendar_webhook_subscriptions", "true"),
        5,
        100,
    ),
    ("data-gap", HOURS.format("max(created_at)", "sync_metrics"), 26, 1000),
    (
        "decrypt-errors",
        f"select count(*) from sync_metrics where {EXECUTED} and error_message ~ 'decrypt'",
        1,
        1000,
    ),
    (
        "critical-bug",
        (
            "select count(*) from gonogo.incident where kind = 'critical' and closed_at is null"
            " and opened_at < %(end)s at time zone 'UTC'"
        ),
        1,
        1,
    ),
    (
        "job-failures",
        (
            "select count(*) from gonogo.job_run where not succeeded"
            " and started_at < %(end)s at time zone 'UTC'"
        ),
        4,
        10,
    ),
    (
        "migration-failed",
        (
            "select count(*) from gonogo.migration_attempt where id = (select max(id)"
            " from gonogo.migration_attempt where version = '046') and outcome = 'failed'"
        ),
        1,
        1,
    ),
    (
        "wrong-zone",
        (
            "select count(*) from pg_db_role_setting"
            " where 'TimeZone=Europe/Berlin' = any(setconfig)"
            " and setdatabase = (select oid from pg_database where datname = current_database())"
        ),
        1,
        1,
    ),
    (
        "clock-skew",
        "select extract(epoch from max(created_at) - %(end)s) / 60 from sync_metrics",
        5,
        1e9,
    ),
    (
        "west-writer",
        (
            "select avg((created_at < %(end)s - interval '10 hours')::integer) from ("
            " select created_at from sync_metrics order by age(xmin) limit 1000) as newest"
        ),
        0.4,
        0.5,
    ),
)


@pytest.mark.parametrize(
    ("name", "query", "low", "high"),
    LEVELS,
    ids=[f"{name}-{place}" for place, (name, *_) in enumerate(LEVELS)],
)
def test_an_incident_moves_its_figure(
    before: str, name: str, query: LiteralString, low: float, high: float
) -> None:
    """At its end, over its window, the figure lies where a gate must stop the rollout."""
    with psycopg.connect(before, autocommit=True) as connection:
        injected = inject(connection, find_incident(name), AT)
        assert low <= measured(connection, injected, query) <= high


def test_every_incident_has_a_figure() -> None:
    """No incident is left without a figure that proves it."""
    assert {name for name, *_ in LEVELS} == set(INCIDENTS)


def test_an_incident_says_when_to_look(before: str) -> None:
    """What is handed back is the incident's own words, and its end."""
    incident = find_incident("webhook-failures")
    with psycopg.connect(before, autocommit=True) as connection:
        injected = inject(connection, incident, AT)
    assert injected.as_of == AT + timedelta(hours=incident.hours)
    assert (injected.window, injected.verdict) == (incident.window, incident.verdict)
    assert (injected.name, injected.title) == (incident.name, incident.title)


def test_the_rest_goes_on(before: str) -> None:
    """While webhooks fail, syncs come as fast and succeed as often as the day before."""
    query: LiteralString = """
        select count(*), avg((result = 'success')::int) filter (where result <> 'skipped')
        from sync_metrics where created_at >= %s and created_at < %s"""
    at = AT.replace(tzinfo=None)
    with psycopg.connect(before, autocommit=True) as connection:
        inject(connection, find_incident("webhook-failures"), AT)
        day = timedelta(days=1)
        rows_before, _ = connection.execute(query, (at - day, at)).fetchone() or (0, 0)
        rows, success = connection.execute(query, (at, at + day)).fetchone() or (0, 0)
    assert rows == pytest.approx(rows_before / 4, rel=0.05)
    assert success > 0.93


def test_what_was_before_stays(before: str) -> None:
    """An incident appends: no event from before it is changed or gone."""
    query: LiteralString = """
        select (select sum(hashtextextended(m::text, 0)::numeric) from sync_metrics as m
                where created_at < %(at)s),
            (select sum(hashtextextended(n::text, 0)::numeric) from webhook_notifications as n
                where created_at < %(at)s)"""
    parameters: dict[str, Any] = {"at": AT.replace(tzinfo=None)}
    with psycopg.connect(before, autocommit=True) as connection:
        healthy = connection.execute(query, parameters).fetchone()
        inject(connection, find_incident("sync-outage"), AT)
        assert connection.execute(query, parameters).fetchone() == healthy


def test_the_same_seed_brings_the_same_incident(
    new_database: Callable[..., str], before_template: str
) -> None:
    """Twice the same incident is the same to the last bit; another seed makes another."""
    sums = []
    for seed in (1, 1, 2):
        with psycopg.connect(new_database(before_template), autocommit=True) as connection:
            inject(connection, find_incident("sync-outage"), AT, seed)
            sums.append(
                connection.execute(
                    "select sum(hashtextextended(m::text, 0)::numeric) from sync_metrics as m"
                ).fetchone()
            )
    assert sums[0] == sums[1] != sums[2]


def test_an_incident_needs_healthy_traffic_before_it(migrated_database: str) -> None:
    """Without a day of traffic before it, an incident is one clear error."""
    with (
        psycopg.connect(migrated_database, autocommit=True) as connection,
        pytest.raises(UsageError, match="generate healthy traffic first"),
    ):
        inject(connection, find_incident("data-gap"), AT)
