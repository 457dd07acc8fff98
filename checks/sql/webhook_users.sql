-- The user with the most failed notifications in the window; no row where none failed. Failures are few:
-- only this user's other notifications are counted.
-- user_id: the application's id; failures, executed: notifications
with worst as (
    select user_id, count(*) as failures
    from webhook_notifications
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    group by user_id
    order by failures desc, coalesce(user_id::text, '(none)')
    limit 1
)
select
    coalesce(worst.user_id::text, '(none)') as user_id,
    worst.failures,
    count(*) as executed
from worst
join webhook_notifications as n
    on n.user_id = worst.user_id or worst.user_id is null and n.user_id is null
where n.created_at >= %(window_start)s
    and n.created_at < %(as_of)s
    and n.result in ('success', 'failure')
group by worst.user_id, worst.failures
