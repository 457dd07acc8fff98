-- The most frequent error messages of failed notifications in the window; and, in a row without a
-- message, how many failures have a critical one: each message is matched once.
-- message: text of the application, hostile; n, critical: rows
with messages as (
    select error_message, count(*) as n
    from webhook_notifications
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    group by 1
), tops as (
    select left(coalesce(error_message, '(no message)'), 1000) as message, sum(n)::bigint as n
    from messages
    group by 1
    order by n desc, message
    limit %(most_messages)s
)
select message, n, null as critical
from tops
union all
-- A filter, not a where: that would be pushed down to every row before they are grouped.
select null, null, coalesce(sum(n) filter (where error_message ~* %(critical_pattern)s), 0)::bigint
from messages
