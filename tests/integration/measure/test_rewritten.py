"""Surveys that look rows up by an index bring what their plain definition brings, of any rows.

The definitions read every row of the window; the surveys read as few as they can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

SQL = Path(__file__).parents[3] / "checks" / "sql"
AS_OF = datetime(2100, 6, 1, 12, 30)  # noqa: DTZ001  # as the columns hold it: UTC, without a zone
START = AS_OF - timedelta(hours=48)
PARAMETERS: Mapping[str, object] = {
    "window_start": START,
    "as_of": AS_OF,
    "since_deployment": AS_OF - timedelta(days=9),
    "critical_pattern": "deadlock|violates",
    "most_messages": 5,
    "slice_start": AS_OF - timedelta(days=8),
    "slice_end": AS_OF,
    "slice_hours": [AS_OF - timedelta(days=8)],
    "slice_is_wide": False,
}
# Most users are new; moments lie before, on and after every bound, and most messages are rare.
ROWS = """
select setseed(%(seed)s);
create function pg_temp.ago(most double precision) returns timestamp language sql volatile as $$
    select timestamp '2100-06-01 12:30' - case floor(8 * random())
        when 0 then interval '0'
        when 1 then interval '48 hours'
        when 2 then interval '9 days'
        else random() * most * interval '1 hour'
    end
$$;
create function pg_temp.one_of(variadic words text[]) returns text language sql volatile as $$
    select words[1 + floor(random() * cardinality(words))::integer]
$$;
insert into users (id, email, created_at)
select gen_random_uuid(), 'random' || n, pg_temp.ago(400) at time zone 'UTC'
from generate_series(1, 60) as n;
insert into sync_schedule (user_id, integration_type, current_frequency_ms, default_frequency_ms,
    min_frequency_ms, max_frequency_ms, next_sync_at, created_at, onboarding_until)
select id, kind, 1, 1, 1, 1, now(), pg_temp.ago(300),
    case when random() < 0.6 then timestamp '2100-06-01' end
from users, unnest(array['google_contacts', 'google_calendar']) as kind
where email like 'random%%' and random() < 0.8;
insert into sync_metrics (user_id, integration_type, sync_type, result, duration_ms, error_message,
    created_at)
select
    (array(select id from users where email like 'random%%'))[1 + floor(60 * random() ^ 3)],
    pg_temp.one_of('google_contacts', 'google_calendar'), 'incremental',
    pg_temp.one_of('failure', 'failure', 'success', 'skipped', 'skipped', 'skipped'),
    case when random() < 0.9 then floor(40 * random()) end,
    pg_temp.one_of(null, 'deadlock', 'a', 'b', 'Violates ' || n / 100, 'c' || n / 300,
        repeat('x', 1100)),
    pg_temp.ago(300)
from generate_series(1, 1500) as n;
insert into webhook_notifications (user_id, channel_id, resource_state, result, error_message,
    created_at)
select
    (array(select id from users where email like 'random%%'))[1 + floor(60 * random())],
    'channel', 'exists', pg_temp.one_of('failure', 'success', 'ignored'),
    pg_temp.one_of(null, 'deadlock', 'a', 'b' || n / 300), pg_temp.ago(60)
from generate_series(1, 600) as n;
"""
NEW = """
with new as (
    select s.*, s.created_at <= %(as_of)s::timestamp - interval '1 hour' as settled, exists (
        select from sync_metrics as m
        where (m.user_id, m.integration_type) = (s.user_id, s.integration_type)
            and m.result = 'success' and m.created_at >= s.created_at and m.created_at < %(as_of)s
    ) as succeeded, u.created_at as came_at
    from sync_schedule as s left join users as u on u.id = s.user_id
)"""
FAILED = """
select left(coalesce(error_message, '(no message)'), 1000) as message, count(*) as n
from {table}
where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
group by 1 order by n desc, message limit 5"""
CRITICAL = """
select count(*) from {table}
where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    and error_message ~* %(critical_pattern)s"""
MESSAGES = f"""
select message, n, null as critical from ({FAILED}) as tops
union all select null, null, ({CRITICAL})"""
DEFINED = {
    "first_syncs": f"""{NEW}
        select 1 as hour_no, integration_type as integration, count(*) as n,
            min(created_at) as first_at, max(created_at) as last_at
        from new
        where created_at >= %(slice_start)s and created_at < %(slice_end)s and succeeded
            and (onboarding_until is not null
                or came_at >= created_at at time zone 'UTC' - interval '14 days')
        group by 2""",
    "onboarding_errors": f"""{NEW}
        select left(coalesce(m.error_message, '(no message)'), 1000) as message, count(*) as n,
            count(distinct user_id) as users
        from new join sync_metrics as m using (user_id, integration_type)
        where m.result = 'failure' and m.created_at >= new.created_at and m.created_at < %(as_of)s
            and settled and not succeeded and new.created_at >= %(since_deployment)s
            and (onboarding_until is not null
                or came_at >= %(since_deployment)s::timestamp at time zone 'UTC')
        group by 1 order by users desc, n desc, message limit 5""",
    "sync_errors": MESSAGES.format(table="sync_metrics"),
    "webhook_errors": MESSAGES.format(table="webhook_notifications"),
    "webhook_users": """
        select user_id::text, count(*) filter (where result = 'failure') as failures,
            count(*) as executed
        from webhook_notifications
        where created_at >= %(window_start)s and created_at < %(as_of)s
            and result in ('success', 'failure')
        group by user_id order by failures desc, 1 limit 1""",
    "sync_durations": """
        select integration_type as integration, count(*) as n, round(avg(ms))::bigint as mean_ms,
            round((percentile_cont(0.50) within group (order by ms))::numeric)::bigint as p50_ms,
            round((percentile_cont(0.95) within group (order by ms))::numeric)::bigint as p95_ms,
            round((percentile_cont(0.99) within group (order by ms))::numeric)::bigint as p99_ms
        from (select integration_type, duration_ms::numeric as ms from sync_metrics
            where created_at >= %(window_start)s and created_at < %(as_of)s
                and result = 'success' and duration_ms is not null) as successes
        group by 1""",
}


@pytest.mark.parametrize("seed", [0.1, 0.2, 0.3])
def test_a_survey_brings_what_its_definition_brings(
    new_database: Callable[..., str], migrated_template: str, seed: float
) -> None:
    """With many new users, in a window and a time of onboarding that begin at different moments."""
    with psycopg.connect(new_database(migrated_template), row_factory=dict_row) as connection:
        psycopg.ClientCursor(connection).execute(ROWS.encode(), {"seed": seed})
        connection.execute("set timezone = 'UTC'")
        for name, definition in DEFINED.items():
            survey = (SQL / f"{name}.sql").read_text(encoding="utf-8")
            found, meant = (
                sorted(map(repr, connection.execute(text.encode(), PARAMETERS).fetchall()))
                for text in (survey, definition)
            )
            assert found == meant, name
            assert len(found) > 1 or name == "webhook_users"
