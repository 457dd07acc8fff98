-- How far the newest row lies ahead of the window's end, or of the server's clock when that is later.
-- ahead_s: seconds, negative when behind
select extract(epoch from newest - greatest(%(as_of)s::timestamp, now()::timestamp)) as ahead_s
from (
    select greatest(
        (select max(created_at) from sync_metrics),
        (select max(created_at) from webhook_notifications),
        (select max(created_at) from sync_schedule),
        (select max(greatest(created_at, updated_at)) from calendar_webhook_subscriptions),
        (select max(last_checked) from token_health),
        (select max(updated_at) from circuit_breaker_state),
        (
            select max(greatest(created_at, reminder_sent_at, resolved_at))
            from token_health_notifications
        )
    ) as newest
) as rows
