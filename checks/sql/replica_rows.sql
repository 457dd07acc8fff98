-- On a standby: for how long a busy stream has brought no row, nor the primary any transaction. A stream
-- is busy when, at its own rate of the six hours before the window's end, 20 or more rows are overdue
-- since its newest one; no row on a primary, and 0 where no stream is busy: what an idle application has
-- not written is not missing.
-- silent_s: seconds
select
    greatest(
        0,
        least(
            extract(
                epoch from least(%(as_of)s::timestamp, now()::timestamp)
                    - (pg_last_xact_replay_timestamp() at time zone 'UTC')
            ),
            greatest(
                case when syncs * sync_s >= 20 * (21600 - sync_s) then sync_s end,
                case
                    when notifications * notification_s >= 20 * (21600 - notification_s)
                        then notification_s
                end,
                0
            )
        )
    ) as silent_s
from (
    select
        (
            select count(*)
            from sync_metrics
            where created_at >= %(as_of)s::timestamp - interval '6 hours' and created_at < %(as_of)s
        ) as syncs,
        (
            select extract(epoch from %(as_of)s::timestamp - max(created_at))
            from sync_metrics
            where created_at >= %(as_of)s::timestamp - interval '6 hours' and created_at < %(as_of)s
        ) as sync_s,
        (
            select count(*)
            from webhook_notifications
            where created_at >= %(as_of)s::timestamp - interval '6 hours' and created_at < %(as_of)s
        ) as notifications,
        (
            select extract(epoch from %(as_of)s::timestamp - max(created_at))
            from webhook_notifications
            where created_at >= %(as_of)s::timestamp - interval '6 hours' and created_at < %(as_of)s
        ) as notification_s
) as streams
where pg_is_in_recovery()
