-- One query a number, as the old monitors asked: 43 of them, each on a connection of its own. Of
-- the gate's numbers this leaves out the newest events, the trend and the gaps by integration.
select count(*) filter (where result = 'success') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result in ('success', 'failure');

select count(*) filter (where result = 'success') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result in ('success', 'failure') and integration_type = 'google_contacts';

select count(*) filter (where result = 'success') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result in ('success', 'failure') and integration_type = 'google_calendar';

select count(*) filter (where result = 'skipped') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s;

select count(*) filter (where result = 'skipped') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and integration_type = 'google_contacts';

select count(*) filter (where result = 'skipped') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and integration_type = 'google_calendar';

select count(*)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and skip_reason in ('adaptive_scheduling', 'not_due');

select count(*)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and skip_reason = 'circuit_breaker_open';

select count(*)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and skip_reason = 'invalid_token';

select count(*)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and skip_reason = 'token_expiring';

select sum(api_calls_saved)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s;

select sum(api_calls_made)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s;

select avg(duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_contacts';

select percentile_cont(0.50) within group (order by duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_contacts';

select percentile_cont(0.95) within group (order by duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_contacts';

select percentile_cont(0.99) within group (order by duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_contacts';

select avg(duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_calendar';

select percentile_cont(0.50) within group (order by duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_calendar';

select percentile_cont(0.95) within group (order by duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_calendar';

select percentile_cont(0.99) within group (order by duration_ms)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'success' and integration_type = 'google_calendar';

select count(*) filter (where successes = 0) as k, count(*) as n
from (
    select user_id, count(*) filter (where result = 'success') as successes
    from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s
        and result in ('success', 'failure')
    group by user_id
    having count(*) >= 2
) as users;

select count(*) filter (where sync_type = 'manual') as k, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result in ('success', 'failure');

select error_message, count(*)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'failure'
group by 1 order by 2 desc limit 5;

select count(*)
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
    and error_message ~* %(critical_pattern)s;

select max(gap)
from (
    select created_at - lag(created_at) over (order by created_at) as gap
    from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s
) as gaps;

select count(*) filter (where result = 'success') as k, count(*) as n
from webhook_notifications
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result in ('success', 'failure');

select count(*)
from webhook_notifications
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'ignored';

select count(*)
from webhook_notifications
where created_at >= %(window_start)s and created_at < %(as_of)s;

select count(*)
from webhook_notifications
where created_at >= %(window_start)s and created_at < %(as_of)s
    and error_message ~* %(critical_pattern)s;

select error_message, count(*)
from webhook_notifications
where created_at >= %(window_start)s and created_at < %(as_of)s
    and result = 'failure'
group by 1 order by 2 desc limit 5;

select count(*) from calendar_webhook_subscriptions where expiration > %(as_of)s;

select count(distinct user_id)
from webhook_notifications
where created_at >= %(as_of)s::timestamp - interval '48 hours' and created_at < %(as_of)s;

select count(*)
from calendar_webhook_subscriptions
where expiration > %(as_of)s
    and user_id not in (
        select user_id from webhook_notifications
        where created_at >= %(as_of)s::timestamp - interval '48 hours' and created_at < %(as_of)s
    );

select count(distinct user_id)
from sync_schedule
where onboarding_until is not null and created_at >= %(window_start)s;

select count(distinct s.user_id)
from sync_schedule as s
join sync_metrics as m using (user_id, integration_type)
where s.onboarding_until is not null
    and s.created_at >= %(window_start)s
    and s.integration_type = 'google_contacts'
    and m.result = 'success';

select count(distinct s.user_id)
from sync_schedule as s
join sync_metrics as m using (user_id, integration_type)
where s.onboarding_until is not null
    and s.created_at >= %(window_start)s
    and s.integration_type = 'google_calendar'
    and m.result = 'success';

select count(distinct user_id) from token_health;

select count(distinct user_id) from token_health where status in ('expired', 'revoked');

select status, count(*) from token_health group by 1;

select count(distinct user_id) from circuit_breaker_state where state = 'open';

select state, count(*) from circuit_breaker_state group by 1;

select count(*) from circuit_breaker_state
where state = 'open' and next_retry_at < %(as_of)s::timestamp - interval '24 hours';

select count(*) from sync_schedule where next_sync_at < %(as_of)s::timestamp - interval '24 hours'
