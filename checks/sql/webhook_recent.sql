-- The newest handled notifications of the window, newest first.
-- result: text; at: UTC, without time zone
select result, created_at as at
from webhook_notifications
where created_at >= %(window_start)s
    and created_at < %(as_of)s
    and result in ('success', 'failure')
order by created_at desc, id desc
limit %(most_recent)s
