-- The rival: what an expert would write by hand for the same numbers, without the hourly series.
-- One session, one statement after the other, each in parallel and as fast as we can make it. The
-- longest stretch without a sync stands last and is also measured apart: `lag` over every row takes
-- five times as long as the hours' first and last rows do here.

-- success, skip and manual rates, reasons, API calls, both halves for the trend, critical
-- messages
select
    integration_type,
    count(*) as n,
    count(*) filter (where result = 'success') as success,
    count(*) filter (where result = 'failure') as failure,
    count(*) filter (where result = 'skipped') as skipped,
    count(*) filter (where skip_reason in ('adaptive_scheduling', 'not_due')) as adaptive,
    count(*) filter (where skip_reason = 'circuit_breaker_open') as breaker,
    count(*) filter (where skip_reason = 'invalid_token') as invalid_token,
    count(*) filter (where skip_reason = 'token_expiring') as token_expiring,
    count(*) filter (where sync_type = 'manual' and result in ('success', 'failure')) as manual,
    count(*) filter (where result = 'success' and created_at < %(halfway)s) as success_before,
    count(*) filter (where result = 'failure' and created_at < %(halfway)s) as failure_before,
    sum(api_calls_made) as api_calls_made,
    sum(api_calls_saved) as api_calls_saved,
    avg(duration_ms) filter (where result = 'success') as mean_ms,
    count(*) filter (
        where error_message is not null
            and result <> 'failure'
            and error_message ~* %(critical_pattern)s
    ) as critical
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
group by 1;

-- percentile_cont would sort every row, and not in parallel
with counted as (
    select integration_type, duration_ms, count(*) as n
    from sync_metrics
    where result = 'success' and created_at >= %(window_start)s and created_at < %(as_of)s
    group by 1, 2
),

ranked as (
    select
        integration_type,
        duration_ms,
        sum(n) over (partition by integration_type order by duration_ms) as upto,
        sum(n) over (partition by integration_type) as total
    from counted
)

select
    integration_type,
    min(duration_ms) filter (where upto >= 0.50 * total) as p50_ms,
    min(duration_ms) filter (where upto >= 0.95 * total) as p95_ms,
    min(duration_ms) filter (where upto >= 0.99 * total) as p99_ms
from ranked
group by 1;

select count(*) filter (where successes = 0) as broken, count(*) as active
from (
    select user_id, count(*) filter (where result = 'success') as successes
    from sync_metrics
    where result <> 'skipped' and created_at >= %(window_start)s and created_at < %(as_of)s
    group by 1
    having count(*) >= 2
) as users;

-- each message is matched once
with messages as (
    select error_message, count(*) as n
    from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    group by 1
)

select
    (select sum(n) from messages where error_message ~* %(critical_pattern)s) as critical,
    array(
        select (error_message, n)::text from messages order by n desc, error_message limit 5
    ) as most;

(
    select 'all' as whose, result from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s
        and result in ('success', 'failure')
    order by created_at desc limit 50
)
union all
(
    select 'contacts', result from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s
        and result in ('success', 'failure') and integration_type = 'google_contacts'
    order by created_at desc limit 50
)
union all
(
    select 'calendar', result from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s
        and result in ('success', 'failure') and integration_type = 'google_calendar'
    order by created_at desc limit 50
)
union all
(
    select 'webhooks', result from webhook_notifications
    where created_at >= %(window_start)s and created_at < %(as_of)s
        and result in ('success', 'failure')
    order by created_at desc limit 50
);

select
    count(*) filter (where result = 'success') as success,
    count(*) filter (where result = 'failure') as failure,
    count(*) filter (where result = 'ignored') as ignored,
    count(*) filter (where result = 'success' and created_at < %(halfway)s) as success_before,
    count(*) filter (where result = 'failure' and created_at < %(halfway)s) as failure_before,
    count(*) filter (
        where error_message is not null
            and result <> 'failure'
            and error_message ~* %(critical_pattern)s
    ) as critical
from webhook_notifications
where created_at >= %(window_start)s and created_at < %(as_of)s;

-- each message is matched once
with messages as (
    select error_message, count(*) as n
    from webhook_notifications
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    group by 1
)

select
    (select sum(n) from messages where error_message ~* %(critical_pattern)s) as critical,
    array(
        select (error_message, n)::text from messages order by n desc, error_message limit 5
    ) as most;

select
    count(*) as total,
    count(*) filter (where s.expiration <= %(as_of)s) as expired,
    count(*) filter (where s.expiration > %(as_of)s and heard.user_id is not null) as recent,
    count(*) filter (
        where s.expiration > %(as_of)s
            and s.created_at <= %(as_of)s::timestamp - interval '48 hours'
            and heard.user_id is null
    ) as silent
from calendar_webhook_subscriptions as s
left join (
    select distinct user_id from webhook_notifications
    where created_at >= %(as_of)s::timestamp - interval '48 hours' and created_at < %(as_of)s
) as heard using (user_id);

-- users who connected, and whether each connection had a success since
with connection as materialized (
    select
        s.user_id,
        s.integration_type,
        s.created_at,
        exists (
            select from sync_metrics as m
            where m.user_id = s.user_id
                and m.integration_type = s.integration_type
                and m.result = 'success'
                and m.created_at - s.created_at >= interval '0'
        ) as succeeded
    from sync_schedule as s
    join users as u on u.id = s.user_id
    where (s.onboarding_until is not null or u.created_at >= %(window_start)s)
        and s.created_at >= %(window_start)s
        and s.created_at < %(as_of)s::timestamp - interval '1 hour'
)
select
    (select count(*) from (
        select from connection group by user_id having bool_and(succeeded)
    ) as users) as succeeded,
    count(distinct user_id) as settled,
    count(*) filter (where succeeded and integration_type = 'google_contacts') as contacts,
    count(*) filter (where succeeded and integration_type = 'google_calendar') as calendar,
    (
        select array_agg(message) from (
            select m.error_message as message from connection as c
            join sync_metrics as m using (user_id, integration_type)
            where not c.succeeded and m.result = 'failure'
                and m.user_id = any (
                    array(select user_id from connection where not succeeded)
                )
            group by 1 order by count(*) desc limit 5
        ) as errors
    ) as errors,
    (
        select array_agg(succeeded) from (
            select bool_and(succeeded) as succeeded from connection
            group by user_id order by max(created_at) desc limit 50
        ) as users
    ) as newest
from connection;

-- connections, and how many of them are scheduled and have a subscription
select
    integration_type,
    count(*) as connections,
    count(*) filter (
        where s.next_sync_at <= %(as_of)s::timestamp + interval '30 days'
    ) as scheduled,
    count(*) filter (where w.expiration > %(as_of)s) as subscribed
from sync_schedule as s
full join (
    select user_id, integration_type from token_health where status not in ('expired', 'revoked')
) as t using (user_id, integration_type)
left join calendar_webhook_subscriptions as w using (user_id)
group by 1;

select
    (select count(distinct user_id) from token_health) as users,
    (
        select count(distinct user_id) from token_health where status in ('expired', 'revoked')
    ) as invalid,
    (select array_agg((status, n)::text) from (
        select status, count(*) as n from token_health group by 1) as s) as tokens,
    (select array_agg((state, integration_type, n)::text) from (
        select state, integration_type, count(*) as n
        from circuit_breaker_state group by 1, 2) as s) as breakers,
    (
        select count(distinct user_id) from circuit_breaker_state where state = 'open'
    ) as open_users,
    (
        select count(*) from circuit_breaker_state
        where state = 'open' and next_retry_at < %(as_of)s::timestamp - interval '24 hours'
    ) as stuck,
    (select count(distinct user_id) from sync_schedule) as connected_users,
    (
        select count(*) from sync_schedule
        where next_sync_at < %(as_of)s::timestamp - interval '24 hours'
    ) as stale,
    (
        select count(*) from token_health
        where last_checked >= %(as_of)s::timestamp - interval '26 hours'
    ) as token_refresh,
    (
        select count(*) from token_health where status = 'valid' and expiry_date < last_checked
    ) as outlived,
    (
        select count(*) from circuit_breaker_state
        where state = 'half_open' and updated_at < %(as_of)s::timestamp - interval '24 hours'
    ) as lingering,
    (select max(updated_at) from calendar_webhook_subscriptions) as webhook_health,
    (
        select created_at from sync_metrics
        where created_at < %(as_of)s and sync_type in ('full', 'incremental')
        order by created_at desc limit 1
    ) as adaptive_sync,
    (
        select count(*) from token_health_notifications
        where resolved_at is null and reminder_sent_at is null
    ) as unreminded;

select integration_type, max(gap) as longest
from (
    select
        integration_type,
        first_at - lag(last_at) over (partition by integration_type order by first_at) as gap
    from (
        select integration_type, min(created_at) as first_at, max(created_at) as last_at
        from sync_metrics
        where created_at >= %(window_start)s and created_at < %(as_of)s
        group by integration_type, date_bin('1 hour', created_at, %(window_start)s)
    ) as hours
) as gaps
group by 1
