-- Failures of the window whose message matches a critical pattern; each message is matched once.
-- source: text; n: rows
select
    'sync_metrics' as source,
    -- A filter, not a where: that would be pushed down to every row before they are grouped.
    coalesce(sum(n) filter (where error_message ~* %(critical_pattern)s), 0)::bigint as n
from (
    select error_message, count(*) as n
    from sync_metrics
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    group by 1
) as messages
union all
select
    'webhook_notifications',
    coalesce(sum(n) filter (where error_message ~* %(critical_pattern)s), 0)::bigint
from (
    select error_message, count(*) as n
    from webhook_notifications
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'failure'
    group by 1
) as messages
