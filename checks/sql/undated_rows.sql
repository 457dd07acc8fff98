-- Rows without the moment by which they are counted: no window and no age would ever see them. Before all
-- time (-infinity) is no moment either, where a row counts by when it came.
-- undated: rows
select
    (select count(*) from sync_metrics where created_at is null or created_at = '-infinity')
    + (select count(*) from webhook_notifications where created_at is null or created_at = '-infinity')
    + (
        select count(*) from sync_schedule as s
        left join users as u on u.id = s.user_id
        where s.next_sync_at is null
            or (s.created_at is null or s.created_at = '-infinity')
            and (
                s.onboarding_until is not null
                or u.created_at >= %(since_deployment)s::timestamp at time zone 'UTC'
            )
    )
    + (
        select count(*) from calendar_webhook_subscriptions
        where expiration is null or created_at is null
    )
    + (select count(*) from token_health where last_checked is null)
    + (
        select count(*) from token_health_notifications
        where created_at is null and resolved_at is null and reminder_sent_at is null
    ) as undated
