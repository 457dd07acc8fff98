-- Subscriptions as of the window's end; 48 h are fixed, whatever the window.
-- total, expired, active, settled (active and 48 h old), recent (active, heard from in 48 h),
-- silent (settled, not heard from in 48 h): subscriptions
select
    count(*) as total,
    count(*) filter (where not active) as expired,
    count(*) filter (where active) as active,
    count(*) filter (where active and settled) as settled,
    count(*) filter (where active and heard) as recent,
    count(*) filter (where active and settled and not heard) as silent
from (
    select
        s.expiration > %(as_of)s::timestamp as active,
        s.created_at <= %(as_of)s::timestamp - interval '48 hours' as settled,
        n.user_id is not null as heard
    from calendar_webhook_subscriptions as s
    left join (
        select user_id
        from webhook_notifications
        where created_at >= %(as_of)s::timestamp - interval '48 hours'
            and created_at < %(as_of)s::timestamp
        group by user_id
    ) as n on n.user_id = s.user_id
) as subscriptions
