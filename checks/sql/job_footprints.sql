-- What the background jobs leave behind; null where a job never left anything. A moment from the future
-- (later than the window's end, the server's clock and what clocks may differ by) proves nothing.
-- *_age_s: seconds before the window's end; unreminded: notifications
select
    extract(epoch from %(as_of)s::timestamp - greatest(
        (
            select max(updated_at) from calendar_webhook_subscriptions
            where updated_at
                <= greatest(%(as_of)s::timestamp, timezone('utc', now())) + interval '5 minutes'
        ),
        (
            select created_at from webhook_notifications
            where created_at < %(as_of)s order by created_at desc limit 1
        )
    )) as webhook_health_age_s,
    extract(epoch from %(as_of)s::timestamp - (
        select created_at from sync_metrics
        where created_at < %(as_of)s
            and (sync_type in ('full', 'incremental') or result = 'skipped')
        order by created_at desc limit 1
    )) as adaptive_sync_age_s,
    (
        select count(*) from token_health_notifications
        where resolved_at is null
            and reminder_sent_at is null
            and created_at < %(as_of)s::timestamp - interval '7 days 26 hours'
    ) as unreminded
