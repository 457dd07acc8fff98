-- The user with the most failed notifications in the window; no row where none failed.
-- user_id: the application's id; failures, executed: notifications
select
    coalesce(user_id::text, '(none)') as user_id,
    count(*) filter (where result = 'failure') as failures,
    count(*) as executed
from webhook_notifications
where created_at >= %(window_start)s
    and created_at < %(as_of)s
    and result in ('success', 'failure')
group by webhook_notifications.user_id
having count(*) filter (where result = 'failure') > 0
order by failures desc, user_id
limit 1
