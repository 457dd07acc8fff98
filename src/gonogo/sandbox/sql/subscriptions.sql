-- A channel for (nearly) every calendar. The new application registers them within three minutes of
-- its start, which comes a little before the deployment's end, when the traffic begins.
insert into calendar_webhook_subscriptions (id, user_id, channel_id, resource_id, resource_uri,
    expiration, token, created_at, updated_at)
select
    md5('subscription:' || user_id)::uuid,
    user_id,
    'gonogo-' || md5('channel:' || user_id),
    left(md5('resource:' || user_id), 27),
    format('https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json&u=%%s',
        left(user_id::text, 8)),
    %(end)s::timestamp,
    md5('verification:' || user_id),
    created_at,
    created_at
from (
    select
        *,
        row_number() over (order by pg_temp.uniform_of(user_id, 22), user_id) as place,
        count(*) over () as total
    from connection
    where integration_type = 'google_calendar'
) as calendar
cross join lateral (
    select case
        when fresh then connected_at + interval '20 seconds'
        else %(start)s::timestamp - interval '30 seconds'
            + pg_temp.uniform_of(user_id, 21) * interval '3 minutes'
    end as created_at
) as registered
where place > floor(total * (1 - %(webhooks_subscribed)s::double precision) + 1e-9)
on conflict (user_id) do nothing;

insert into channel (user_id, channel_id, resource_id, created_at, rank)
select user_id, channel_id, resource_id, created_at,
    row_number() over (order by created_at, user_id)
from (
    select
        *,
        row_number() over (order by pg_temp.uniform_of(user_id, 23), user_id) as place,
        count(*) over () as total
    from calendar_webhook_subscriptions
) as placed
where place > floor(total * %(webhooks_silent)s::double precision + 1e-9);

-- As of the end: renewed daily for a week each, looked at every 12 h.
update calendar_webhook_subscriptions as s
set expiration = case
        when place <= floor(total * %(webhooks_expired)s::double precision + 1e-9)
            then %(end)s::timestamp - pg_temp.uniform_of(s.user_id, 24) * interval '20 hours'
        else %(end)s::timestamp + interval '26 hours'
            + pg_temp.uniform_of(s.user_id, 24) * interval '140 hours'
    end,
    updated_at = greatest(s.created_at, %(end)s::timestamp
        - %(states_subscriptions_checked_h)s::double precision * interval '1 hour')
from (
    select
        id,
        row_number() over (order by pg_temp.uniform_of(user_id, 23) desc, user_id) as place,
        count(*) over () as total
    from calendar_webhook_subscriptions
) as placed
where placed.id = s.id;

analyze channel
