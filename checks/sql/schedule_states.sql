-- Connections by integration: those of the schedule, and those that it lacks although their token lives.
-- integration: text; connections; stale: more than a day overdue; settled: connected an hour ago or more;
-- scheduled: settled, their next sync at most 30 days ahead (infinity is none); calendars: settled ones of the
-- calendar; subscribed: those with an active webhook subscription, which ends some day. All are connections
select
    coalesce(integration_type, '(none)') as integration,
    count(*) as connections,
    count(*) filter (where next_at < %(as_of)s::timestamp - interval '24 hours') as stale,
    count(*) filter (where settled) as settled,
    count(*) filter (
        where settled
            and isfinite(next_at)
            and next_at <= %(as_of)s::timestamp + interval '30 days'
    ) as scheduled,
    count(*) filter (where settled and integration_type = 'google_calendar') as calendars,
    count(*) filter (
        where settled and integration_type = 'google_calendar'
            and subscribed_until > %(as_of)s::timestamp
    ) as subscribed
from (
    select
        user_id,
        integration_type,
        min(next_sync_at) as next_at,
        max(expiration) as subscribed_until,
        -- Whose moment is unknown or lies in the future is not new.
        (
            min(connected_at) > %(as_of)s::timestamp - interval '1 hour'
            and min(connected_at)
                <= greatest(%(as_of)s::timestamp, timezone('utc', now())) + interval '5 minutes'
        ) is not true as settled
    from (
        select user_id, integration_type, created_at as connected_at, next_sync_at,
            null::timestamp as expiration, true as connected
        from sync_schedule
        union all
        select user_id, integration_type, created_at, null, null, true
        from token_health
        where (status in ('expired', 'revoked')) is not true
        union all
        select user_id, 'google_calendar', null, null, expiration, false
        from calendar_webhook_subscriptions
        where expiration < 'infinity'
    ) as known
    group by user_id, integration_type
    having bool_or(connected)
) as connections
group by integration_type
