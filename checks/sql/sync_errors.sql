-- The most frequent error messages of failed syncs in the window.
-- message: text of the application, hostile; n: rows
select left(coalesce(error_message, '(no message)'), 1000) as message, count(*) as n
from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
group by 1
order by n desc, message
limit %(most_messages)s
